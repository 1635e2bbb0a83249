"""Tables by where words and lines stand on a page: which are taken, and which are left as text."""

from collections.abc import Sequence

import pytest

from ragstone.adapters.parsers.kreuzberg.pdf.aligned_tables import aligned_tables
from ragstone.adapters.parsers.kreuzberg.pdf.cell_text import cell_text
from ragstone.adapters.parsers.kreuzberg.pdf.page_blocks import Block, paragraph
from ragstone.adapters.parsers.kreuzberg.pdf.page_marks import Rule, Word
from ragstone.adapters.parsers.kreuzberg.pdf.page_tables import DrawnLine, PageTable, TabledPage
from ragstone.adapters.parsers.kreuzberg.pdf.placing import joined_tables, with_tables
from ragstone.adapters.parsers.kreuzberg.pdf.ruled_tables import Found, ruled_tables

_LETTER = 5.0


def words(rows: Sequence[Sequence[str]], *, width: float = 100.0, leading: float = 14.0) -> list[Word]:
    """Return words of ten points, a row below the other, whose cells begin ``width`` points apart."""
    found = []
    for line, row in enumerate(rows):
        for column, cell in enumerate(row):
            x = column * width + 4
            for word in cell.split():
                found.append(Word(word, line, x, line * leading + 2, x + _LETTER * len(word), line * leading + 12))
                x += _LETTER * len(word) + 2.5
    return found


def texts(found: Found) -> list[list[str]]:
    return [[cell_text(cell) if cell else "" for cell in row] for row in found.rows]


def test_cells_are_between_lines_and_those_that_span_stand_in_their_first_column() -> None:
    rows = [["Ship", "Dues", ""], ["", "paid", "open"], ["Aurora", "12", "3"], ["Zephyr", "4", ""]]
    levels = [Rule(float(y), 100.0 if y == 14 else 0.0, 300.0) for y in range(0, 57, 14)]
    uprights = [Rule(0.0, 0.0, 56.0), Rule(100.0, 0.0, 56.0), Rule(200.0, 14.0, 56.0), Rule(300.0, 0.0, 56.0)]
    (found,) = ruled_tables(words(rows), levels, uprights)
    assert texts(found) == rows


def test_lines_around_one_column_or_across_words_are_no_grid() -> None:
    box = [Rule(0.0, 0.0, 300.0), Rule(56.0, 0.0, 300.0)], [Rule(0.0, 0.0, 56.0), Rule(300.0, 0.0, 56.0)]
    prose = words([["In a frame stand words that are no table"]] * 4)
    assert list(ruled_tables(prose, *box)) == []
    assert list(ruled_tables(prose, box[0], [*box[1], *(Rule(x, 0.0, 56.0) for x in (36.0, 64.0, 92.0))])) == []


@pytest.mark.parametrize(
    "rows",
    [
        [["Item", "Units", "Price"], ["Rope", "7", "12.50"], ["Chain and hook", "11", "90.00"], ["Buoy", "", "3.20"]],
        [["Ship", "Tons"], ["Aurora", "1,204"], ["Zephyr", "97"], ["Boreas", "(311)"]],
    ],
)
def test_columns_are_told_by_gaps(rows: list[list[str]]) -> None:
    (found,) = aligned_tables(words(rows, leading=16.0), [])
    assert texts(found) == rows


def test_a_line_close_below_goes_on_in_the_cell_above() -> None:
    rows = [["Item", "Units", "Price"], ["Rope of hemp", "7", "12.50"], ["Chain", "11", "90.00"], ["Buoy", "2", "3.20"]]
    drawn = words(rows, leading=24.0)
    more = [Word("washed", 1, 4, 37, 34, 47)]
    (found,) = aligned_tables([*drawn, *more], [])
    assert texts(found)[1] == ["Rope of hemp washed", "7", "12.50"]


