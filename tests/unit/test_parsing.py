"""The pure functions of the parser: what kreuzberg returns made fit to be quoted and cited."""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragstone.adapters.parsers.kreuzberg.decoding import decode
from ragstone.adapters.parsers.kreuzberg.extraction import readable
from ragstone.adapters.parsers.kreuzberg.pdf.layout import render
from ragstone.adapters.parsers.kreuzberg.tables import csv_to_markdown
from ragstone.adapters.parsers.kreuzberg.xml_text import xml_to_text
from ragstone.domain.errors import ParseFailed
from ragstone.domain.markdown import outline


def node(kind: str, text: str, page: int | None = 1, *, height: float = 10.0, **content: Any) -> Mapping[str, Any]:
    """Return a node as kreuzberg gives it, ``height`` points for each line."""
    box = {"x0": 0.0, "x1": 100.0, "y0": 0.0, "y1": height * (1 + 1.2 * text.count("\n"))}
    return {"content": {"node_type": kind, "text": text, **content}, "page": page, "bbox": box}


def test_lines_of_a_paragraph_are_joined_and_parted_words_made_whole() -> None:
    content, _ = render([node("paragraph", "One inter-\nesting line of the E-\nMail about 3-\n4 things\n中文\n文字")])
    assert content == "One interesting line of the E-Mail about 3-4 things 中文文字"


def test_a_paragraph_goes_on_over_the_page() -> None:
    nodes = [
        node("paragraph", "It begins here", 1),
        node("page_break", "", None),
        node("paragraph", "and goes on.", 2),
        node("paragraph", "Next.", 3),
    ]
    content, pages = render(nodes)
    assert content == "It begins here and goes on.\n\nNext."
    assert [(page.page, content[page.start : page.end].strip()) for page in pages] == [
        (1, "It begins here"),
        (2, "and goes on."),
        (3, "Next."),
    ]


@pytest.mark.parametrize(
    ("text", "height", "is_heading"),
    [
        ("Results", 14.0, True),
        ("Results", 10.0, False),
        ("2.1 Results", 10.0, True),
        ("Results and\ndiscussion", 14.0, True),
        ("x ∈ R", 14.0, False),
        ("A sentence in larger type.", 14.0, False),
        ("goes on in larger type", 14.0, False),
        ("12", 14.0, False),
        ("Long " * 30, 14.0, False),
    ],
)
def test_which_headings_are_believed(text: str, height: float, is_heading: bool) -> None:
    content, _ = render([node("heading", text, height=height, level=2), node("paragraph", "Body text. " * 20)])
    assert content.startswith("## ") == is_heading


def test_lists_tables_and_code() -> None:
    cells = [
        {"row": row, "col": column, "content": text}
        for row, texts in enumerate([("k", "v"), ("a|b", "1\n2")])
        for column, text in enumerate(texts)
    ]
    nodes = [
        {"content": {"node_type": "list", "ordered": True}, "page": None},
        {**node("list_item", "first\nitem"), "parent": 0},
        {**node("list_item", "second"), "parent": 0},
        {"content": {"node_type": "table", "grid": {"rows": 2, "cols": 2, "cells": cells}}, "page": 2},
        node("code", "x = '```'", 2, language="python"),
    ]
    content, pages = render(nodes)
    assert content == (
        "1. first item\n1. second\n\n| k | v |\n| --- | --- |\n| a\\|b | 1 2 |\n\n````python\nx = '```'\n````"
    )
    assert [page.page for page in pages] == [1, 2]


@pytest.mark.parametrize("text", ["# no heading, but a sentence.", "```", "<!-- no comment", "===", "~~~ no fence"])
def test_a_paragraph_stays_a_paragraph(text: str) -> None:
    content, _ = render([node("paragraph", "Before."), node("paragraph", text), node("paragraph", "After.")])
    assert [block.kind.value for block in outline(content).blocks] == ["paragraph"] * 3


def test_nothing_renders_to_nothing() -> None:
    assert render([]) == ("", [])


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (r"C\# and \_snake\_ \<b\> 1\. \*", "C# and _snake_ <b> 1. *"),
        (r"\# stays", r"\# stays"),
        ("> \\# stays\n\\- stays", "> \\# stays\n\\- stays"),
        (r"a \\ b", r"a \ b"),
        (r"`a\_b` and $$\{x\}$$", r"`a\_b` and $$\{x\}$$"),
        ("```\na\\_b\n```", "```\na\\_b\n```"),
        ("| a \\| b |\n|---|\n| c\\_d |", "| a \\| b |\n|---|\n| c_d |"),
        ("before ![A chart](media/image1.png) after", "before A chart after"),
        (r"\![Slide](../media/image1.jpeg)", "Slide"),
        ("![](data:image/png;base64,AAAA)", ""),
    ],
)
def test_escapes_are_undone_where_they_change_nothing(source: str, shown: str) -> None:
    assert readable(source) == shown


def test_reading_takes_linear_time() -> None:
    began = time.process_time()
    for text in ("`" * 100_000, "`a" * 100_000, "$$" * 100_000, "![" * 100_000, "\\" * 100_000, "$$ a " * 100_000):
        readable(text)
        readable("x\n" + text)
    assert time.process_time() - began < 10


def test_the_delimiter_of_a_table_is_found() -> None:
    assert csv_to_markdown("a\tb,c\td\n1\t2\t3") == "| a | b,c | d |\n| --- | --- | --- |\n| 1 | 2 | 3 |"
    assert csv_to_markdown('"a;b;c",d\n1') == "| a;b;c | d |\n| --- | --- |\n| 1 |  |"
    assert csv_to_markdown("") == ""


def test_xml_that_is_not_well_formed_is_kept() -> None:
    assert xml_to_text("<a>one<b>two</a>") == "<a>one<b>two</a>"
    assert xml_to_text("<ns:a xmlns:ns='x'><ns:b>one &lt;i&gt;two&lt;/i&gt;</ns:b></ns:a>") == "b: one two"


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_become_text_that_can_be_stored_or_are_refused(data: bytes, markup: bool) -> None:
    with suppress(ParseFailed):
        text = decode(data, markup=markup)
        text.encode()
        assert "\0" not in text
        assert "\r" not in text


@pytest.mark.parametrize("charset", ["undefined", "base64", "idna", "no-such-charset", "utf-7", "rot13"])
def test_a_charset_that_is_none_is_ignored(charset: str) -> None:
    html = f'<meta charset="{charset}">Der Ärger über die Übergröße'
    assert decode(html.encode("cp1252"), markup=True) == html


def test_the_declared_charset_counts_for_markup() -> None:
    html = '<html><head><meta http-equiv="Content-Type" content="text/html; charset=koi8-r"></head>Привет'
    assert decode(html.encode("koi8-r"), markup=True) == html
