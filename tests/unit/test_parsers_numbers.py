"""Numbers as spreadsheets show them, and the rows that stand above a table's header."""

import pytest

from ragstone.adapters.parsers.kreuzberg.office.cell_formats import shown_open_numbers
from ragstone.adapters.parsers.kreuzberg.office.number_formats import BUILT_IN, shown
from ragstone.adapters.parsers.kreuzberg.tables import csv_to_markdown, sheet_to_markdown

_ACCOUNTS = '_-* #,##0.00\\ "€"_-;\\-* #,##0.00\\ "€"_-;_-* "-"??\\ "€"_-;_-@_-'
_BRACKETS = "#,##0.00_);[Red]\\(#,##0.00\\)"


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        ("0.256", "0.0%", "25.6%"),
        ("0.25600000000000001", "0.00\\ %", "25.60 %"),
        ("0.38541666666666669", "h:mm", "09:15"),
        ("0.38541666666666669", "h:mm:ss AM/PM", "09:15:00"),
        ("1.25", "[h]:mm", "30:00"),
        ("1.25", "[hh]:mm:ss", "30:00:00"),
        ("0.0038", "mm:ss", "05:28"),
        ("0.00390625", "mm:ss.0", "05:37.5"),
        ("45352", "dd/mm/yyyy", "2024-03-01"),
        ("45352.75", "[$-407]d. mmm yy;@", "2024-03-01"),
        ("45352.4375", "m/d/yy h:mm", "2024-03-01 10:30"),
        ("45352", 'yyyy"年"m"月"d"日"', "2024-03-01"),
        ("59", "d.m.yy", "1900-02-28"),
        ("61", "d.m.yy", "1900-03-01"),
        ("1204.5", "#,##0.00", "1,204.50"),
        ("1204.5", "#,##0", "1,205"),
        ("-1204.5", "0.00", "-1204.50"),
        ("-1204.5", _BRACKETS, "(1,204.50)"),
        ("1204.5", _BRACKETS, "1,204.50"),
        ("-1204.5", _ACCOUNTS, "-1,204.50 €"),
        ("1204.5", "[$€-407] #,##0.00", "€ 1,204.50"),
        ("1234567", "#,##0,", "1,235"),
        ("12.5", '0.0 "kg"', "12.5 kg"),
        ("2.5", "0.##", "2.5"),
        ("7", "000", "007"),
        ("-0.001", "0.00", "0.00"),
    ],
)
def test_a_number_is_shown_as_its_format_says(value: str, code: str, text: str) -> None:
    assert shown(value, code) == text


@pytest.mark.parametrize(
    ("value", "code"),
    [
        *(
            ("3.5", "General"),
            ("3.5", 'General" kg"'),
            ("0.5", "# ?/?"),
            ("12345", "0.00E+00"),
            ("3.5", "@"),
            ("3.5", ""),
        ),
        *(
            ("5551234", "000-0000"),
            ("1", "[>100]0;0.0"),
            ("0", _ACCOUNTS),
            ("0", '0;-0;"-"'),
            ("1e400", "0"),
            ("x", "0"),
        ),
        *(("-1", "h:mm"), ("99999999", "yyyy"), ("1", "0." + "0" * 1000), ("1e300", "0.00"), ("nan", "0")),
    ],
)
def test_what_the_number_says_as_well_stays(value: str, code: str) -> None:
    assert shown(value, code) is None


def test_days_since_1904() -> None:
    assert shown("43890", "yyyy-mm-dd", since_1904=True) == "2024-03-01"


def test_the_built_in_formats_are_read() -> None:
    shows = {number: shown("1.25", code) for number, code in BUILT_IN.items()}
    assert None not in shows.values()
    assert (shows[10], shows[14], shows[20], shows[44], shows[46]) == (
        "125.00%",
        "1900-01-01",
        "06:00",
        "1.25",
        "30:00:00",
    )


@pytest.mark.parametrize(
    ("attributes", "shows", "text"),
    [
        ('office:value-type="percentage" office:value="0.256"', "25,6 %", "25,6 %"),
        ('office:value-type="time" office:time-value="PT30H00M00S" calcext:value-type="time"', "30:00", "30:00"),
        ('office:value-type="date" office:date-value="2024-03-01"', "1. März", "2024-03-01"),
        ('office:value-type="date" office:date-value="2024-03-01T10:30:00"', "1.3.", "2024-03-01 10:30:00"),
        ('office:value-type="currency" office:currency="EUR" office:value="4"', "4,00 €", "4,00 €"),
    ],
)
def test_the_cells_of_an_open_document(attributes: str, shows: str, text: str) -> None:
    cell = f"<table:table-cell {attributes}><text:p>{shows}</text:p></table:table-cell>"
    written = shown_open_numbers(cell)
    assert written == f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>'
    empty = '<table:table-cell office:value-type="float" office:value="1"/><table:table-cell table:style-name="a"/>'
    assert shown_open_numbers(empty) == empty


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("# made by x\na,b\n1,2\n", "made by x\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"),
        ("sep=;\na;b\n1,5;2\n", "| a | b |\n| --- | --- |\n| 1,5 | 2 |"),
        ("Dues, 2024\n\na;b;c\n1;2;3\n", "Dues, 2024\n\n| a | b | c |\n| --- | --- | --- |\n| 1 | 2 | 3 |"),
        ("Dues,,\n,,\na,b,c\n1,2,3\n", "Dues\n\n| a | b | c |\n| --- | --- | --- |\n| 1 | 2 | 3 |"),
        (
            "# a, remark\nx,y,z\n1,2,3\n4,5,6",
            "a, remark\n\n| x | y | z |\n| --- | --- | --- |\n| 1 | 2 | 3 |\n| 4 | 5 | 6 |",
        ),
        ("#id,name\n1,x\n", "| #id | name |\n| --- | --- |\n| 1 | x |"),
        ("one\ntwo\n", "| one |\n| --- |\n| two |"),
        ('a;b\n"1;1,0";2,5\n3,5;4,5', "| a | b |\n| --- | --- |\n| 1;1,0 | 2,5 |\n| 3,5 | 4,5 |"),
    ],
)
def test_lines_above_the_header_are_no_header(text: str, markdown: str) -> None:
    assert csv_to_markdown(text) == markdown


def test_rows_above_the_header_of_a_sheet() -> None:
    rows = [["", "", ""], ["Dues of 2024", "", ""], ["", "", ""], ["a", "b", ""], ["1", "2", ""]]
    assert sheet_to_markdown(rows) == "Dues of 2024\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_of_blank_rows_that_repeat_one_is_left() -> None:
    blank = '<table:table-cell table:number-columns-repeated="16384"/>'
    rows = (
        f'<table:table-row table:style-name="a" table:number-rows-repeated="1048000">{blank}</table:table-row>',
        '<table:table-row table:number-rows-repeated="3" table:style-name="a"/>',
        '<table:table-row table:number-rows-repeated="3"><table:table-cell office:value="1"/></table:table-row>',
    )
    assert shown_open_numbers("".join(rows)) == (
        f'<table:table-row table:style-name="a">{blank}</table:table-row>'
        f'<table:table-row table:style-name="a"/>{rows[2]}'
    )
