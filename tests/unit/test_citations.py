import time
from collections.abc import Sequence
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragstone.answer.citations import CitationWriter
from ragstone.answer.marks import Mark, MarkScanner
from ragstone.domain.answers import Citation, Cited, Delta, Passage, Support
from ragstone.domain.documents import Chunk
from ragstone.domain.queries import Hit
from ragstone.testing.chat_server import in_pieces
from ragstone.testing.word_vectors import WordVectors

BASALT = "Basalt is a dark rock. It formed 66 million years ago. It is not soluble in water."
GRANITE = "Granite is coarse. James Hutton saw granite veins at Glen Tilt in 1785. Quartz makes it hard."


def passage(n: int, content: str, at: int = 100) -> Passage:
    chunk = Chunk(UUID(int=n), 0, content, at, at + len(content), 0, heading_path=("Rocks",), page=n)
    return Passage(n, Hit(chunk, UUID(int=50 + n), "Rocks", f"{n}.md", "default", 0.5, {}), 10)


PASSAGES = (passage(1, BASALT), passage(2, GRANITE))


def scanned(*pieces: str) -> list[str | Mark]:
    scanner = MarkScanner()
    found: list[str | Mark] = []
    for piece in pieces:
        found.extend(scanner.feed(piece))
    found.extend(scanner.finish())
    joined: list[str | Mark] = []
    for part in found:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return joined


async def written(*pieces: str, passages: Sequence[Passage] = PASSAGES) -> tuple[str, list[Citation], CitationWriter]:
    """Return what a reader of the stream has: the deltas joined, and the citations in the order they came."""
    scanner, writer = MarkScanner(), CitationWriter(passages, WordVectors())
    parts = [part for piece in pieces for part in scanner.feed(piece)] + scanner.finish()
    events = [event for part in parts for event in await writer.write(part)]
    text = "".join(event.text for event in events if isinstance(event, Delta))
    assert text == writer.text
    return text, [event.citation for event in events if isinstance(event, Cited)], writer


@pytest.mark.parametrize(
    ("mark", "numbers"),
    [
        ("[1]", (1,)),
        ("[12]", (12,)),
        ("[1, 2]", (1, 2)),
        ("[1,2;3]", (1, 2, 3)),
        ("[1 and 3]", (1, 3)),
        ("[2-4]", (2, 3, 4)),
        ("[1–2, 5]", (1, 2, 5)),
        ("[1-999999]", (1, 999999)),
        ("[4-2]", (4, 2)),
        ("【3】", (3,)),
        ("[^2]", (2,)),
        ("[ 1 ]", (1,)),
        ("[Source 2]", (2,)),
        ("[passages: 1, 2]", (1, 2)),
        ("[0]", (0,)),
    ],
)
def test_what_is_a_mark(mark: str, numbers: tuple[int, ...]) -> None:
    assert scanned(f"So {mark}.") == ["So ", Mark(numbers), "."]
    assert scanned(*f"So {mark}.") == ["So ", Mark(numbers), "."]


@pytest.mark.parametrize(
    "text",
    [
        "[a]",
        "[]",
        "[1",
        "[1 or so]",
        "[some words that go on for long, longer than any mark would ever be]",
        "[link](target)",
        "[ ] to do",
        "`row[1]`",
        "``a `b[1]` c``",
        "```python\nrow[1] = x[2]\n```\n",
        "~ [x] 1]",
    ],
)
def test_what_is_none(text: str) -> None:
    assert scanned(text) == [text]
    assert scanned(*text) == [text]


def test_marks_after_code_are_marks_again() -> None:
    assert scanned("`row[1]` is [2].") == ["`row[1]` is ", Mark((2,)), "."]
    assert scanned(*"```\nrow[1]\n```\nSo [2].") == ["```\nrow[1]\n```\nSo ", Mark((2,)), "."]
    assert scanned("a stray ` tick [1]\n\nNext paragraph [2].")[-2] == Mark((2,))


def test_text_that_cannot_become_a_mark_is_not_held_back() -> None:
    scanner = MarkScanner()
    assert scanner.feed("Basalt [") == ["Basalt "]
    assert scanner.feed("see") == ["[see"]
    assert scanner.feed(" 【1") == [" "]
    assert scanner.feed("】") == [Mark((1,))]


@given(st.text(alphabet="ab[]1,- 【】`\n^", max_size=40), st.lists(st.integers(1, 5), min_size=1))
def test_pieces_do_not_matter(text: str, lengths: list[int]) -> None:
    pieces, at, turn = [], 0, 0
    while at < len(text):
        pieces.append(text[at : at + lengths[turn % len(lengths)]])
        at += len(pieces[-1])
        turn += 1
    assert scanned(*pieces) == scanned(text)


