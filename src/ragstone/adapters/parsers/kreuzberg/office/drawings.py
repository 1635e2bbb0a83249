"""DrawingML, which Word, Excel and PowerPoint share: paragraphs, charts and diagrams."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from ragstone.adapters.parsers.kreuzberg.composition import one_line
from ragstone.adapters.parsers.kreuzberg.decoding import clean
from ragstone.adapters.parsers.kreuzberg.tables import markdown_table

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_DGM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"


def paragraph_text(paragraph: Element) -> str:
    """Return a paragraph's text with its line breaks, without the number of the slide."""
    parts: list[str] = []
    numbers = {text for field in paragraph.iter(f"{_A}fld") if field.get("type") == "slidenum" for text in field.iter()}
    for element in paragraph.iter():
        if element.tag in (f"{_A}t", f"{_M}t") and element not in numbers:
            parts.append(element.text or "")
        elif element.tag == f"{_A}br":
            parts.append("\n")
        elif element.tag == f"{_A}tab":
            parts.append("\t")
    return clean("".join(parts)).strip().replace("\v", "\n")


def chart_rows(root: Element) -> Iterator[str]:
    """Yield a chart's title, and its numbers as a table with a column for each series."""
    title = root.find(f"{_C}chart/{_C}title")
    if title is not None and (text := one_line(" ".join(part.text or "" for part in title.iter(f"{_A}t")))):
        yield text
    series = list(root.iter(f"{_C}ser"))
    names = [" ".join(_points(found.find(f"{_C}tx")).values()) for found in series]
    categories = [_points(found.find(f"{_C}cat")) or _points(found.find(f"{_C}xVal")) for found in series]
    values = [_points(found.find(f"{_C}val")) or _points(found.find(f"{_C}yVal")) for found in series]
    places = sorted({place for points in (*categories, *values) for place in points}, key=_place)
    labels = {place: text for points in reversed(categories) for place, text in points.items()}
    rows = [[labels.get(place, ""), *(points.get(place, "") for points in values)] for place in places]
    if rows:
        yield markdown_table([["", *names], *rows])


def diagram_lines(root: Element) -> Iterator[str]:
    """Yield the texts of a diagram's points, in their order."""
    for point in root.iter(f"{_DGM}pt"):
        text = one_line(" ".join(filter(None, map(paragraph_text, point.iter(f"{_A}p")))))
        if text:
            yield text


def _points(holder: Element | None) -> dict[str, str]:
    """Return the cached values of a reference to cells, by their place."""
    if holder is None:
        return {}
    return {point.get("idx", ""): clean(point.findtext(f"{_C}v", "")) for point in holder.iter(f"{_C}pt")}


def _place(place: str) -> tuple[int, str]:
    return (int(place) if place.isdecimal() and len(place) < 12 else 0, place)
