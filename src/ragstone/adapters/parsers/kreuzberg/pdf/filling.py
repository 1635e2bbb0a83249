"""Values of form fields put beside their labels, among the words and in the lines of a page."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ragstone.adapters.parsers.kreuzberg.pdf.line_text import line_key
from ragstone.adapters.parsers.kreuzberg.pdf.page_marks import Box, Word
from ragstone.adapters.parsers.kreuzberg.pdf.page_notes import NOT_CHECKED, Note, NoteKind

_NEAR = 3.0
"""Points by which a field may overlap its label."""
_MOST_PLACED = 300
"""Fields of a page beyond which values stand below its text."""
_FAR_ABOVE = 2.0
"""Distance of a label above its field, in heights of the label, at most."""
_FAR_LEFT = 150.0
"""Points between a word and what is typed over the page beside it, at most."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line as the file draws it, and with the values that belong there."""

    drawn: str
    filled: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FilledPage:
    """The words of a page with its values among them, the lines that these stand in, and what stands nowhere."""

    words: list[Word]
    lines: list[Line] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)


def filled_in(words: Sequence[Word], notes: Sequence[Note]) -> FilledPage:
    """Return a page's words with the values of its fields, each beside its label or below it.

    The label is the word to the left, or else the one above; of a box to tick, the nearer of those beside it.
    Comments, and what has no label, are left over, as paragraphs that say which field they are of.
    """
    filled = list(words)
    fields = [note for note in notes if note.kind is not NoteKind.COMMENT]
    values: dict[int, list[str]] = {}
    placed: set[int] = set()
    for note in sorted(fields, key=lambda note: note.box[0])[:_MOST_PLACED]:
        anchor = _label(note, filled, fields) if note.text else None
        if anchor is not None:
            word, after = anchor
            filled.insert(_place(filled, word) + after, _value_word(note, word))
            values.setdefault(word.line, []).append(note.text)
            placed.add(id(note))
    lines = [Line(_line(words, number), _line(filled, number), tuple(texts)) for number, texts in values.items()]
    left = [note for note in notes if id(note) not in placed and note.text and note.text != NOT_CHECKED]
    return FilledPage(filled, lines, [_told(note) for note in left])


def with_lines(text: str, lines: Sequence[Line]) -> tuple[str, list[Line]]:
    """Return a text with its lines as they are filled in, and those of ``lines`` that it does not have."""
    waiting: dict[str, deque[Line]] = {}
    for line in lines:
        waiting.setdefault(line_key(line.drawn), deque()).append(line)
    shown: list[str] = []
    for drawn in text.split("\n"):
        found = waiting.get(line_key(drawn))
        shown.append(found.popleft().filled if found else drawn)
    return "\n".join(shown), [line for rest in waiting.values() for line in rest]


def _told(note: Note) -> str:
    match note.kind:
        case NoteKind.TYPED:
            return note.text
        case NoteKind.COMMENT:
            return f"Comment ({note.name}): {note.text}" if note.name else f"Comment: {note.text}"
        case _:
            return f"{note.name}: {note.text}" if note.name else note.text


def _line(words: Sequence[Word], number: int) -> str:
    return " ".join(word.text for word in words if word.line == number)


def _place(words: Sequence[Word], wanted: Word) -> int:
    return next(place for place, word in enumerate(words) if word is wanted)


def _value_word(note: Note, label: Word) -> Word:
    """Return a value as a word that is as high as its label, at the top of its box where that has several lines."""
    x0, y0, x1, y1 = note.box
    top = (y0 + y1 - label.height) / 2 if y1 - y0 <= 2 * label.height else y0
    text = " ".join(note.text.split())
    end = min(x1, x0 + max(1.0, len(text) * label.height / 2))
    return replace(label, text=text, x0=x0, y0=top, x1=end, y1=top + label.height)


def _label(note: Note, words: Sequence[Word], fields: Sequence[Note]) -> tuple[Word, bool] | None:
    """Return the word that a field belongs to, and whether it stands after that."""
    box = note.box
    left, right = _left(box, words, fields), _right(box, words, fields)
    if note.kind is NoteKind.BOX:
        if left is None or (right is not None and right.x0 - box[2] <= box[0] - left.x1):
            return (right, False) if right is not None else None
        return left, True
    if note.kind is NoteKind.TYPED:
        beside = left is not None and box[0] - left.x1 <= _FAR_LEFT and "\n" not in note.text
        return (left, True) if left is not None and beside else None
    above = _above(box, words, fields)
    if above is not None and (left is None or box[1] - above.y1 < min(above.height, box[0] - left.x1) / 2):
        return above, True
    return (left, True) if left is not None else None


def _left(box: Box, words: Sequence[Word], fields: Sequence[Note]) -> Word | None:
    word = max((word for word in _beside(box, words) if word.x1 <= box[0] + _NEAR), key=_end, default=None)
    return None if word is None or _parts(fields, (word.x1, box[1], box[0], box[3])) else word


def _right(box: Box, words: Sequence[Word], fields: Sequence[Note]) -> Word | None:
    word = min((word for word in _beside(box, words) if word.x0 >= box[2] - _NEAR), key=_start, default=None)
    return None if word is None or _parts(fields, (box[2], box[1], word.x0, box[3])) else word


def _above(box: Box, words: Sequence[Word], fields: Sequence[Note]) -> Word | None:
    over = [word for word in words if word.y1 <= box[1] + _NEAR and word.x0 < box[2] and word.x1 > box[0]]
    if not over:
        return None
    lowest = max(over, key=lambda word: word.y1)
    last = max((word for word in over if word.middle[1] >= lowest.y0), key=_end)
    far = box[1] - last.y1 > _FAR_ABOVE * last.height
    return None if far or _parts(fields, (box[0], last.y1, box[2], box[1])) else last


def _beside(box: Box, words: Sequence[Word]) -> Iterator[Word]:
    return (
        word for word in words if min(word.y1, box[3]) - max(word.y0, box[1]) >= 0.5 * min(word.height, box[3] - box[1])
    )


def _parts(fields: Sequence[Note], gap: Box) -> bool:
    """Whether an empty field has its middle in a gap between a label and a field: the label is that one's."""
    return any(
        not note.text
        and gap[0] <= (note.box[0] + note.box[2]) / 2 <= gap[2]
        and gap[1] <= (note.box[1] + note.box[3]) / 2 <= gap[3]
        for note in fields
    )


def _start(word: Word) -> float:
    return word.x0


def _end(word: Word) -> float:
    return word.x1
