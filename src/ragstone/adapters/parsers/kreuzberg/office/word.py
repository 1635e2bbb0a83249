"""A Word document as a package that holds nothing but what kreuzberg reads of it, and holds that where it reads it."""

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from html import escape
from xml.etree.ElementTree import Element

from ragstone.adapters.parsers.kreuzberg.office.enclosures import Enclosures
from ragstone.adapters.parsers.kreuzberg.office.package import OfficePackage
from ragstone.adapters.parsers.kreuzberg.office.stand_ins import hidden
from ragstone.adapters.parsers.kreuzberg.office.translation import pieces
from ragstone.adapters.parsers.kreuzberg.office.word_formulas import M
from ragstone.adapters.parsers.kreuzberg.office.word_lists import word_lists
from ragstone.adapters.parsers.kreuzberg.office.word_text import BLIP, R, W, WordText

_MAIN = "word/document.xml"
_LARGEST_RULES = 16 * 2**20
"""Bytes of numbering or styles from which on they are not read, which take some ten times as much memory."""
_LINK = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_COPIED = ("docProps/core.xml", "docProps/app.xml", "docProps/custom.xml")
_SAYS = re.compile(r"<[wm]:t(?:\s[^<>]*)?>[^<]*[^<\s]")
_NOT_NOTES = frozenset(("separator", "continuationSeparator", "continuationNotice"))


def rewritten_word(data: bytes, enclosures: Enclosures) -> bytes:
    """Return a DOCX anew: text boxes, notes, comments and formulas as text, lists counted, and no other parts.

    What ``enclosures`` find in its pictures is kept there, with marks in its place. Headers and footers are text only
    where there is no other.

    Raises what reading a ZIP or XML raises, ``KeyError`` where there is no text, and ``ParseFailed``.
    """
    package = OfficePackage(data)
    main = package.main() or _MAIN
    parts = {relation.kind: relation.path for relation in package.relations(main).values()}
    rules = {kind: parts.get(kind, f"word/{kind}.xml") for kind in ("numbering", "styles")}
    links = _Links()
    text = WordText(
        word_lists(*(_rules(package, path) for path in rules.values())),
        _notes(package, parts, links),
        _comments(package, parts, links),
        _enclosed(package, main, enclosures),
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as target:
        target.writestr("[Content_Types].xml", "<Types/>")
        for name in _COPIED:
            target.writestr(name, package.read(name))
        for kind, path in rules.items():
            target.writestr(f"word/{kind}.xml", package.read(path))
        with package.stream(main) as source, target.open(_MAIN, "w", force_zip64=True) as document:
            document.write(f'<w:document xmlns:w="{W[1:-1]}" xmlns:r="{R[1:-1]}" xmlns:m="{M[1:-1]}"><w:body>'.encode())
            addresses = package.addresses(main)
            says = False
            for _, block in pieces(source, f"{W}body"):
                written = text.block(links.within(block, addresses))
                says = says or _SAYS.search(written) is not None
                document.write(written.encode())
            if not says:
                for block in _letterhead(package, main, links):
                    document.write(text.block(block).encode())
            document.write(f"{text.rest()}</w:body></w:document>".encode())
        target.writestr("word/_rels/document.xml.rels", links.part())
    return file.getvalue()


class _Links:
    """The addresses of a document's links, which its parts number each by itself."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def within(self, element: Element, addresses: Mapping[str, str]) -> Element:
        """Rename the links in an element, which refers to ``addresses``, to those of the one part there will be."""
        for link in element.iter(f"{W}hyperlink"):
            address = addresses.get(link.get(f"{R}id", ""))
            name = self._names.setdefault(address, f"link{len(self._names)}") if address else ""
            link.set(f"{R}id", name)
        return element

    def part(self) -> str:
        """Return the part that says where the links lead."""
        links = "".join(
            f'<Relationship Id="{name}" Type="{_LINK}" Target="{escape(hidden(address))}" TargetMode="External"/>'
            for address, name in self._names.items()
        )
        return f'<Relationships xmlns="{_RELATIONS}">{links}</Relationships>'


def _rules(package: OfficePackage, path: str) -> Element | None:
    return package.parse(path) if package.size(path) <= _LARGEST_RULES else None


def _enclosed(package: OfficePackage, main: str, enclosures: Enclosures) -> Callable[[str, bool], str]:
    """Return what gives a mark for the text of a picture, or of a document, that the text refers to by an id."""
    relations = package.relations(main)

    def mark(name: str, picture: bool) -> str:
        if name not in relations:
            return ""
        read = enclosures.picture if picture else enclosures.document
        return enclosures.keep(read(package, relations[name].path))

    return mark


def _letterhead(package: OfficePackage, main: str, links: _Links) -> Iterator[Element]:
    """Yield the blocks of headers and footers, those that say the same once."""
    said: set[str] = set()
    for kind in ("header", "footer"):
        for relation in package.relations(main).values():
            root = package.parse(relation.path) if relation.kind == kind else None
            for block in root if root is not None else ():
                text = "".join(block.itertext())
                if text not in said:
                    said.add(text)
                    yield links.within(block, package.addresses(relation.path))


def _notes(package: OfficePackage, parts: Mapping[str, str], links: _Links) -> dict[tuple[str, str], Element]:
    """Return footnotes and endnotes by kind and id, each of which counts its ids by itself."""
    return {
        (kind, note.get(f"{W}id", "")): note
        for kind in ("footnote", "endnote")
        for note in _elements(package, parts.get(f"{kind}s", ""), kind, links)
        if note.get(f"{W}type") not in _NOT_NOTES
    }


def _comments(package: OfficePackage, parts: Mapping[str, str], links: _Links) -> dict[str, Element]:
    found = _elements(package, parts.get("comments", ""), "comment", links)
    return {comment.get(f"{W}id", ""): comment for comment in found}


def _elements(package: OfficePackage, path: str, kind: str, links: _Links) -> Iterator[Element]:
    root = package.parse(path)
    if root is not None:
        for blip in root.iter(BLIP):  # whose ids are not those of the text
            blip.clear()
        yield from links.within(root, package.addresses(path)).iterfind(f"{W}{kind}")
