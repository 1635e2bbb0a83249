"""The comments on a workbook's cells, put into a column of their own beside the rows that they are on."""

import re
from collections.abc import Iterator, Mapping
from html import escape
from xml.etree.ElementTree import Element

from ragstone.adapters.parsers.kreuzberg.composition import one_line
from ragstone.adapters.parsers.kreuzberg.office.package import OfficePackage

_S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_T = "{http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments}"
_PERSONS = "xl/persons/person.xml"
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})")
_ROW = re.compile(r"<((?:\w+:)?)row(?=[\s/>])([^<>]*)>")
_NUMBER = re.compile(r"\sr=\"(\d{1,7})\"")
_FILLED = re.compile(r"<(?:\w+:)?c\s(?:[^<>]*\s)?r=\"([A-Z]{1,3})\d+\"[^<>/]*>")
_DATA = re.compile(r"<((?:\w+:)?)sheetData\s*/>")
_DATA_END = re.compile(r"</((?:\w+:)?)sheetData\s*>")
_MOST_COLUMNS = 16384


def with_comments(package: OfficePackage, path: str, xml: str) -> str:
    """Return a sheet with its comments in the column after its last, if it has comments and room for them."""
    comments = _by_row(package, path)
    if not comments:
        return xml
    used = {letters for row in comments.values() for letters, _ in row} | set(_FILLED.findall(xml))
    last = max(map(_column, used))
    if last >= _MOST_COLUMNS:
        return xml
    texts = {row: "; ".join(text for _, text in found) for row, found in comments.items()}
    return _with_cells(_DATA.sub(r"<\1sheetData></\1sheetData>", xml, count=1), _letters(last + 1), texts)


def _by_row(package: OfficePackage, path: str) -> dict[int, list[tuple[str, str]]]:
    """Return the columns and texts of comments by row."""
    relations = package.relations(path).values()
    notes = [link.path for link in relations if link.kind == "comments"]
    threads = [link.path for link in relations if link.kind == "threadedComment"]
    found: dict[str, list[tuple[str, str]]] = {}
    for part in threads:
        for place, author, text in _threaded(package, part):
            found.setdefault(place, []).append((author, text))
    for part in notes:  # of a thread it only says that this program is too old for it
        for place, author, text in _noted(package.parse(part)):
            if place not in found:
                found[place] = [(author, text)]
    rows: dict[int, list[tuple[str, str]]] = {}
    for place, comments in found.items():
        reference = _REFERENCE.fullmatch(place)
        if reference is None:
            continue
        for author, text in comments:
            line = f"Comment on {place} ({author}): {text}" if author else f"Comment on {place}: {text}"
            rows.setdefault(int(reference[2]), []).append((reference[1], line))
    return rows


def _noted(root: Element | None) -> Iterator[tuple[str, str, str]]:
    if root is None:
        return
    authors = [author.text or "" for author in root.iter(f"{_S}author")]
    for comment in root.iter(f"{_S}comment"):
        number = comment.get("authorId", "")
        author = one_line(authors[int(number)]) if number.isdecimal() and int(number) < len(authors) else ""
        text = one_line("".join(part.text or "" for part in comment.iter(f"{_S}t")))
        yield comment.get("ref", ""), author, text.removeprefix(f"{author}:").strip()


def _threaded(package: OfficePackage, path: str) -> Iterator[tuple[str, str, str]]:
    root, persons = package.parse(path), package.parse(_PERSONS)
    names = {person.get("id"): person.get("displayName", "") for person in (persons if persons is not None else ())}
    for comment in root.iter(f"{_T}threadedComment") if root is not None else ():
        author = one_line(names.get(comment.get("personId"), ""))
        yield comment.get("ref", ""), author, one_line(comment.findtext(f"{_T}text", ""))


def _with_cells(xml: str, column: str, texts: Mapping[int, str]) -> str:
    """Return a sheet with a cell in a column at the end of rows, which are made where there are none."""
    parts: list[str] = []
    position = number = 0
    left = sorted(texts, reverse=True)
    for row in _ROW.finditer(xml):
        prefix, attributes = row.groups()
        told = _NUMBER.search(attributes)
        number = int(told[1]) if told is not None else number + 1
        parts.append(xml[position : row.start()])
        while left and left[-1] < number:
            parts.append(_row(prefix, column, left[-1], texts[left.pop()]))
        position = row.start()
        if left and left[-1] == number:
            cell = _cell(prefix, column, number, texts[left.pop()])
            if attributes.endswith("/"):
                parts.append(f"<{prefix}row{attributes[:-1]}>{cell}</{prefix}row>")
                position = row.end()
            elif (end := xml.find(f"</{prefix}row>", row.end())) >= 0:
                parts += (xml[position:end], cell)
                position = end
    end_of_data = _DATA_END.search(xml, position)
    if end_of_data is not None:
        parts.append(xml[position : end_of_data.start()])
        parts += (_row(end_of_data[1], column, row, texts[row]) for row in reversed(left))
        position = end_of_data.start()
    return "".join((*parts, xml[position:]))


def _row(prefix: str, column: str, number: int, text: str) -> str:
    return f'<{prefix}row r="{number}">{_cell(prefix, column, number, text)}</{prefix}row>'


def _cell(prefix: str, column: str, number: int, text: str) -> str:
    held = f'<{prefix}is><{prefix}t xml:space="preserve">{escape(text)}</{prefix}t></{prefix}is>'
    return f'<{prefix}c r="{column}{number}" t="inlineStr">{held}</{prefix}c>'


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _letters(column: int) -> str:
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
