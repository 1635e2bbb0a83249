"""Sheets as people lay them out: which rows are tables, which are lines of text, and where a table begins anew."""

import pytest

from ragstone.adapters.parsers.kreuzberg.tables import csv_to_markdown, sheet_to_markdown

QUARTERS = "Region | Q1 | Q2 | Q3\nNorth | 1 | 2 | 3\nSouth | 4 | 5 | 6"


def laid_out(text: str) -> list[str]:
    """Return the parts that a sheet is read as, tables as their rows; cells are parted by bars, an empty line is blank.

    The same rows as separated values are to be read alike.
    """
    rows = [[cell.strip() for cell in line.split("|")] if line else [] for line in text.split("\n")]
    sheet = sheet_to_markdown(rows)
    separated = csv_to_markdown("\n".join("\t".join(row) for row in rows), delimiter="\t")
    assert words(separated) == words(sheet)
    return [
        "\n".join(line.strip("| ") for line in part.split("\n") if not line.startswith("| ---"))
        for part in sheet.split("\n\n")
    ]


def words(text: str) -> list[str]:
    return [
        cell for line in text.split("\n") if not line.startswith("| ---") for cell in line.replace("|", " ").split()
    ]


def test_tables_one_below_the_other_have_a_header_each() -> None:
    assert laid_out(f"{QUARTERS}\n\nName | Age\nAnn | 30") == [QUARTERS, "Name | Age\nAnn | 30"]


def test_a_table_of_words_below_a_wider_one_is_another() -> None:
    assert laid_out(f"{QUARTERS}\n\nName | City\nAnn | Rome") == [QUARTERS, "Name | City\nAnn | Rome"]


def test_a_table_as_wide_with_figures_below_its_names_is_another() -> None:
    other = "Port | Ships | Dues | Cranes\nRiga | 7 | 8 | 9"
    assert laid_out(f"{QUARTERS}\n\n{other}") == [QUARTERS, other]


def test_years_in_their_order_are_a_header() -> None:
    one, two = "Revenue | 2022 | 2023\nNorth | 5 | 6", "Costs | 2022 | 2023\nNorth | 3 | 4"
    assert laid_out(f"{one}\n\n{two}") == [one, two]


@pytest.mark.parametrize(
    "more", ["West | 7 | 8 | 9", "West | 7 | 8 | 9\nEast | 1 | 2 | 3", "West | x | y | z\nEast | a | b | c"]
)
def test_rows_behind_a_blank_one_that_no_header_precedes_are_of_the_table_above(more: str) -> None:
    assert laid_out(f"{QUARTERS}\n\n{more}") == [f"{QUARTERS}\n{more}"]


def test_lines_above_a_table_are_text() -> None:
    assert laid_out(f"Quarterly report\nDate: | 2024-01-01\nAuthor: | Ann\n\n{QUARTERS}") == [
        "Quarterly report",
        "Date: 2024-01-01",
        "Author: Ann",
        QUARTERS,
    ]
    assert laid_out(f"Quarterly report\nDate: | 2024-01-01\n{QUARTERS}")[2:] == [QUARTERS]


def test_of_headers_that_are_as_likely_the_widest_is_taken() -> None:
    assert laid_out("Report of 2024\nPrepared by Ann\nPort | Ships\nRiga | 97") == [
        "Report of 2024",
        "Prepared by Ann",
        "Port | Ships\nRiga | 97",
    ]


@pytest.mark.parametrize("between", ["", "\n"])
def test_a_footnote_is_no_row(between: str) -> None:
    assert laid_out(f"{QUARTERS}\n{between}Note: in thousands") == [QUARTERS, "Note: in thousands"]
    assert laid_out(f"{QUARTERS}\n{between}* estimated\n** planned") == [QUARTERS, "* estimated", "** planned"]


def test_what_looks_like_a_footnote_above_more_rows_is_a_row() -> None:
    rows = f"{QUARTERS}\nNotes\nWest | 7 | 8 | 9"
    assert laid_out(rows) == [rows]


def test_a_list_of_many_names_is_a_table_of_one_column() -> None:
    names = "\n".join(["name", *(f"n{number}" for number in range(40))])
    assert laid_out(names) == [names]
    assert laid_out(f"{names}\n\nlast") == [f"{names}\nlast"]


def test_a_few_lines_each_in_a_block_are_text() -> None:
    assert laid_out("How to use this\nFill in the sheets.\n\nAsk Ann.") == [
        "How to use this",
        "Fill in the sheets.",
        "Ask Ann.",
    ]


def test_what_markdown_would_take_for_a_heading_is_none() -> None:
    assert sheet_to_markdown([["---"]]) == "\\---"


def test_nothing_is_read_of_nothing() -> None:
    assert sheet_to_markdown([]) == sheet_to_markdown([[], ["", " "]]) == ""
