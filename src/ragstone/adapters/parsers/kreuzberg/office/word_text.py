"""The text of a Word document, written anew in the few elements of which kreuzberg keeps everything."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from html import escape
from xml.etree.ElementTree import Element

from ragstone.adapters.parsers.kreuzberg.composition import one_line
from ragstone.adapters.parsers.kreuzberg.office.stand_ins import BREAK, hidden, note_mark
from ragstone.adapters.parsers.kreuzberg.office.translation import Steps, Translate, Translation
from ragstone.adapters.parsers.kreuzberg.office.word_formulas import M, formula_line, is_deep
from ragstone.adapters.parsers.kreuzberg.office.word_lists import Place, WordLists, figure
from ragstone.adapters.parsers.kreuzberg.office.word_symbols import symbol

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
BLIP = f"{_A}blip"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_PICTURE = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}docPr"
_V = "{urn:schemas-microsoft-com:vml}"
_MOST_COLUMNS = 63
"""Of a table in Word."""
_SPACE = re.compile("[\t\n\r]+")
_PREFIXES = {W[1:-1]: "w", M[1:-1]: "m"}
_UNDERSTOOD = frozenset(("wps", "wpg", "wpc", "wpi", "wp14", "w14", "w15", "a14", "v"))
"""What may be required by the first of several ways to write the same; of a symbol or chart the last one is read."""
_DROPPED = frozenset(
    W + name
    for name in (
        *("del", "moveFrom", "delText", "instrText", "delInstrText", "fldChar", "rt", "sdtPr", "sdtEndPr", "sectPr"),
        *("bookmarkStart", "bookmarkEnd", "proofErr", "lastRenderedPageBreak", "softHyphen", "separator"),
        *("continuationSeparator", "footnoteRef", "endnoteRef", "annotationRef", "commentRangeStart"),
        *("commentRangeEnd", "pPrChange", "rPrChange", "tblPrChange", "trPrChange", "tcPrChange", "tblGridChange"),
    )
)
_KEPT_OF_RUNS = frozenset(W + name for name in ("b", "i", "u", "strike", "dstrike", "vertAlign", "vanish", "rStyle"))
_KEPT_OF_PARAGRAPHS = frozenset((f"{W}pStyle", f"{W}numPr", f"{W}outlineLvl"))
_SAME_TEXT = {
    **dict.fromkeys((f"{W}tab", f"{W}ptab"), '<w:t xml:space="preserve"> </w:t>'),
    **dict.fromkeys((f"{W}br", f"{W}cr"), f"<w:t>{BREAK}</w:t>"),
    f"{W}noBreakHyphen": "<w:t>-</w:t>",
}
_NOTES = {f"{W}footnoteReference": "footnote", f"{W}endnoteReference": "endnote"}
_FIGURES = {"footnote": "decimal", "endnote": "lowerRoman"}


class WordText:
    """Translates the blocks of one document, in their order.

    ``notes`` are the elements of footnotes and endnotes by kind and id, ``comments`` those of comments by id.
    ``enclosed`` gives a mark to stand for the text of a picture, or of a document that is none, by its id.
    """

    def __init__(
        self,
        lists: WordLists,
        notes: Mapping[tuple[str, str], Element],
        comments: Mapping[str, Element],
        enclosed: Callable[[str, bool], str] = lambda _name, _picture: "",
    ) -> None:
        self._lists = lists
        self._notes = notes
        self._comments = dict(comments)
        self._enclosed = enclosed
        self._marks: dict[tuple[str, str], str] = {}
        self._counts = dict.fromkeys(_FIGURES, 0)
        self._prefix = ""
        translations: dict[str, Translate] = {
            f"{W}p": self._paragraph,
            f"{W}pPr": _nothing,
            f"{W}rPr": _run_properties,
            f"{W}r": self._run,
            f"{W}t": lambda element: (_text(element.text or ""),),
            f"{W}sym": lambda element: (_text(symbol(element.get(f"{W}font", ""), element.get(f"{W}char", ""))),),
            f"{W}hyperlink": _hyperlink,
            f"{W}txbxContent": self._box,
            f"{W}commentReference": self._comment_reference,
            f"{W}comment": self._comment,
            **{W + kind: self._note for kind in _FIGURES},
            f"{M}oMath": lambda element: (_run_of(formula_line(element)),),
            f"{M}oMathPara": _displayed,
            f"{M}t": lambda element: (f"<m:t>{hidden(element.text or '')}</m:t>",),
            f"{_MC}AlternateContent": _chosen,
            _PICTURE: self._described,
            BLIP: lambda element: self._read(element.get(f"{R}embed", ""), picture=True),
            f"{_V}imagedata": lambda element: self._read(element.get(f"{R}id", ""), picture=True),
            f"{W}altChunk": lambda element: self._read(element.get(f"{R}id", ""), picture=False),
            f"{W}tr": _row,
            **dict.fromkeys(_NOTES, self._note_reference),
            **{tag: partial(_instead, text) for tag, text in _SAME_TEXT.items()},
            **dict.fromkeys(_DROPPED, _nothing),
        }
        self._translation = Translation(translations, _as_it_is)

    def block(self, block: Element) -> str:
        """Return a paragraph, a table or whatever else a body holds, followed by what is anchored in it."""
        return self._translation.written([block])

    def rest(self) -> str:
        """Return the notes in the order of their marks, and comments on nothing, to stand below the last block."""
        noted = [self._notes[key] for key in self._marks]
        return self._translation.written([*noted, *self._comments.values()])

    def _paragraph(self, paragraph: Element) -> Steps:
        properties = paragraph.find(f"{W}pPr")
        mark = self._lists.mark(properties)
        prefix, self._prefix = self._prefix, ""
        label = f"{mark} " if isinstance(mark, str) and mark else ""
        lead = _run_of(prefix + label) if prefix or label else ""
        return self._translation.paragraph(("<w:p>", *_properties(properties, mark), lead, *paragraph, "</w:p>"))

    def _run(self, run: Element) -> Steps:
        # A mark is raised, which would be written as ^[^1]^.
        marked = any(child.tag in _NOTES for child in run)
        return ("<w:r>", *(child for child in run if not marked or child.tag != f"{W}rPr"), "</w:r>")

    def _box(self, box: Element) -> Steps:
        return self._translation.anchor(box)

    def _described(self, picture: Element) -> Steps:
        text = one_line(picture.get("descr", ""))
        return self._translation.anchor([f"<w:p>{_run_of(text)}</w:p>"]) if text else ()

    def _read(self, name: str, *, picture: bool) -> Steps:
        mark = self._enclosed(name, picture)
        return self._translation.anchor([f"<w:p>{_run_of(mark)}</w:p>"]) if mark else ()

    def _note_reference(self, reference: Element) -> Steps:
        kind, name = _NOTES[reference.tag], reference.get(f"{W}id", "")
        if (kind, name) not in self._notes:
            return ()
        if (kind, name) not in self._marks:
            own = reference.get(f"{W}customMarkFollows", "0") not in ("0", "false", "off")
            self._counts[kind] += not own
            self._marks[kind, name] = "" if own else figure(self._counts[kind], _FIGURES[kind])
        mark = self._marks[kind, name]
        return (_text(note_mark(mark)),) if mark else ()

    def _comment_reference(self, reference: Element) -> Steps:
        name = reference.get(f"{W}id", "")
        return self._translation.anchor([self._comments.pop(name)]) if name in self._comments else ()

    def _comment(self, comment: Element) -> Steps:
        author = one_line(comment.get(f"{W}author", ""))
        self._prefix = f"Comment ({author}): " if author else "Comment: "
        return tuple(comment)

    def _note(self, note: Element) -> Steps:
        mark = self._marks.get((note.tag.removeprefix(W), note.get(f"{W}id", "")))
        self._prefix = f"{note_mark(mark)}: " if mark else ""
        return tuple(note)


def _as_it_is(element: Element) -> Steps:
    """Return an element of Word's own with its attributes; of any other element what is in it."""
    name = _name(element.tag)
    if name is None:
        return tuple(element)
    attributes = "".join(
        f' {own}="{escape(value)}"' for key, value in element.items() if (own := _name(key)) is not None
    )
    return (f"<{name}{attributes}>", *element, f"</{name}>")


