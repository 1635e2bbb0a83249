"""The cells of an Excel sheet, read row by row, and kept in little more memory than what they say."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from xml.etree.ElementTree import Element

from ragstone.adapters.parsers.kreuzberg.decoding import clean
from ragstone.adapters.parsers.kreuzberg.office.translation import Readable, pieces

S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_CELL, _VALUE, _FORMULA, _INLINE, _TEXT, _PHONETIC = (S + name for name in ("c", "v", "f", "is", "t", "rPh"))
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_NEWER = re.compile(r"_xl(?:fn|ws|pm)\.|_xlfn\._xlws\.")
"""What marks the functions and names that older versions of Excel did not know."""
_WHOLE = re.compile(r"-?\d+")
_MIDNIGHT = " 00:00:00"
_PART = "\x1f"
"""Between the cells of a row that is kept; XML cannot hold it but in an escape of Excel's."""

ShowNumber = Callable[[str, str], str | None]
"""Takes a number and the number of a cell's style, and returns how the cell shows it if that is in a way of its own."""


def shared_strings(source: Readable) -> list[str]:
    """Return the strings that the cells of a workbook refer to. Raises ``ParseError``, and what reading raises."""
    return [string_text(item) for _, item in pieces(source, f"{S}sst")]


def string_text(holder: Element) -> str:
    """Return a string in one or more runs, without the signs that say how to pronounce it."""
    if len(holder) == 1 and holder[0].tag == _TEXT:
        return _unescaped(holder[0].text or "")
    spoken = {text for phonetic in holder.iter(_PHONETIC) for text in phonetic.iter(_TEXT)}
    return _unescaped("".join(found.text or "" for found in holder.iter(_TEXT) if found not in spoken))


class SheetCells:
    """The cells of a sheet that say something, with no more than one blank row or column between them."""

    def __init__(self, source: Readable, strings: Sequence[str], show: ShowNumber) -> None:
        """Read a sheet. Raises ``ParseError``, and what reading the source raises."""
        self._strings = strings
        self._show = show
        self._rows: dict[int, tuple[tuple[int, ...], str]] = {}
        self._known: dict[tuple[int, ...], tuple[int, ...]] = {}
        last = 0
        for _, row in pieces(source, f"{S}sheetData"):
            number = row.get("r", "")
            last = int(number) if number.isdecimal() else last + 1
            cells = {column: text for column, text in self._cells(row) if text and not text.isspace()}
            if cells:
                self.put(last, cells)

    def put(self, row: int, cells: Mapping[int, str]) -> None:
        """Add cells by their columns, counted from 1, at the end of a row."""
        columns, text = self._rows.get(row, ((), ""))
        columns += tuple(cells)
        self._rows[row] = self._known.setdefault(columns, columns), _PART.join(filter(None, (text, *cells.values())))

    @property
    def last_column(self) -> int:
        """The last column with a cell that says something, 0 if there is none."""
        return max((max(columns) for columns in self._known), default=0)

    def __iter__(self) -> Iterator[list[str]]:
        """Yield the rows in their order, blank ones included, as wide as the last of their cells."""
        place_of = _closed_up({column for columns in self._known for column in columns})
        before = 0
        for number in sorted(self._rows):
            if before and number > before + 1:
                yield []
            before = number
            columns, text = self._rows[number]
            cells = [""] * (place_of[max(columns)] + 1)
            for column, cell in zip(columns, text.split(_PART), strict=True):
                cells[place_of[column]] = cell
            yield cells

    def _cells(self, row: Element) -> Iterator[tuple[int, str]]:
        column = 0
        for cell in row:
            if cell.tag == _CELL:
                column = column_number(cell.get("r", "").rstrip("0123456789")) or column + 1
                if len(cell):  # else it has but a colour or a frame
                    yield column, self._text(cell)

    def _text(self, cell: Element) -> str:
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            held = cell.find(_INLINE)
            return string_text(held) if held is not None else ""
        value = cell.findtext(_VALUE, "").strip() if kind != "str" else cell.findtext(_VALUE, "")
        if not value and kind != "str":
            return _formula(cell)
        if kind == "n":
            return self._show(value, cell.get("s", "0")) or _number(value)
        if kind == "s":
            place = int(value) if value.isdecimal() else len(self._strings)
            return self._strings[place] if place < len(self._strings) else ""
        return _OF_KIND.get(kind, _unescaped)(value)


def _unescaped(text: str) -> str:
    if "_x" in text:
        text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text).replace(_PART, " ")
    return clean(text)


def _day(value: str) -> str:
    return value.replace("T", " ").removesuffix("Z").removesuffix(_MIDNIGHT)


_OF_KIND: Mapping[str, Callable[[str], str]] = {"b": lambda value: "true" if value == "1" else "false", "d": _day}


def _formula(cell: Element) -> str:
    """Return the formula of a cell of which no program has written yet what comes out."""
    formula = cell.findtext(_FORMULA, "").strip()
    return f"={clean(_NEWER.sub('', formula))}" if formula else ""


def _number(value: str) -> str:
    """Return a number as a cell of no format shows it: of a fraction the 15 digits that Excel counts with."""
    if _WHOLE.fullmatch(value):
        return value
    try:
        return _plain(float(value))
    except (ValueError, OverflowError):
        return clean(value)


def _plain(number: float) -> str:
    shown = f"{number:.15g}"
    if "e" not in shown:
        return shown
    digits = f"{number:.20f}".rstrip("0").rstrip(".") if abs(number) < 1 else f"{number:.0f}"
    return digits if digits.strip("-0") else shown


def _closed_up(columns: set[int]) -> dict[int, int]:
    """Return the places of columns, counted from 0, so that of blank columns between them one is left."""
    ordered = sorted(columns)
    places = {ordered[0]: 0} if ordered else {}
    for before, column in pairwise(ordered):
        places[column] = places[before] + min(2, column - before)
    return places


@lru_cache(maxsize=20_000)
def column_number(letters: str) -> int:
    """Return the number of a column from 1, 0 for what names none."""
    number = 0
    for letter in letters:
        if not "A" <= letter <= "Z":
            return 0
        number = number * 26 + ord(letter) - 64
    return number
