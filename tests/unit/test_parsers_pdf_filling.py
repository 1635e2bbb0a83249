"""Values of form fields beside their labels."""

import pytest

from ragstone.adapters.parsers.kreuzberg.pdf.filling import filled_in
from ragstone.adapters.parsers.kreuzberg.pdf.page_marks import Box, Word
from ragstone.adapters.parsers.kreuzberg.pdf.page_notes import Note, NoteKind


def line(number: int, *words: tuple[str, float]) -> list[Word]:
    """Return words of a line, each with where it begins; a letter is 6 points wide, a line 10 high, and 30 below."""
    top = 30.0 * number
    return [Word(text, number, x, top, x + 6 * len(text), top + 10) for text, x in words]


def value(text: str, box: Box, kind: NoteKind = NoteKind.VALUE) -> Note:
    return Note(kind, text, "field", box)


def lines_of(words: list[Word], notes: list[Note]) -> tuple[list[str], list[str]]:
    found = filled_in(words, notes)
    return [line.filled for line in found.lines], found.loose


def test_the_label_is_to_the_left() -> None:
    words = [*line(0, ("Name", 0), ("Town", 200)), *line(1, ("Berth", 0))]
    notes = [value("Ulm", (240, -1, 300, 11)), value("12b", (60, 29, 100, 41)), value("Ann Lee", (40, -1, 150, 11))]
    assert lines_of(words, notes) == (["Name Ann Lee Town Ulm", "Berth 12b"], [])


def test_the_label_is_above() -> None:
    words = [*line(0, ("First", 0), ("name", 36), ("Town", 200)), *line(2, ("End.", 0))]
    notes = [value("Ann", (0, 12, 150, 24)), value("Ulm", (200, 12, 300, 24))]
    assert lines_of(words, notes) == (["First name Ann Town Ulm"], [])


def test_a_label_is_that_of_the_empty_field_beside_it() -> None:
    words = line(0, ("Name", 0))
    notes = [value("", (30, 0, 100, 10)), value("Lee", (110, 0, 200, 10))]
    assert lines_of(words, notes) == ([], ["field: Lee"])


def test_boxes_stand_with_the_nearer_word() -> None:
    words = line(0, ("Female", 20), ("Male", 120), ("Agreed", 200))
    boxes = [((5, 0, 15, 10), "[ ]"), ((105, 0, 115, 10), "[x]"), ((240, 0, 250, 10), "[x]")]
    notes = [value(text, box, NoteKind.BOX) for box, text in boxes]
    assert lines_of(words, notes) == (["[ ] Female [x] Male Agreed [x]"], [])


@pytest.mark.parametrize(
    ("note", "told"),
    [
        (Note(NoteKind.VALUE, "Lee", "Name", (0, 500, 90, 510)), ["Name: Lee"]),
        (Note(NoteKind.BOX, "[x]", "agreed", (0, 500, 10, 510)), ["agreed: [x]"]),
        (Note(NoteKind.BOX, "[ ]", "agreed", (0, 500, 10, 510)), []),
        (Note(NoteKind.COMMENT, "Check this.", "Ann", (30, 0, 40, 10)), ["Comment (Ann): Check this."]),
        (Note(NoteKind.COMMENT, "Check this.", "", (30, 0, 40, 10)), ["Comment: Check this."]),
        (Note(NoteKind.TYPED, "APPROVED", "", (300, 200, 400, 210)), ["APPROVED"]),
    ],
)
def test_what_has_no_place_in_the_text_stands_below_it(note: Note, told: list[str]) -> None:
    words = line(0, ("Name", 0))
    found = filled_in(words, [note])
    assert (found.words, found.lines, found.loose) == (words, [], told)


def test_what_is_typed_beside_a_word_stands_there() -> None:
    assert lines_of(line(0, ("Name", 0)), [value("Lee", (40, 0, 90, 10), NoteKind.TYPED)]) == (["Name Lee"], [])
