"""The text of an OpenDocument (ODT), written anew in the few elements of which kreuzberg keeps everything."""

import io
import zipfile
from collections import Counter
from functools import partial
from html import escape
from xml.etree.ElementTree import Element

from ragstone.adapters.parsers.kreuzberg.composition import one_line
from ragstone.adapters.parsers.kreuzberg.office.translation import Step, Steps, Translate, Translation, pieces

_ODF = "urn:oasis:names:tc:opendocument:xmlns:"
_SPACES = {
    **{f"{_ODF}{name}:1.0": name for name in ("office", "text", "table", "style")},
    f"{_ODF}drawing:1.0": "draw",
    f"{_ODF}xsl-fo-compatible:1.0": "fo",
    f"{_ODF}svg-compatible:1.0": "svg",
    "http://www.w3.org/1999/xlink": "xlink",
}
_DECLARED = " ".join(f'xmlns:{prefix}="{space}"' for space, prefix in _SPACES.items())
OFFICE, TEXT, TABLE, DRAW = (f"{{{_ODF}{name}:1.0}}" for name in ("office", "text", "table", "drawing"))
SVG = f"{{{_ODF}svg-compatible:1.0}}"
CREATOR = "{http://purl.org/dc/elements/1.1/}creator"
_BODY, _STYLES = f"{OFFICE}text", f"{OFFICE}automatic-styles"
_KEPT = frozenset((f"{TEXT}span", f"{TEXT}a"))
_KEPT_OUT_OF_CELLS = frozenset(
    (*(TEXT + name for name in ("list", "list-item", "list-header")), f"{TABLE}table", f"{TABLE}table-row")
)
_DROPPED = (
    *(f"{TEXT}{name}" for name in ("tracked-changes", "table-of-content", "soft-page-break", "ruby-text")),
    *(f"{OFFICE}{name}" for name in ("forms", "annotation-end")),
)
_SHAPES = tuple(
    f"{DRAW}{name}"
    for name in ("text-box", "g", "a", "custom-shape", "rect", "ellipse", "circle", "polygon", "path", "line")
)
_MOST_REPEATED = 64
_TEXT_PARTS = (".xml", "mimetype")


