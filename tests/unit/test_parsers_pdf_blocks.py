"""What the blocks of a PDF's page are made of: lines that kreuzberg lost, and headings that it joined."""

from typing import Any

import pytest

from ragstone.adapters.parsers.kreuzberg.pdf.heading_lines import LargeLine, headings_of
from ragstone.adapters.parsers.kreuzberg.pdf.layout import render
from ragstone.adapters.parsers.kreuzberg.pdf.line_text import line_key

BODY = ["The harbour was dredged in spring, and the quay wall was found sound by the divers", "who looked at it."]


def node(text: str, kind: str = "paragraph") -> dict[str, Any]:
    return {"page": 1, "content": {"node_type": kind, "text": text, "level": 1}}


def large(text: str, x0: float, y0: float, x1: float, height: float = 20.0) -> LargeLine:
    return LargeLine(line_key(text), x0, y0, x1, y0 + height)


@pytest.mark.parametrize(
    ("drawn", "nodes", "content"),
    [
        (["Title", "Orders", *BODY], [node("Title", "heading"), node("\n".join(BODY))], ["# Title", "Orders", "BODY"]),
        (["Orders", *BODY], [node("\n".join(BODY))], ["Orders", "BODY"]),
        ([*BODY, "Orders"], [node("\n".join(BODY))], ["BODY", "Orders"]),
    ],
)
def test_a_line_that_kreuzberg_lost_stands_where_it_is_drawn(
    drawn: list[str], nodes: list[dict[str, Any]], content: list[str]
) -> None:
    assert render(nodes, {1: "\r\n".join(drawn)})[0] == "\n\n".join(content).replace("BODY", " ".join(BODY))


def test_a_line_that_was_lost_within_a_paragraph_stands_there_again() -> None:
    content, _ = render([node("\n".join(BODY))], {1: "\r\n".join([BODY[0], "X17", BODY[1]])})
    assert content == f"{BODY[0]} X17 {BODY[1]}"


def test_a_line_that_is_there_with_its_words_joined_is_not_lost() -> None:
    content, _ = render([node(f"Strategy2024\n{BODY[0]}")], {1: f"Strategy\r\n2024\r\n{BODY[0]}"})
    assert content.count("2024") == 1


@pytest.mark.parametrize(
    ("lines", "headings"),
    [
        (["Annual Report", "1. Introduction"], 2),
        (["Annual Report", "of the Harbour"], 1),
        (["Report,", "2024 and later"], 1),
    ],
)
def test_a_number_begins_a_heading(lines: list[str], headings: int) -> None:
    assert len(list(headings_of("\n".join(lines), {}))) == headings


@pytest.mark.parametrize(
    ("below", "headings"),
    [
        (large("below", 72, 125, 200), 2),  # to the left of a line in the middle
        (large("below", 200, 125, 400), 1),  # in the middle as well
        (large("below", 250, 125, 320), 1),  # below the first line's second word
        (large("below", 200, 150, 400), 2),  # far below
        (large("below", 200, 125, 400, height=16), 2),  # smaller
    ],
)
def test_lines_are_one_heading_where_they_look_so(below: LargeLine, headings: int) -> None:
    lines = {line.key: line for line in (large("above", 220, 102, 380), below)}
    assert len(list(headings_of("above\nbelow", lines))) == headings
