"""Tables in chunks: what a row says of which column can be read in each of them, however wide the table."""

import re
import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragstone.domain.documents import Chunk, ParsedDocument
from ragstone.ingest.chunking import chunk
from ragstone.ingest.table_heads import cells
from ragstone.ingest.unchanged import Former


class WordPieces:
    """Like BERT's: words and marks, words of more than eight characters in pieces, white space nothing."""

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\w{1,8}|[^\w\s]", text)]


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cut(text: str, *, max_tokens: int = 200, overlap: float = 0.15, former: Former | None = None) -> list[Chunk]:
    chunks = chunk(
        ParsedDocument(text, "text/csv"),
        WordPieces(),
        max_tokens=max_tokens,
        overlap=overlap,
        model_max_tokens=512,
        former=former,
    )
    covered = bytearray(len(text))
    for piece in chunks:
        assert text[piece.start : piece.end] == piece.text
        assert len(WordPieces().spans(piece.text)) + len(WordPieces().spans(piece.lead)) <= max_tokens
        covered[piece.start : piece.end] = b"\1" * (piece.end - piece.start)
    assert not "".join(sign for sign, seen in zip(text, covered, strict=True) if not seen).strip()
    assert all(one.start < other.start and one.end < other.end for one, other in pairwise(chunks))
    return chunks


def names_of(columns: int) -> list[str]:
    return [f"Name of column{column}" for column in range(columns)]


def rows_of(rows: int, columns: int) -> list[list[str]]:
    return [[f"value {row}x{column}" for column in range(columns)] for row in range(rows)]


def said(names: Sequence[str], piece: Chunk) -> bool:
    """Whether a chunk has a header row for as many columns as its rows have, each a beginning of a name, in order."""
    head = cells(piece.told.split("\n")[0])
    widest = max(len(cells(line)) for line in piece.text.split("\n"))
    begin = next((place for place in range(len(names)) if all(map(str.startswith, names[place:], head))), None)
    return begin is not None and len(head) >= widest and all(head)


@pytest.mark.parametrize("columns", [2, 6, 10, 12, 16, 20, 30, 45])
def test_the_header_stands_above_each_row_of_a_table_of_any_width(columns: int) -> None:
    names = names_of(columns)
    chunks = cut(table(names, rows_of(30, columns)))
    header = max(piece.text.rfind("---") > 0 for piece in chunks)
    assert header
    assert all(said(names, piece) for piece in chunks if "value" in piece.text)


@pytest.mark.parametrize("columns", [16, 20])
def test_names_are_cut_short_so_that_rows_stay_whole(columns: int) -> None:
    chunks = cut(table(names_of(columns), rows_of(30, columns)))
    led = [piece for piece in chunks if piece.lead]
    assert len(led) >= len(chunks) - 1
    for piece in led:
        assert all(len(cells(line)) == columns for line in piece.text.split("\n"))
        assert len(cells(piece.lead.split("\n")[0])) == columns


def test_a_row_longer_than_a_chunk_is_cut_between_cells_below_their_names() -> None:
    names = names_of(100)
    chunks = cut(table(names, rows_of(2, 100)))
    parts = [piece for piece in chunks if "value" in piece.text]
    assert len(parts) > 4
    for piece in parts:
        values = [cell for cell in cells(piece.text) if cell]
        columns = [int(value.rpartition("x")[2]) for value in values]
        assert cells(piece.lead) == [names[column] for column in columns]


def test_each_part_of_a_long_cell_stands_below_its_name() -> None:
    remark = "A rather long remark on this matter goes on for a while, as such remarks do in reports. " * 30
    text = table(["Order", "Ship date", "Remark on the order"], [["1", "May", remark], ["2", "June", "None"]])
    chunks = cut(text)
    parts = [piece for piece in chunks if "rather" in piece.text]
    assert len(parts) > 2
    assert all("Remark on the order" in piece.told for piece in parts)
    assert all(piece.text.rstrip(" |").endswith(".") for piece in parts[:-1])


