"""EPUB books: their chapters in the order of reading, each read as the web page that it is."""

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from unicodedata import normalize
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from ragstone.adapters.parsers.kreuzberg.composition import one_line
from ragstone.adapters.parsers.kreuzberg.decoding import decode
from ragstone.adapters.parsers.kreuzberg.failures import copy_protected, damaged, no_text
from ragstone.adapters.parsers.kreuzberg.media_types import EPUB
from ragstone.adapters.parsers.kreuzberg.office.package import OfficePackage
from ragstone.adapters.parsers.kreuzberg.titles import sensible_title
from ragstone.adapters.parsers.kreuzberg.unpacking import Unpacking
from ragstone.domain.documents import ParsedDocument
from ragstone.domain.errors import ParseFailed
from ragstone.domain.markdown_blocks import BlockKind, blocks

_PAGES = (".xhtml", ".html", ".htm")
_OTHER_MEDIA = ("image/", "audio/", "video/", "font/", "text/css", "application/x-dtbncx+xml")
_ENDED_AT_ONCE = re.compile(r"<([A-Za-z][\w:.-]*)((?:\s[^<>]*?)?)\s*/>")
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_DIGITS = re.compile(r"(\d+)")


def read_book(data: bytes, unpacking: Unpacking, read_page: Callable[[bytes], ParsedDocument]) -> ParsedDocument:
    """Return a book's text. Chapters that are not there, or cannot be read, are named; raises where none can."""
    book = _Book(data)
    chapters: list[str] = []
    unread: dict[str, ParseFailed] = {}
    titles = {book.title}
    paths = tuple(book.chapters())
    if not paths:
        raise damaged()
    for path in paths:
        unpacking.count_member()
        try:
            chapter = read_page(book.page(path, unpacking))
        except ParseFailed as failed:
            if failed.failure_code == "too_large":
                raise
            if failed.failure_code != "no_text":  # a picture, most of the time
                unread[path] = failed
            continue
        chapters.append(_with_title(chapter, titles))
    if not chapters:
        raise _nothing_read(unread)
    return ParsedDocument(
        "\n\n".join(chapters), EPUB, book.title, (), {path: failed.message for path, failed in unread.items()}
    )


def _with_title(chapter: ParsedDocument, titles: set[str | None]) -> str:
    """Return a chapter's text, below its title where it shows no heading and the title names it and no other."""
    content = chapter.content.strip("\n")
    if chapter.title in titles or any(block.kind is BlockKind.HEADING for block in blocks(content)):
        return content
    titles.add(chapter.title)
    return f"# {one_line(chapter.title)}\n\n{content}" if chapter.title else content


def _nothing_read(unread: dict[str, ParseFailed]) -> ParseFailed:
    if not unread:
        return no_text(pictures=True)
    return next(iter(unread.values()))


class _Book:
    """The package of a book: its title, and where its chapters are."""

    def __init__(self, data: bytes) -> None:
        self._package = OfficePackage(data)
        self._places = _places(self._package.paths)
        self._secret = self._encrypted()
        path = self._package_path()
        self._folder = posixpath.dirname(path)
        self._root = self._package.parse(path)
        found = self._root.findtext(".//{*}metadata/{*}title") if self._root is not None else None
        self.title = sensible_title(found)

    def chapters(self) -> Iterator[str]:
        """Yield the paths of the chapters, each once; of a book that does not list them all its pages by name."""
        listed = [self._path(self._folder, href) for href in self._listed()]
        pages = sorted((path for path in self._package.paths if path.lower().endswith(_PAGES)), key=_by_numbers)
        yield from dict.fromkeys(listed or pages)

    def page(self, path: str, unpacking: Unpacking) -> bytes:
        """Return a chapter as HTML. Raises ``ParseFailed``."""
        if path not in self._package.paths:
            raise damaged("The book lists it, and does not hold it.")
        if path in self._secret:
            raise copy_protected()
        if not path.endswith((".xml", "html")):  # those are counted already, as in Office files
            unpacking.count_bytes(self._package.size(path))
        content = self._package.read(path)
        if not content and self._package.size(path):
            raise damaged()
        text = decode(content, markup=True)
        return _ENDED_AT_ONCE.sub(_ended, text).encode()

    def _listed(self) -> Iterator[str]:
        """Yield the addresses of the chapters in the order of reading, without the list of contents."""
        if self._root is None:
            return
        items = {item.get("id"): item for item in self._root.findall(".//{*}manifest/{*}item")}
        for place in self._root.findall(".//{*}spine/{*}itemref"):
            item = items.get(place.get("idref"))
            if item is None or "nav" in item.get("properties", "").split():
                continue
            if not item.get("media-type", "").startswith(_OTHER_MEDIA) and (href := item.get("href")):
                yield href

    def _package_path(self) -> str:
        container = self._package.parse("META-INF/container.xml")
        roots: list[Element] = container.findall(".//{*}rootfile") if container is not None else []
        paths = [self._path("", root.get("full-path", "")) for root in roots]
        there = [path for path in [*paths, *sorted(self._package.paths)] if path.lower().endswith(".opf")]
        return next((path for path in there if path in self._package.paths), "")

    def _path(self, folder: str, href: str) -> str:
        """Return the path of what an address means, as the archive spells it."""
        href = href.partition("#")[0]
        for spelled in (href, unquote(href)):
            path = posixpath.normpath(posixpath.join("/", folder, spelled)).lstrip("/")
            if path in self._package.paths:
                return path
        return self._places.get(_plain(path), path)

    def _encrypted(self) -> frozenset[str]:
        """Return the paths of what is encrypted, which in most books is but the fonts."""
        root = self._package.parse("META-INF/encryption.xml")
        found = root.findall(".//{*}CipherReference") if root is not None else []
        return frozenset(self._path("", reference.get("URI", "")) for reference in found)


def _places(paths: Iterable[str]) -> dict[str, str]:
    """Return paths by what they mean: however letters are composed or encoded, and whatever their case."""
    places = {_plain(unquote(path)): path for path in paths}
    for path in paths:
        try:  # a name in UTF-8 that does not say so
            places.setdefault(_plain(path.encode("cp437").decode()), path)
        except ValueError:
            continue
    return places


def _plain(path: str) -> str:
    return normalize("NFC", path).casefold()


def _by_numbers(path: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (0, part) for part in _DIGITS.split(path)]


def _ended(found: re.Match[str]) -> str:
    """End an element of XHTML (``<title/>``) as HTML needs it, which would take it for one that begins."""
    return found[0] if found[1].lower() in _VOID else f"<{found[1]}{found[2]}></{found[1]}>"
