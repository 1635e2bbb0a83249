"""What Tesseract read, in its own lines and paragraphs; a table where its words stand as one, and nowhere else."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from typing import Any

from ragstone.adapters.parsers.kreuzberg.composition import prose
from ragstone.adapters.parsers.kreuzberg.decoding import clean
from ragstone.adapters.parsers.kreuzberg.pdf.aligned_tables import aligned_tables
from ragstone.adapters.parsers.kreuzberg.pdf.cell_text import cell_text
from ragstone.adapters.parsers.kreuzberg.pdf.page_marks import Word
from ragstone.adapters.parsers.kreuzberg.pdf.ruled_tables import Found
from ragstone.adapters.parsers.kreuzberg.tables import markdown_table

_Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""
_NOWHERE = (0.0, 0.0, 0.0, 0.0)
Elements = Sequence[Mapping[str, Any]]

_RULE = "|"
"""What Tesseract takes an upright line of a table for."""
_LINE = 12.0
"""Points that a line of a page is high, to which those of a picture are brought, for its dots have no measure."""


def recognised_text(text: str, elements: Elements) -> str:
    """Return a text of lines with its tables as Markdown; see ``with_tables``."""
    return with_tables(text, elements) or _prose(clean(text).split("\n"))


def with_tables(text: str, elements: Elements) -> str | None:
    """Return a text of lines with its tables as Markdown, ``None`` where it has none.

    ``elements`` are kreuzberg's: the words of the text in its order, but for some that are hardly any, each with its
    box in dots.
    """
    lines = [[word for word in line.split() if word != _RULE] for line in clean(text).split("\n")]
    words = _words(lines, _boxes(lines, elements))
    tables = list(aligned_tables([word for line in words for word in line if word.height], ()))
    return _joined(words, tables) if tables else None


def _boxes(lines: Sequence[Sequence[str]], elements: Elements) -> list[_Box | None]:
    """Return the box of each word, ``None`` for those that no element is."""
    shown = [word for line in lines for word in line]
    found = [
        (clean(element["text"]).strip(), element["geometry"]) for element in elements if element["level"] == "word"
    ]
    boxes: list[_Box | None] = [None] * len(shown)
    for mine, theirs, length in SequenceMatcher(None, shown, [word for word, _ in found], False).get_matching_blocks():
        for place in range(length):
            box = found[theirs + place][1]
            right, bottom = box["left"] + box["width"], box["top"] + box["height"]
            boxes[mine + place] = box["left"], box["top"], right, bottom
    return boxes


def _words(lines: Sequence[Sequence[str]], boxes: Iterable[_Box | None]) -> list[list[Word]]:
    """Return the words of each line in boxes as high as the line, in points; what has none goes with its neighbour."""
    rest = iter(boxes)
    boxed = [_with_neighbours([(word, next(rest)) for word in line]) for line in lines]
    edges = [(min(box[1] for _, box in line), max(box[3] for _, box in line)) for line in boxed if line]
    heights = sorted(bottom - top for top, bottom in edges if bottom > top)
    scale = _LINE / heights[len(heights) // 2] if heights else 1.0
    edge = iter(edges)
    placed: list[list[Word]] = []
    for number, line in enumerate(boxed):
        top, bottom = next(edge) if line else (0.0, 0.0)
        placed.append(
            [
                Word(word, number, left * scale, top * scale, right * scale, bottom * scale)
                for word, (left, _, right, _) in line
            ]
        )
    return placed


def _with_neighbours(line: Iterable[tuple[str, _Box | None]]) -> list[tuple[str, _Box]]:
    """Return words with a box each: those without one at the end of the word before, or of a box of no size."""
    words: list[tuple[str, _Box]] = []
    for word, box in line:
        if box is None and words:
            words[-1] = (f"{words[-1][0]} {word}", words[-1][1])
        elif words and words[-1][1] == _NOWHERE and box is not None:
            words[-1] = (f"{words[-1][0]} {word}", box)
        else:
            words.append((word, box or _NOWHERE))
    return words


def _joined(lines: Sequence[Sequence[Word]], tables: Sequence[Found]) -> str:
    """Return lines with each table in the place of its first word; what else its lines hold stands beside it."""
    table_of = {
        id(word): number for number, table in enumerate(tables) for row in table.rows for cell in row for word in cell
    }
    parts: list[str] = []
    text: list[str] = []
    shown: set[int] = set()
    for line in lines:
        if not line:
            text.append("")
        for number, piece in groupby(line, key=lambda word: table_of.get(id(word))):
            if number is None:
                text.append(" ".join(word.text for word in piece))
            elif number not in shown:
                shown.add(number)
                parts += (_prose(text), _markdown(tables[number]))
                text = []
    return "\n\n".join(filter(None, (*parts, _prose(text))))


def _prose(lines: Sequence[str]) -> str:
    return prose(re.sub("\n{3,}", "\n\n", "\n".join(lines).strip("\n")))


def _markdown(table: Found) -> str:
    return markdown_table([[cell_text(cell) if cell else "" for cell in row] for row in table.rows])