def test_a_header_longer_than_a_chunk_does_not_pass_for_a_row() -> None:
    names = [f"A long name of the column that is number {column} of many" for column in range(60)]
    chunks = cut(table(names, rows_of(3, 60)))
    for piece in chunks:
        if "value" in piece.text:
            assert piece.lead
            assert "---" not in piece.text


def test_a_header_is_not_parted_from_its_rows() -> None:
    for words in range(20, 40):
        chunks = cut("word " * words + "\n\n" + table(["a", "b"], rows_of(30, 2)), max_tokens=60)
        for piece in chunks:
            assert "---" not in piece.text or piece.text.count("\n") > 1
            assert "value" not in piece.text or piece.told.count("| a | b |") == 1


def test_columns_without_names_need_none() -> None:
    chunks = cut(table(["", ""], rows_of(60, 2)))
    assert len(chunks) > 2
    assert {piece.lead for piece in chunks[1:]} <= {"", "|  |  |\n| --- | --- |"}


def test_text_behind_a_table_that_goes_on_stays_with_it() -> None:
    text = table(["a", "b"], rows_of(40, 2)) + "\n\n" + "A sentence stands here. " * 40
    assert all("| a | b |" in piece.told for piece in cut(text) if "value" in piece.text)


@settings(max_examples=150, deadline=None)
@given(
    columns=st.integers(1, 60),
    rows=st.integers(1, 12),
    words=st.integers(0, 30),
    name=st.integers(1, 12),
    max_tokens=st.integers(60, 220),
    overlap=st.sampled_from([0.0, 0.15, 0.5]),
)
def test_what_holds_for_any_table(  # noqa: PLR0917 (hypothesis names them)
    columns: int, rows: int, words: int, name: int, max_tokens: int, overlap: float
) -> None:
    names = [" ".join(["Name", *["word"] * (name - 1), f"c{column}"]) for column in range(columns)]
    body = [[f"v{'ord ' * (words * (column % 3 == 0))}{row}" for column in range(columns)] for row in range(rows)]
    text = "Before.\n\n" + table(names, body) + "\n\nBehind it."
    first = text.index("\n", text.index("---")) + 1
    for piece in cut(text, max_tokens=max_tokens, overlap=overlap):
        if piece.start >= first and piece.start < text.index("Behind"):
            assert piece.lead.startswith("| Name")


@pytest.mark.parametrize("columns", [3, 20, 60])
def test_an_unchanged_table_is_cut_and_led_as_it_was(columns: int) -> None:
    body = rows_of(40, columns)
    text = table(names_of(columns), body)
    chunks = cut(text)
    assert [(piece.text, piece.lead) for piece in cut(text, former=Former(text, chunks))] == [
        (piece.text, piece.lead) for piece in chunks
    ]
    body[20][1] = "another value"
    again = cut(table(names_of(columns), body), former=Former(text, chunks))
    known = {piece.told for piece in chunks}
    assert 1 <= sum(piece.told not in known for piece in again) <= 4


def test_a_renamed_column_is_said_above_the_rows_that_stayed() -> None:
    names = names_of(20)
    text = table(names, rows_of(30, 20))
    chunks = cut(text)
    names[3] = "Weight"
    again = cut(table(names, rows_of(30, 20)), former=Former(text, chunks))
    assert all("Weight" in piece.told for piece in again)


def test_rows_that_a_former_version_cut_without_room_for_the_header_are_cut_anew() -> None:
    text = table(names_of(20), rows_of(30, 20))
    unled = cut(text, max_tokens=400)
    again = cut(text, former=Former(text, unled))
    assert all(piece.lead for piece in again[1:])


def test_a_wide_table_takes_linear_time() -> None:
    began = time.process_time()
    cut(table(["n"] * 20_000, [["v"] * 20_000]))
    assert time.process_time() - began < 10
