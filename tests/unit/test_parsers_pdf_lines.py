"""The lines of a PDF: words that hyphens part, and what kreuzberg makes of marks."""

from typing import Any

import pytest

from ragstone.adapters.parsers.kreuzberg.pdf.layout import render
from ragstone.adapters.parsers.kreuzberg.pdf.line_text import HYPHEN, joined_lines, printable


def node(text: str, page: int = 1) -> dict[str, Any]:
    return {"page": page, "content": {"node_type": "paragraph", "text": text}}


@pytest.mark.parametrize(
    ("drawn", "joined"),
    [
        (f"the harbour autho{HYPHEN}rity decided", "the harbour authority decided"),
        ("the harbour autho\ufffe\r\nrity decided", "the harbour authority decided"),
        (f"an E{HYPHEN}Mail, the A{HYPHEN}7", "an E-Mail, the A-7"),
        (f"ends with a mark{HYPHEN}", "ends with a mark-"),
        (f"glyphs \x03{HYPHEN}\x04 say nothing", "glyphs     say nothing"),
        ("con\u00ad\ntract, con\u2010\ntract, con-\ntract", "contract, contract, contract"),
        ("Ost\u00ad\nSee, 2020\u2010\n2021", "OstSee, 2020\u20102021"),
        ("one \u2010\ntwo", "one \u2010 two"),
    ],
)
def test_words_parted_at_a_line_end_are_whole(drawn: str, joined: str) -> None:
    assert joined_lines(printable(drawn)) == joined


def test_a_hyphen_stays_in_words_that_have_one_elsewhere() -> None:
    text = f"The well{HYPHEN}known marks are well-known to the pi{HYPHEN}lots."
    assert render([node(text)], {1: text})[0] == "The well-known marks are well-known to the pilots."


def test_a_word_goes_on_over_the_page() -> None:
    content, pages = render([node("the harbour autho-", 1), node("rity decided.", 2)])
    assert content == "the harbour authority decided."
    assert [content[page.start : page.end] for page in pages] == ["the harbour autho", "rity decided."]


def test_marks_that_kreuzberg_takes_for_ligatures_are_those_of_the_page() -> None:
    drawn = "Danke!\r\nX#Y glued\r\nthe office"
    content, _ = render([node("Dankefi\nXfiY glued\nthe office")], {1: drawn})
    assert content == "Danke! X#Y glued the office"
