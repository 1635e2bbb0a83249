"""The outline of Markdown: headings and their paths, blocks and their spans, whatever the text holds."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragstone.domain.markdown import (
    LONGEST_TITLE,
    front_matter_title,
    heading_path_at,
    outline,
    plain_title,
)
from ragstone.domain.markdown_blocks import BlockKind


def paths(text: str) -> list[tuple[str, ...]]:
    return [section.path for section in outline(text).sections]


def kinds(text: str) -> list[tuple[str, str]]:
    return [(block.kind.value, text[block.start : block.end]) for block in outline(text).blocks]


def test_a_path_holds_the_headings_above() -> None:
    text = "intro\n\n# A\n\na\n\n## B\n\nb\n\n### C\n\nc\n\n## D\n\nd\n\n# E\n"
    assert paths(text) == [(), ("A",), ("A", "B"), ("A", "B", "C"), ("A", "D"), ("E",)]
    assert heading_path_at(outline(text), text.index("\nc\n") + 1) == ("A", "B", "C")
    assert heading_path_at(outline(text), text.index("## D")) == ("A", "D")
    assert heading_path_at(outline(text), 0) == ()


def test_a_skipped_level_stays_skipped() -> None:
    assert paths("# A\n\n### B\n\n## C\n\n#### D") == [("A",), ("A", "B"), ("A", "C"), ("A", "C", "D")]


def test_setext_headings() -> None:
    assert paths("Title\n=====\n\ntext\n\nPart\n---\n\nmore") == [("Title",), ("Title", "Part")]
    assert paths("two\nlines\n===\n") == [("two lines",)]


@pytest.mark.parametrize(
    "text",
    [
        "#hashtag",
        "####### seven",
        "    # indented code",
        "text\n\n---\n\ntext",
        "- item\n---\n",
        "| a | b |\n|---|---|\n| # | 2 |",
        "```\n# in a fence\n```",
        "~~~\n# in a fence\n```\n# still\n~~~",
        "````\n```\n# in the longer fence\n```\n````",
        "<!--\n# in a comment\n-->",
        "<!-- # in a comment -->",
        "<pre>\n# in pre\n\n# still\n</pre>",
        "---\n# in front matter\ntitle: x\n---\n",
        "```\n# an unclosed fence goes on to the end\n\n# still",
        "> # quoted",
        "- item\n\n  ```\n  # in the item's fence\n  ```\n",
        "1. item\n\n    ```sh\n    # comment\n    ```\n",
    ],
)
def test_what_is_no_heading(text: str) -> None:
    assert [path for path in paths(text) if path] == []


def test_an_unclosed_fence_ends_with_the_item_that_holds_it() -> None:
    assert paths("- item\n\n  ```\n  code\n\n# Heading\n\ntext") == [(), ("Heading",)]


def test_front_matter_without_an_end_is_a_rule() -> None:
    text = "---\n\n# Heading\n\ntext"
    assert paths(text) == [(), ("Heading",)]
    assert kinds(text)[0] == ("rule", "---")


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("Plain", "Plain"),
        ("Closed ##", "Closed"),
        ("C#", "C#"),
        ("First Steps { #first-steps }", "First Steps"),
        ("Attributes {.class #id}", "Attributes"),
        ("Using `BackgroundTasks`", "Using BackgroundTasks"),
        ("The `__init__` *method*, **now** _and_ __then__", "The __init__ method, now and then"),
        ("snake_case_name and 2 * 3 * 4", "snake_case_name and 2 * 3 * 4"),
        ("A [link](https://x.org/a_b) and [ref][1] ![pic](p.png)", "A link and ref pic"),
        ('<a name="x"></a>Tags &amp; entities', "Tags & entities"),
        ("`<b>` stays", "<b> stays"),
        (r"Escaped \_under\_ \# 1\.", "Escaped _under_ # 1."),
        ("", ""),
        ("###", ""),
    ],
)
def test_titles_lose_their_markup(source: str, title: str) -> None:
    assert plain_title(source) == title


def test_a_title_has_a_longest_length() -> None:
    title = outline("# " + "word " * 1_000).sections[0].title
    assert len(title) <= LONGEST_TITLE
    assert title.endswith("…")


def test_blocks() -> None:
    text = (
        "Para one\ngoes on.\n\n- a\n  - nested\n\n  more of a\n- b\n\n1. c\n\n> quote\n> more\n\n"
        "Head | er\n---|---\n1 | 2\n\n```py\nx = 1\n\ny = 2\n```\n\n"
        "    indented\n\n    code\n\n***\n\n<div>\nhtml\n</div>\n\nend"
    )
    assert kinds(text) == [
        ("paragraph", "Para one\ngoes on."),
        ("item", "- a\n  - nested\n\n  more of a"),
        ("item", "- b"),
        ("item", "1. c"),
        ("quote", "> quote\n> more"),
        ("table", "Head | er\n---|---\n1 | 2"),
        ("code", "```py\nx = 1\n\ny = 2\n```"),
        ("code", "    indented\n\n    code"),
        ("rule", "***"),
        ("html", "<div>\nhtml\n</div>"),
        ("paragraph", "end"),
    ]


def test_a_table_takes_only_the_line_above_its_rule() -> None:
    text = "Caption\n| a | b |\n| - | - |\n| 1 | 2 |"
    assert kinds(text) == [("paragraph", "Caption"), ("table", "| a | b |\n| - | - |\n| 1 | 2 |")]


def test_front_matter_title() -> None:
    assert front_matter_title("---\nlayout: x\ntitle: 'About: us'\n---\n# No") == "About: us"
    assert front_matter_title("---\nsubtitle: x\n---\n") is None
    assert front_matter_title("---\ntitle: never closed\n") is None
    assert front_matter_title("title: x") is None


@given(st.text(alphabet="#-=`~|<>!*_[](){}\\ \t\nab1.:/&;", max_size=300))
def test_sections_cover_the_text_and_blocks_hold_all_of_it(text: str) -> None:
    result = outline(text)
    position = 0
    for section in result.sections:
        assert section.start == position
        assert section.start <= section.body <= section.end
        position = section.end
    assert position == len(text)
    position = 0
    for block in result.blocks:
        assert not text[position : block.start].strip()
        assert position <= block.start < block.end <= len(text)
        assert (block.kind is BlockKind.HEADING) == bool(block.level)
        position = block.end
    assert not text[position:].strip()


@pytest.mark.parametrize(
    "text",
    [
        "word " * 250_000,
        "# \n" * 25_000,
        "#" * 1_250_000,
        "`" * 500_000,
        "# " + "[`*_<![" * 125_000,
        "```\n" + "# x\n" * 50_000,
        "```a\n\n" * 25_000,
        "<!--\n" * 50_000,
        "---\n" * 50_000,
        "foo\n---\n" * 12_500,
        "foo\n" * 50_000 + "---\n",
        "- " * 250_000,
        "> " * 250_000,
        "|" * 250_000 + "\n" + "|-" * 125_000,
        " " * 750_000 + "x",
        "\t" * 250_000,
    ],
    ids=range(16),
)
def test_hostile_text_takes_linear_time(text: str) -> None:
    began = time.process_time()
    outline(text)
    assert time.process_time() - began < 10
