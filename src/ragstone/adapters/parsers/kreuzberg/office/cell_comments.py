"""The comments on a workbook's cells, by the rows that they are on."""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from ragstone.adapters.parsers.kreuzberg.composition import one_line
from ragstone.adapters.parsers.kreuzberg.office.package import OfficePackage

_S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_T = "{http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments}"
_PERSONS = "xl/persons/person.xml"
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})")


def comments_by_row(package: OfficePackage, path: str) -> dict[int, str]:
    """Return the comments on the cells of a sheet by row, those of a row in one text."""
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
    rows: dict[int, list[str]] = {}
    for place, comments in found.items():
        reference = _REFERENCE.fullmatch(place)
        if reference is None:
            continue
        for author, text in comments:
            line = f"Comment on {place} ({author}): {text}" if author else f"Comment on {place}: {text}"
            rows.setdefault(int(reference[2]), []).append(line)
    return {row: "; ".join(lines) for row, lines in rows.items()}


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