@pytest.mark.parametrize(
    ("kind", "rows", "width"),
    [
        ("prose in columns", [["the ships of the harbour lie at", "and all their cargo is taken off"]] * 6, 200.0),
        ("contents", [["1", "Ships", "2"], ["2", "Dues", "5"], ["3", "Cranes", "9"], ["4", "Sheds", "9"]], 100.0),
        ("leaders", [[f"Chapter {n} ......", str(n)] for n in range(1, 6)], 120.0),
        ("a list", [[f"{n}.", "cast off and sail"] for n in range(1, 6)], 60.0),
        ("a form", [["Name:", "Ann Lee"], ["Port:", "Oslo"], ["Date:", "2 May"], ["Dues:", "12"]], 100.0),
        ("formulas", [["f(x)", "= x", "(1)"], ["g(x)", "= 2x", "(2)"], ["h(x)", "= 3x", "(3)"]], 100.0),
        ("two lines", [["Item", "Units", "Price"], ["Rope", "7", "12.50"]], 100.0),
    ],
)
def test_what_only_looks_like_a_table_stays_text(kind: str, rows: list[list[str]], width: float) -> None:
    assert list(aligned_tables(words(rows, width=width), [])) == [], kind


def test_level_lines_make_a_table_of_words_and_tell_its_rows() -> None:
    rows = [["Service", "Remarks"], ["Towing by", "paid by the"], ["one tug", "hour"], ["Mooring", "none"]]
    levels = [Rule(y, 0.0, 200.0) for y in (0.0, 14.0, 42.0, 56.0)]
    (found,) = aligned_tables(words(rows), levels)
    assert texts(found) == [["Service", "Remarks"], ["Towing by one tug", "paid by the hour"], ["Mooring", "none"]]


def page(*lines: DrawnLine, rows: list[list[str]]) -> TabledPage:
    return TabledPage([PageTable(rows, (0.0, 50.0, 100.0))], list(lines))


ROWS = [["Ship", "Tons"], ["Aurora", "12"]]
TABLED = page(
    DrawnLine((("Total", None),)),
    DrawnLine((("Ship Tons", 0),)),
    DrawnLine((("Aurora 12", 0), ("a note", None))),
    DrawnLine((("The end.", None),)),
    rows=ROWS,
)
TABLE = "| Ship | Tons |\n| --- | --- |\n| Aurora | 12 |"


def rendered(blocks: Sequence[Block]) -> list[str]:
    return [block.text for block in joined_tables(list(blocks))]


def test_a_table_takes_the_place_of_its_lines_and_no_other_word_goes() -> None:
    blocks = [paragraph("Total\nShip Tons\nAurora 12 a note\nThe end.", 1)]
    assert rendered(with_tables(blocks, TABLED, 1, lambda _: False)) == ["Total", TABLE, "a note The end."]


def test_blocks_that_are_not_made_of_the_lines_are_made_anew_with_their_headings() -> None:
    blocks = [Block("heading", "# Total", 1, "Total"), paragraph("Ship Tons Aurora 12 a note The end.", 1)]
    assert rendered(with_tables(blocks, TABLED, 1, lambda _: False)) == ["# Total", TABLE, "a note The end."]


def test_a_table_that_runs_on_every_page_is_left_to_go_with_the_headers() -> None:
    blocks = [paragraph("Total\nThe end.", 1)]
    assert with_tables(blocks, TABLED, 1, lambda line: line in ("Ship Tons", "Aurora 12 a note")) == blocks


def test_a_table_goes_on_over_pages_without_its_header_again() -> None:
    parts = [ROWS, [["Ship", "Tons"], ["Boreas", "7"]], [["Zephyr", "9"]]]
    blocks = [Block("table", "", n, "", PageTable(rows, (0.0, 50.0, 100.0))) for n, rows in enumerate(parts, 1)]
    assert rendered(blocks) == [TABLE, "| Boreas | 7 |", "| Zephyr | 9 |"]
    other = Block("table", "", 4, "", PageTable([["Port", "Quay"], ["Oslo", "3"]], (0.0, 50.0, 100.0)))
    assert rendered([*blocks, other])[3:] == ["| Port | Quay |\n| --- | --- |\n| Oslo | 3 |"]
