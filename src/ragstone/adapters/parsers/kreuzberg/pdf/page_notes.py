"""What is filled in and noted on a page of a PDF: values of form fields, text typed over the page, comments."""

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

import pypdfium2 as pdfium
from pypdfium2 import raw

from ragstone.adapters.parsers.kreuzberg.decoding import clean
from ragstone.adapters.parsers.kreuzberg.pdf.page_marks import Box, Turn, turn_of

_MOST = 2_000
"""Annotations of a page beyond which none is looked at."""
_HIDDEN = raw.FPDF_ANNOT_FLAG_HIDDEN | raw.FPDF_ANNOT_FLAG_NOVIEW
_NO_COMMENT = frozenset(
    {
        *(raw.FPDF_ANNOT_LINK, raw.FPDF_ANNOT_POPUP, raw.FPDF_ANNOT_SCREEN, raw.FPDF_ANNOT_PRINTERMARK),
        *(raw.FPDF_ANNOT_TRAPNET, raw.FPDF_ANNOT_WATERMARK, raw.FPDF_ANNOT_XFAWIDGET, raw.FPDF_ANNOT_UNKNOWN),
    }
)
_CHECKED = "[x]"
NOT_CHECKED = "[ ]"

Tell = Callable[[ctypes.Array[ctypes.c_ushort] | None, int], int]
"""What PDFium has for a text: puts it into as many bytes as are given, and returns how many it needs."""


class NoteKind(Enum):
    """What a note is: where it stands among the page's text follows from that."""

    VALUE = "value"
    BOX = "box"
    TYPED = "typed"
    COMMENT = "comment"


@dataclass(frozen=True, slots=True)
class Note:
    """A text in its box on the page; ``name`` is the field's that it is the value of, or the comment's author."""

    kind: NoteKind
    text: str
    name: str
    box: Box


def page_notes(page: pdfium.PdfPage) -> list[Note]:
    """Return what is filled in and noted on a page, in the order of its file; fields that are empty, too.

    What is hidden is left out, and so are passwords. The document must have its forms initialized.
    """
    count = raw.FPDFPage_GetAnnotCount(page)
    if not 0 < count <= _MOST:
        return []
    turn = turn_of(page)
    return [note for place in range(count) for note in _notes(page, place, turn)]


def _notes(page: pdfium.PdfPage, place: int, turn: Turn) -> Iterator[Note]:
    annotation = raw.FPDFPage_GetAnnot(page, place)
    if not annotation:
        return
    try:
        kind = raw.FPDFAnnot_GetSubtype(annotation)
        if raw.FPDFAnnot_GetFlags(annotation) & _HIDDEN or kind in _NO_COMMENT:
            return
        box = _box(annotation, turn)
        if kind == raw.FPDF_ANNOT_WIDGET:
            if page.formenv is not None:
                yield from _field(page.formenv.raw, annotation, box)
            return
        text = _entry(annotation, b"Contents")
        if text:
            is_typed = kind == raw.FPDF_ANNOT_FREETEXT
            yield Note(NoteKind.TYPED if is_typed else NoteKind.COMMENT, text, _entry(annotation, b"T"), box)
    finally:
        raw.FPDFPage_CloseAnnot(annotation)


def _field(form: raw.FPDF_FORMHANDLE, annotation: raw.FPDF_ANNOTATION, box: Box) -> Iterator[Note]:
    kind = raw.FPDFAnnot_GetFormFieldType(form, annotation)
    name = _field_name(form, annotation)
    if kind in (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON):
        yield Note(NoteKind.BOX, _CHECKED if raw.FPDFAnnot_IsChecked(form, annotation) else NOT_CHECKED, name, box)
    elif kind in (raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX):
        yield Note(NoteKind.VALUE, _chosen(form, annotation), name, box)
    elif kind == raw.FPDF_FORMFIELD_TEXTFIELD:
        is_secret = raw.FPDFAnnot_GetFormFieldFlags(form, annotation) & raw.FPDF_FORMFLAG_TEXT_PASSWORD
        yield Note(NoteKind.VALUE, "" if is_secret else _value(form, annotation), name, box)


def _field_name(form: raw.FPDF_FORMHANDLE, annotation: raw.FPDF_ANNOTATION) -> str:
    """Return what a field is called where it is shown to people, or its name."""
    shown = _text(lambda room, size: raw.FPDFAnnot_GetFormFieldAlternateName(form, annotation, room, size))
    return shown or _text(lambda room, size: raw.FPDFAnnot_GetFormFieldName(form, annotation, room, size))


def _chosen(form: raw.FPDF_FORMHANDLE, annotation: raw.FPDF_ANNOTATION) -> str:
    """Return the options chosen as they are shown; what was typed in their place is the field's value."""
    options = range(raw.FPDFAnnot_GetOptionCount(form, annotation))
    chosen = [option for option in options if raw.FPDFAnnot_IsOptionSelected(form, annotation, option)]
    return ", ".join(_option(form, annotation, option) for option in chosen) or _value(form, annotation)


def _option(form: raw.FPDF_FORMHANDLE, annotation: raw.FPDF_ANNOTATION, option: int) -> str:
    return _text(lambda room, size: raw.FPDFAnnot_GetOptionLabel(form, annotation, option, room, size))


def _value(form: raw.FPDF_FORMHANDLE, annotation: raw.FPDF_ANNOTATION) -> str:
    return _text(lambda room, size: raw.FPDFAnnot_GetFormFieldValue(form, annotation, room, size))


def _entry(annotation: raw.FPDF_ANNOTATION, key: bytes) -> str:
    return _text(lambda room, size: raw.FPDFAnnot_GetStringValue(annotation, key, room, size))


def _text(tell: Tell) -> str:
    size = tell(None, 0)
    if size <= 2:
        return ""
    room = (ctypes.c_ushort * (size // 2))()
    tell(room, size)
    return clean(bytes(room)[: size - 2].decode("utf-16-le", "replace")).strip("\0 \n\t")


def _box(annotation: raw.FPDF_ANNOTATION, turn: Turn) -> Box:
    found = raw.FS_RECTF()
    raw.FPDFAnnot_GetRect(annotation, ctypes.byref(found))
    (xa, ya), (xb, yb) = turn(found.left, found.top), turn(found.right, found.bottom)
    return min(xa, xb), min(ya, yb), max(xa, xb), max(ya, yb)