def _run_properties(properties: Element) -> Steps:
    kept = [child for child in properties if child.tag in _KEPT_OF_RUNS]
    return ("<w:rPr>", *kept, "</w:rPr>") if kept else ()


@lru_cache(1024)
def _name(tag: str) -> str | None:
    space, _, name = tag[1:].rpartition("}")
    prefix = _PREFIXES.get(space)
    return f"{prefix}:{name}" if prefix is not None else None


def _nothing(_: Element) -> Steps:
    return ()


def _instead(text: str, _: Element) -> Steps:
    return (text,)


def _text(text: str) -> str:
    return f'<w:t xml:space="preserve">{hidden(_SPACE.sub(" ", text))}</w:t>'


def _run_of(text: str) -> str:
    return f"<w:r>{_text(text)}</w:r>"


def _properties(properties: Element | None, mark: str | Place | None) -> Steps:
    """Return what kreuzberg reads of a paragraph's properties: as a list only that of a bullet."""
    if properties is None:
        return ()
    listed = () if mark is None else (f"{W}numPr",)
    kept = [child for child in properties if child.tag in _KEPT_OF_PARAGRAPHS and child.tag not in listed]
    item = ""
    if isinstance(mark, Place):
        item = f'<w:numPr><w:ilvl w:val="{mark.level}"/><w:numId w:val="{escape(mark.number)}"/></w:numPr>'
    return ("<w:pPr>", *kept, item, "</w:pPr>")


def _row(row: Element) -> Steps:
    """Return a row of a table, with a cell for each column that it leaves out before its first."""
    before = row.find(f"{W}trPr/{W}gridBefore")
    count = before.get(f"{W}val", "") if before is not None else ""
    left_out = min(int(count), _MOST_COLUMNS) if count.isdecimal() else 0
    return ("<w:tr>", "<w:tc><w:p></w:p></w:tc>" * left_out, *row, "</w:tr>")


def _hyperlink(link: Element) -> Steps:
    name = link.get(f"{R}id")
    return (f'<w:hyperlink r:id="{escape(name)}">' if name else "<w:hyperlink>", *link, "</w:hyperlink>")


def _displayed(formulas: Element) -> Steps:
    """Return formulas on a line of their own, which kreuzberg reads."""
    if is_deep(formulas):  # which would end kreuzberg
        yield _run_of(formula_line(formulas))
        return
    yield "<m:oMathPara>"
    for formula in formulas.iterfind(f"{M}oMath"):
        yield from ("<m:oMath>", *formula, "</m:oMath>")
    yield "</m:oMathPara>"


def _chosen(alternatives: Element) -> Steps:
    """Return the first of several ways to write the same that can be read, else the last one."""
    ways = list(alternatives)
    for way in ways:
        if way.tag == f"{_MC}Choice" and _UNDERSTOOD.issuperset(way.get("Requires", "").split()):
            return tuple(way)
    return tuple(ways[-1]) if ways else ()
