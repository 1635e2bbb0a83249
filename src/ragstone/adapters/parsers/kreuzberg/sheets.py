"""Sheets that kreuzberg read: a page for each, with its tables and its lines of text, and cells as they are shown."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from kreuzberg import ExtractionResult

from ragstone.adapters.parsers.kreuzberg.decoding import clean
from ragstone.adapters.parsers.kreuzberg.office.binary_sheets import BinarySheet, with_numbers_shown
from ragstone.adapters.parsers.kreuzberg.tables import sheet_to_markdown
from ragstone.domain.documents import PageSpan

_DAY = re.compile(r"\d{4}-\d\d-\d\d 00:00:00")
_ERRORS = {"NA": "#N/A", "Div0": "#DIV/0!", "GettingData": "#GETTING_DATA"} | {
    name: f"#{name.upper()}{'?' if name == 'Name' else '!'}" for name in ("Null", "Num", "Ref", "Value", "Name")
}
"""How a cell shows the errors of formulas, by kreuzberg's names for them."""


def sheets_text(
    result: ExtractionResult, shown: Mapping[str, BinarySheet] = MappingProxyType({})
) -> tuple[str, list[PageSpan]]:
    """Return each sheet as a heading and a table, on a page with the sheet's name as label; empty ones go.

    ``shown`` says of sheets by name how their numbers are shown, where the file does not say it by itself.
    """
    names = result.metadata.get("sheet_names") or []
    parts: list[str] = []
    pages: list[PageSpan] = []
    length = 0
    for table in result.tables:
        name = clean(names[table.page_number - 1]) if 0 < table.page_number <= len(names) else None
        cells = with_numbers_shown(table.cells, shown[name]) if name and name in shown else table.cells
        text = sheet_to_markdown([_cell(cell) for cell in row] for row in cells)
        if not text:
            continue
        text = f"## {name}\n\n{text}" if name else text
        parts.append(text)
        start = length + 2 * (len(parts) > 1)
        length = start + len(text)
        pages.append(PageSpan(table.page_number, start, length, name))
    return "\n\n".join(parts), pages


def lost_sheets(pages: Iterable[PageSpan], sheets: Mapping[str, BinarySheet]) -> dict[str, str]:
    """Return why sheets that have cells were not read, by name."""
    read = {page.label for page in pages}
    cause = "The cells of the sheet lie too far apart. Save the workbook as .xlsx, and send that."
    return {name: cause for name, sheet in sheets.items() if sheet.rows and clean(name) not in read}


def _cell(cell: str) -> str:
    """Return a cell's text; a day that kreuzberg gives with its midnight is but a day, and errors are as shown."""
    if cell.startswith("#ERR: "):
        return _ERRORS.get(cell.removeprefix("#ERR: "), cell)
    return clean(cell).removesuffix(" 00:00:00") if _DAY.fullmatch(cell) else clean(cell)
