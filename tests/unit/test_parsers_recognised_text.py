"""Lines, paragraphs and tables of what Tesseract read, with no Tesseract: its words and their boxes are told here."""

from collections.abc import Mapping, Sequence
from typing import Any

from ragstone.adapters.parsers.kreuzberg.recognised_text import recognised_text

DOTS = 14
"""Width of a letter, of which a line is 40 dots high and 60 from the next."""


def elements(rows: Sequence[Sequence[tuple[int, str]]]) -> list[Mapping[str, Any]]:
    """Return the words of lines, of which each is given in stretches and where these begin, in letters."""
    found: list[Mapping[str, Any]] = []
    for number, row in enumerate(rows):
        for start, stretch in row:
            at = start
            for word in stretch.split():
                box = {"left": at * DOTS, "top": 60 * number, "width": len(word) * DOTS, "height": 40}
                found.append({"level": "word", "text": word, "geometry": box})
                at += len(word) + 1
    return found


def text(rows: Sequence[Sequence[tuple[int, str]]]) -> str:
    return "\n".join(" ".join(stretch for _, stretch in row) for row in rows)


PROSE = [[(0, "The harbour crane lifts steel.")], [(0, "Second line of text 12345.")]]
TABLE = [[(0, "Item"), (20, "Qty"), (40, "Price")], [(0, "Bolts"), (20, "120"), (40, "3.50")]]
TABLE += [[(0, "Long nuts"), (20, "80"), (40, "1.20")], [(0, "Washers"), (20, "400"), (40, "0.10")]]
ROWS = [
    "| Item | Qty | Price |\n| --- | --- | --- |",
    "| Bolts | 120 | 3.50 |\n| Long nuts | 80 | 1.20 |\n| Washers | 400 | 0.10 |",
]


def test_lines_and_paragraphs_stay() -> None:
    read = "Dear Sir,\n\nwe have looked\ninto the matter.\n"
    assert recognised_text(read, []) == read.strip()


def test_lines_whose_gaps_lie_below_each_other_by_chance_are_no_table() -> None:
    assert recognised_text(text(PROSE), elements(PROSE)) == text(PROSE)


def test_words_in_columns_are_a_table() -> None:
    assert recognised_text(text(TABLE), elements(TABLE)) == "\n".join(ROWS)


def test_a_table_stands_between_the_lines_around_it() -> None:
    below: list[list[tuple[int, str]]] = [[], []]
    rows = [*PROSE, *below, *TABLE, *below, *PROSE]
    assert recognised_text(text(rows), elements(rows)) == "\n\n".join((text(PROSE), "\n".join(ROWS), text(PROSE)))


def test_lines_between_cells_are_no_cells() -> None:
    read = text(TABLE).replace("Bolts", "| Bolts |")
    assert recognised_text(read, elements(TABLE)) == "\n".join(ROWS)


def test_words_whose_place_is_not_told_stay() -> None:
    read = f"a blur\n{text(TABLE)}".replace("80", "80 pcs")
    assert recognised_text(read, elements(TABLE)) == "a blur\n\n" + "\n".join(ROWS).replace("| 80 |", "| 80 pcs |")


def test_a_line_that_looks_like_markdown_is_no_heading() -> None:
    assert recognised_text("# 12 of 13\n\n---", []) == "\\# 12 of 13\n\n\\---"
