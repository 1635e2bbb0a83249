"""Books: every chapter, in the order of reading, however its address is written."""

from collections.abc import Mapping, Sequence
from unicodedata import normalize

import pytest

from ragstone.adapters.parsers.kreuzberg import unpacking
from ragstone.adapters.parsers.kreuzberg.media_types import EPUB
from ragstone.adapters.parsers.kreuzberg.reading import read
from ragstone.domain.documents import ParsedDocument
from ragstone.domain.errors import ParseFailed
from ragstone.testing.made_files import zipped

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="O/c.opf" '
    'media-type="application/oebps-package+xml"/></rootfiles></container>'
)
LAUGHS = '<!DOCTYPE l [<!ENTITY a "lol">' + "".join(
    f'<!ENTITY {name} "{f"&{before};" * 50}">' for before, name in zip("abcdefg", "bcdefgh", strict=True)
)


def page(body: str, title: str = "") -> str:
    return f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>{title}</title></head><body>{body}</body></html>'


def package(hrefs: Sequence[str], *, prologue: str = "", properties: Mapping[str, str] | None = None) -> str:
    """The package document of a book whose chapters are at these addresses, in this order."""
    items = "".join(
        f'<item id="i{number}" href="{href}" media-type="application/xhtml+xml" '
        f'properties="{(properties or {}).get(href, "")}"/>'
        for number, href in enumerate(hrefs)
    )
    spine = "".join(f'<itemref idref="i{number}"/>' for number in range(len(hrefs)))
    return (
        f'{prologue}<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>'
        f"<dc:title>My Harbour</dc:title></metadata><manifest>{items}</manifest><spine>{spine}</spine></package>"
    )


def book(chapters: Mapping[str, str], opf: str, more: Mapping[str, str | bytes] | None = None) -> bytes:
    return zipped(
        {"mimetype": EPUB, "META-INF/container.xml": CONTAINER, "O/c.opf": opf} | dict(chapters) | dict(more or {})
    )


def parse(data: bytes) -> ParsedDocument:
    return read(data, EPUB, "a.epub")


@pytest.mark.parametrize(
    ("href", "name"),
    [
        ("a.xhtml", "O/a.xhtml"),
        ("a%20x.xhtml", "O/a x.xhtml"),
        ("k%C3%A4p.xhtml", "O/käp.xhtml"),
        ("käp.xhtml", normalize("NFD", "O/käp.xhtml")),
        ("käp.xhtml", "O/k%C3%A4p.xhtml"),
        ("käp.xhtml", "O/käp.xhtml".encode().decode("cp437")),
        ("a%2520.xhtml", "O/a%20.xhtml"),
        ("../Text/a.xhtml#part", "Text/a.xhtml"),
        ("Text/A.xhtml", "O/text/a.XHTML"),
        ("sub/a.xml", "O/sub/a.xml"),
    ],
)
def test_chapters_are_found_however_their_address_is_written(href: str, name: str) -> None:
    parsed = parse(book({name: page("<p>Here.</p>")}, package([href])))
    assert (parsed.content, parsed.title, parsed.media_type, dict(parsed.unread)) == ("Here.", "My Harbour", EPUB, {})


def test_chapters_stand_in_the_order_of_reading_each_once() -> None:
    chapters = {f"O/{name}.xhtml": page(f"<h2>{name}</h2><p>Text of {name}.</p>", "My Harbour") for name in "abc"}
    parsed = parse(book(chapters, package(["c.xhtml", "a.xhtml", "c.xhtml#2", "b.xhtml"])))
    assert parsed.content == "\n\n".join(f"## {name}\n\nText of {name}." for name in "cab")


def test_a_title_stands_where_there_is_no_heading_and_nothing_else_of_the_head_does() -> None:
    chapters = {
        "O/a.xhtml": page("<h1>Shown</h1><p>One.</p>", "Not shown"),
        "O/b.xhtml": page("<p>Two.</p>", "The second"),
        "O/c.xhtml": page("<p>Three.</p>", "The second"),
        "O/d.xhtml": page("<p>Four.</p>", "My Harbour"),
    }
    parsed = parse(book(chapters, package([f"{name}.xhtml" for name in "abcd"])))
    assert parsed.content == "# Shown\n\nOne.\n\n# The second\n\nTwo.\n\nThree.\n\nFour."