def rewritten_open_text(data: bytes) -> bytes:
    """Return an ODT anew: text boxes, notes and comments as text, cells of one paragraph each, and no pictures.

    Raises what reading a ZIP or XML raises, ``KeyError`` where there is no text.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as target:
        for name in dict.fromkeys(source.namelist()):
            if name.endswith(_TEXT_PARTS) and name != "content.xml":
                target.writestr(name, source.read(name))
        text = OpenText()
        with source.open("content.xml") as content, target.open("content.xml", "w", force_zip64=True) as written:
            written.write(f"<office:document-content {_DECLARED}><office:automatic-styles>".encode())
            inside = "</office:automatic-styles><office:body><office:text>"
            for container, piece in pieces(content, _STYLES, _BODY):
                if container == _BODY:
                    written.write((inside + text.block(piece)).encode())
                    inside = ""
                else:
                    written.write(text.style(piece).encode())
            end = f"{inside}{text.rest()}</office:text></office:body></office:document-content>"
            written.write(end.encode())
    return file.getvalue()


class OpenText:
    """Translates the blocks of one document, in their order."""

    def __init__(self) -> None:
        self._notes: list[tuple[str, Element]] = []
        self._marks: Counter[str] = Counter()
        self._prefix = ""
        self._cells = 0
        translations: dict[str, Translate] = {
            **dict.fromkeys((f"{TEXT}p", f"{TEXT}h"), self._paragraph),
            **dict.fromkeys((f"{TEXT}{name}" for name in ("s", "tab", "line-break")), lambda _: (" ",)),
            f"{TEXT}note": self._note,
            f"{OFFICE}annotation": self._comment,
            f"{TABLE}table-cell": self._cell,
            f"{TABLE}covered-table-cell": self._cell,
            f"{DRAW}frame": self._frame,
            **dict.fromkeys(_SHAPES, self._shape),
            **dict.fromkeys(_DROPPED, lambda _: ()),
        }
        self._translation = Translation(translations, self._other)
        self._styles = Translation({}, lambda element: _tagged(element, _mixed(element)))

    def style(self, style: Element) -> str:
        """Return a style as it is."""
        return self._styles.written([style])

    def block(self, block: Element) -> str:
        """Return a paragraph, a table or whatever else a text holds, followed by what is anchored in it."""
        return self._translation.written([block])

    def rest(self) -> str:
        """Return the notes in the order of their marks, to stand below the last block."""
        return "".join(
            self._translation.written([partial(self._held, f"[^{mark}]: ", note)]) for mark, note in self._notes
        )

    def _held(self, prefix: str, holder: Element) -> Steps:
        """Return the paragraphs of a note or comment, the first of them with a prefix."""
        self._prefix = prefix
        return tuple(child for child in holder if child.tag != CREATOR)

    def _paragraph(self, paragraph: Element) -> Steps:
        prefix, self._prefix = escape(self._prefix), ""
        if self._cells:
            return self._translation.paragraph((" ", prefix, *_mixed(paragraph)))
        return self._translation.paragraph(_tagged(paragraph, (prefix, *_mixed(paragraph))))

    def _note(self, note: Element) -> Steps:
        citation, body = note.find(f"{TEXT}note-citation"), note.find(f"{TEXT}note-body")
        if body is None:
            return ()
        shown = one_line("".join(citation.itertext())) if citation is not None else ""
        mark = shown or str(len(self._notes) + 1)
        self._marks[mark] += 1
        if self._marks[mark] > 1:  # each page or chapter counts anew
            mark = f"{mark}-{self._marks[mark]}"
        self._notes.append((mark, body))
        return (f"[^{escape(mark)}]",)

    def _comment(self, comment: Element) -> Steps:
        author = one_line(comment.findtext(CREATOR, ""))
        return self._translation.anchor(
            [partial(self._held, f"Comment ({author}): " if author else "Comment: ", comment)]
        )

    def _cell(self, cell: Element) -> Steps:
        """Return a cell as often as it repeats, as one paragraph, since kreuzberg joins words where others begin."""
        if self._cells:
            return _mixed(cell)
        repeated = cell.get(f"{TABLE}number-columns-repeated", "1")
        times = min(int(repeated), _MOST_REPEATED) if repeated.isdecimal() else 1
        once = ("<table:table-cell><text:p>", partial(self._within_cell, 1), *cell, partial(self._within_cell, -1))
        return (*once, "</text:p></table:table-cell>") * times

    def _within_cell(self, change: int) -> Steps:
        self._cells += change
        return ()

    def _frame(self, frame: Element) -> Steps:
        described = frame.findtext(f"{SVG}desc") or frame.findtext(f"{SVG}title") or ""
        formula = frame.find(f"{DRAW}object")
        found: list[Step] = [partial(self._described, described)] if described.strip() else []
        below = self._translation.anchor([*found, *frame.iterfind(f"{DRAW}text-box")])
        return ("<draw:frame>", *_tagged(formula, ()), "</draw:frame>", *below) if formula is not None else below

    def _described(self, text: str) -> Steps:
        line = escape(one_line(text))
        return (f" {line}" if self._cells else f"<text:p>{line}</text:p>",)

    def _shape(self, shape: Element) -> Steps:
        return self._translation.anchor(shape)

    def _other(self, element: Element) -> Steps:
        """Return an element with its tag where kreuzberg reads that, else what is in it."""
        if element.tag in _KEPT or (not self._cells and element.tag in _KEPT_OUT_OF_CELLS):
            return _tagged(element, _mixed(element))
        return _mixed(element) if element.tag.startswith((TEXT, TABLE)) else ()


def _mixed(element: Element) -> Steps:
    yield escape(element.text or "")
    for child in element:
        yield child
        yield escape(child.tail or "")


def _tagged(element: Element, content: Steps) -> Steps:
    name = _name(element.tag)
    if name is None:
        return ()
    attributes = "".join(f' {own}="{escape(value)}"' for key, value in element.items() if (own := _name(key)))
    return (f"<{name}{attributes}>", *content, f"</{name}>")


def _name(tag: str) -> str | None:
    space, _, name = tag[1:].rpartition("}")
    prefix = _SPACES.get(space)
    return f"{prefix}:{name}" if prefix is not None else None