async def test_each_mark_becomes_a_citation_of_its_own() -> None:
    text, citations, _ = await written("Granite veins were seen in 1785 [2]. Basalt is a dark rock [1]. It formed [1].")
    assert text == "Granite veins were seen in 1785 [1]. Basalt is a dark rock [2]. It formed [3]."
    assert [each.n for each in citations] == [1, 2, 3]
    assert [each.document_id.int for each in citations] == [52, 51, 51]
    assert citations[0].quote == "James Hutton saw granite veins at Glen Tilt in 1785."
    assert citations[1].quote == "Basalt is a dark rock."


async def test_a_quote_is_verbatim_and_says_where_it_stands() -> None:
    _, (cited,), _ = await written("Granite veins were seen in 1785 [2].")
    assert GRANITE[cited.start - 100 : cited.end - 100] == cited.quote
    assert (cited.page, cited.heading_path, cited.title, cited.uri) == (2, ("Rocks",), "Rocks", "2.md")


async def test_marks_split_over_pieces_are_never_seen_half() -> None:
    scanner, writer = MarkScanner(), CitationWriter(PASSAGES, WordVectors())
    for piece in in_pieces("Basalt is a dark rock [1, 2]. Granite is coarse [2].", 1):
        for part in scanner.feed(piece):
            for event in await writer.write(part):
                if isinstance(event, Delta):
                    assert event.text.count("[") == event.text.count("]")
    assert scanner.finish() == []
    assert writer.text == "Basalt is a dark rock [1][2]. Granite is coarse [3]."


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("Basalt is a dark rock [9].", "Basalt is a dark rock."),
        ("Basalt is a dark rock [9] indeed.", "Basalt is a dark rock indeed."),
        ("Basalt is a dark rock. [9]\n\nMore of it [1].", "Basalt is a dark rock.\n\nMore of it [1]."),
        ("Basalt is dark [7][1][8].", "Basalt is dark [1]."),
        ("Basalt is dark [1][1] [1].", "Basalt is dark [1]."),
        ("[1] Basalt is dark.", "Basalt is dark."),
        ("[1](https://evil.example) is dark [1](https://evil.example)", None),
        ("Basalt [see below] is dark [1].", "Basalt [see below] is dark [1]."),
        (
            "Rocks:\n\n- Basalt is dark [1]\n- Granite is coarse [2]",
            "Rocks:\n\n- Basalt is dark [1]\n- Granite is coarse [2]",
        ),
        ("  Basalt is dark [1].  \n", "Basalt is dark [1]."),
    ],
)
async def test_marks_and_list_match(given_text: str, expected: str | None) -> None:
    for pieces in ((given_text,), tuple(given_text)):
        text, citations, _ = await written(*pieces)
        if expected is not None:
            assert text == expected
        assert "](" not in text
        marks = [part.numbers for part in scanned(text) if isinstance(part, Mark)]
        assert marks == [(each.n,) for each in citations]
        assert [each.n for each in citations] == list(range(1, len(citations) + 1))


async def test_a_mark_stands_for_the_sentence_before_it() -> None:
    text = "Granite is coarse. Basalt is not soluble in water. [1] It formed 66 million years ago [1] [2]."
    _, citations, _ = await written(text)
    assert [each.quote for each in citations[:2]] == [
        "It is not soluble in water.",
        "It formed 66 million years ago.",
    ]


@pytest.mark.parametrize(
    ("claim", "number", "support"),
    [
        ("Basalt is a dark rock", 1, Support.SUPPORTED),
        ("It formed 66 million years ago", 1, Support.SUPPORTED),
        ("It formed 67 million years ago", 1, Support.NOT_SUPPORTED),
        ("It is soluble in water", 1, Support.NOT_SUPPORTED),
        ("Basalt is not a dark rock", 1, Support.NOT_SUPPORTED),
        ("James Hutton saw granite veins at Glen Tilt", 2, Support.SUPPORTED),
        ("There James Watt saw granite veins at Glen Tilt", 2, Support.PARTLY),
        ("Bananas ripen quickly on sunny windowsills", 2, Support.NOT_SUPPORTED),
    ],
)
async def test_support(claim: str, number: int, support: Support) -> None:
    _, (cited,), _ = await written(f"{claim} [{number}].")
    assert cited.support is support


async def test_the_mark_for_no_answer_is_removed_and_noted() -> None:
    text, citations, writer = await written("[0", "] The sources do not say.")
    assert text == "The sources do not say."
    assert citations == []
    assert writer.says_no_answer


async def test_a_hundred_kilobytes_take_little_time() -> None:
    began = time.process_time()
    text, citations, _ = await written(*("Basalt is dark [1]. " * 200), *("word " * 20_000))
    assert len(citations) == 200
    assert len(text) > 100_000
    assert time.process_time() - began < 5.0