def test_elements_that_end_at_once_hold_nothing() -> None:
    chapter = page('<a id="p1"/><h1>One</h1><div class="x" /><p>Text<br/>goes on.</p>').replace(
        "<title></title>", "<title/>"
    )
    assert parse(book({"O/a.xhtml": chapter}, package(["a.xhtml"]))).content.split() == "# One Text goes on.".split()


def test_the_list_of_contents_is_no_chapter() -> None:
    chapters = {
        "O/nav.xhtml": page('<nav><ol><li><a href="a.xhtml">A</a></li></ol></nav>'),
        "O/a.xhtml": page("<p>A.</p>"),
    }
    opf = package(["nav.xhtml", "a.xhtml"], properties={"nav.xhtml": "nav"})
    assert parse(book(chapters, opf)).content == "A."


def test_a_chapter_that_is_not_there_is_named() -> None:
    chapters = {"O/a.xhtml": page("<p>A.</p>"), "O/cover.xhtml": page("<img/>")}
    parsed = parse(book(chapters, package(["a.xhtml", "b.xhtml", "cover.xhtml"])))
    assert parsed.content == "A."
    assert dict(parsed.unread) == {"O/b.xhtml": "The book lists it, and does not hold it."}


@pytest.mark.parametrize("opf", ["<broken", "<package/>", LAUGHS + "]>" + package(["b.xhtml"]).replace("My", "&h;")])
def test_a_book_that_does_not_say_what_it_holds_is_read_by_name(opf: str) -> None:
    chapters = {f"O/chapter{number}.xhtml": page(f"<p>{number}.</p>") for number in (10, 2)}
    assert parse(book(chapters, opf)).content == "2.\n\n10."


def encryption(path: str) -> str:
    return f'<encryption><EncryptedData><CipherReference URI="{path}"/></EncryptedData></encryption>'


def test_encrypted_fonts_matter_to_nobody_and_encrypted_chapters_do() -> None:
    chapters = {"O/a.xhtml": page("<p>A.</p>"), "O/b%20.xhtml": "\x00noise"}
    opf = package(["a.xhtml", "b%20.xhtml"])
    font = parse(book(chapters, package(["a.xhtml"]), {"META-INF/encryption.xml": encryption("O/f.otf")}))
    assert (font.content, dict(font.unread)) == ("A.", {})
    one = parse(book(chapters, opf, {"META-INF/encryption.xml": encryption("O/b%20.xhtml")}))
    assert (one.content, list(one.unread)) == ("A.", ["O/b%20.xhtml"])
    with pytest.raises(ParseFailed) as caught:
        parse(book(chapters, package(["b%20.xhtml"]), {"META-INF/encryption.xml": encryption("O/b%20.xhtml")}))
    assert caught.value.failure_code == "encrypted"
    assert "DRM" in caught.value.message


@pytest.mark.parametrize(
    ("chapters", "hrefs", "code"),
    [
        ({}, [], "damaged"),
        ({}, ["a.xhtml"], "damaged"),
        ({"O/a.xhtml": page("")}, ["a.xhtml"], "no_text"),
    ],
)
def test_a_book_without_text_says_why(chapters: Mapping[str, str], hrefs: Sequence[str], code: str) -> None:
    with pytest.raises(ParseFailed) as caught:
        parse(book(chapters, package(hrefs)))
    assert caught.value.failure_code == code


def test_chapters_are_held_against_the_bounds_by_whatever_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "LARGEST_TOTAL", 2**20)
    for name in ("a.xhtml", "a.bin"):
        with pytest.raises(ParseFailed) as caught:
            parse(book({f"O/{name}": page("<p>A.</p>") + " " * 2**20}, package([name])))
        assert caught.value.failure_code == "too_large"
