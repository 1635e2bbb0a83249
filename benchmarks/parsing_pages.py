"""Tables as they are printed: with all lines, with some, with none, with cells of several lines, over two pages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragstone.testing.made_files import Paragraph, Table
from ragstone.testing.parsers import pdf, pdf_of

_LEFT, _TOP, _BOTTOM = 72, 760, 90
_LEADING = 12
_DIGIT = 0.556
"""Width of a digit of Helvetica, in sizes of the type."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a table is drawn: its lines, the ground of every other row, padding in points, numbers to the right."""

    upright: bool = False
    level: bool = False
    header: bool = False
    shaded: bool = False
    padding: int = 4
    right: bool = False
    letters: int = 22


STYLES = {
    "grid": Style(upright=True, level=True),
    "rows": Style(level=True, right=True),
    "book": Style(header=True, right=True),
    "bare": Style(right=True),
    "shaded": Style(shaded=True),
    "columns": Style(upright=True, header=True),
}


def drawn(elements: Sequence[Paragraph | Table], style: Style) -> bytes:
    """Return a PDF of paragraphs and tables; a table that does not fit goes on, below its header, on a new page."""
    pages: list[list[str]] = [[]]
    y = _TOP
    for element in elements:
        if isinstance(element, Paragraph):
            for line in _wrapped(element.text, 90):
                pages[-1].append(_text(line, _LEFT, y - 9))
                y -= _LEADING
            y -= _LEADING
            continue
        rows = list(element.rows)
        while rows:
            fitting = _fitting(rows, style, y - _BOTTOM)
            pages[-1] += _table(rows[:fitting], style, y)
            y -= sum(_height(row, style) for row in rows[:fitting]) + _LEADING
            rows = [element.rows[0], *rows[fitting:]] if rows[fitting:] else []
            if rows:
                pages.append([])
                y = _TOP
    return pdf_of(["\n".join(page).encode("cp1252") for page in pages])


def justified(text: str, letters: int = 60) -> bytes:
    """Return a PDF of a paragraph in lines of as many letters, whose words are parted by hyphens to fill them."""
    lines = [""]
    for word in text.split():
        room = letters - len(lines[-1]) - 2
        if room >= len(word):
            lines[-1] += f" {word}"
        elif 2 <= room < len(word) - 1 and word[: room + 2].isalpha():
            lines[-1] += f" {word[:room]}-"
            lines.append(word[room:])
        else:
            lines.append(word)
    return pdf([[line.strip() for line in lines]])


def _fitting(rows: Sequence[Sequence[str]], style: Style, room: int) -> int:
    count = 0
    for row in rows:
        room -= _height(row, style)
        if room < 0:
            break
        count += 1
    return max(count, 2)


def _height(row: Sequence[str], style: Style) -> int:
    return _LEADING * max(len(_wrapped(cell, style.letters)) for cell in row) + 2 * style.padding


def _table(rows: Sequence[Sequence[str]], style: Style, top: int) -> Iterator[str]:
    count = len(rows[0])
    width = 456 // count
    ends = [top]
    for row in rows:
        ends.append(ends[-1] - _height(row, style))
    right = _LEFT + width * count
    if style.shaded:
        yield from (
            f"0.9 g {_LEFT} {below} {right - _LEFT} {above - below} re f 0 g"
            for above, below in zip(ends[:-1:2], ends[1::2], strict=False)
        )
    levels = ends if style.level else [ends[0], ends[1], ends[-1]] if style.header else []
    yield from (f"{_LEFT} {y} m {right} {y} l S" for y in levels)
    if style.upright:
        yield from (f"{_LEFT + width * n} {top} m {_LEFT + width * n} {ends[-1]} l S" for n in range(count + 1))
    for row, y in zip(rows, ends, strict=False):
        for column, cell in enumerate(row):
            x = _LEFT + width * column + style.padding
            for number, line in enumerate(_wrapped(cell, style.letters)):
                shift = width - 2 * style.padding - _DIGIT * 9 * len(line) if style.right and _number(cell) else 0
                yield _text(line, int(x + shift), y - style.padding - 9 - _LEADING * number)


def _number(cell: str) -> bool:
    return cell.replace(",", "").replace(".", "").isdecimal()


def _text(text: str, x: int, y: int) -> str:
    escaped = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return f"BT /F1 9 Tf {x} {y} Td ({escaped}) Tj ET"


def _wrapped(text: str, letters: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= letters:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return lines
