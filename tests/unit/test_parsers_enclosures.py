"""What lies within Office files: pictures, read within bounds and each once, and marks that stand for texts."""

import time

import pytest

from ragstone.adapters.parsers.kreuzberg.office import enclosures as enclosures_module
from ragstone.adapters.parsers.kreuzberg.office.enclosures import Enclosures
from ragstone.adapters.parsers.kreuzberg.office.package import OfficePackage
from ragstone.domain.documents import ParsedDocument
from ragstone.domain.errors import ParseFailed
from ragstone.testing.made_files import zipped

PICTURES = OfficePackage(zipped({f"media/{n}.png": f"Figure {n}" for n in range(5)}))


def read(data: bytes, _name: str) -> ParsedDocument:
    return ParsedDocument(data.decode(), "image/png")


def texts(enclosures: Enclosures) -> list[str]:
    return [enclosures.picture(PICTURES, f"media/{n}.png") for n in range(5)]


def test_each_picture_is_read_once() -> None:
    enclosures = Enclosures(read)
    assert texts(enclosures) == [f"Figure {n}" for n in range(5)]
    assert texts(enclosures) == [""] * 5
    assert enclosures.picture(PICTURES, "media/none.png") == ""
    assert enclosures.unread == {}


def test_none_is_begun_when_there_is_no_time_left() -> None:
    enclosures = Enclosures(read, time.monotonic() - 1)
    assert texts(enclosures) == [""] * 5
    assert enclosures.unread == {"0.png and 4 more": "There was no time left to read them."}


def test_none_is_begun_that_may_take_longer_than_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enclosures_module, "_WITHIN", 0.3)

    def slow(data: bytes, name: str) -> ParsedDocument:
        time.sleep(0.2)
        return read(data, name)

    begun = time.monotonic()
    assert texts(Enclosures(slow)) == ["Figure 0", "", "", "", ""]
    assert time.monotonic() - begun < 0.3 + 1


def test_no_more_are_read_than_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enclosures_module, "_MOST", 2)
    enclosures = Enclosures(read)
    assert texts(enclosures) == ["Figure 0", "Figure 1", "", "", ""]
    assert list(enclosures.unread) == ["2.png and 2 more"]


def test_what_unpacks_to_more_than_a_bound_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enclosures_module, "_LARGEST", 4)
    assert texts(Enclosures(read)) == [""] * 5


@pytest.mark.parametrize("seen", ['-y\n\nFZ\n\n; ;\nre ‘=\n- "\nL 3 =F\n: =', "or E TRUTH", "", "| — | = |"])
def test_letters_that_are_seen_in_a_photograph_are_no_text(seen: str) -> None:
    enclosures = Enclosures(lambda _data, _name: ParsedDocument(seen, "image/png"))
    assert enclosures.picture(PICTURES, "media/0.png") == ""


def test_a_photograph_is_not_unread() -> None:
    def refuse(_data: bytes, _name: str) -> ParsedDocument:
        raise ParseFailed("no_text", "Nothing.", remedy="")

    enclosures = Enclosures(refuse)
    assert (texts(enclosures), enclosures.unread) == ([""] * 5, {})


def test_a_document_that_cannot_be_read_is_named() -> None:
    def refuse(_data: bytes, _name: str) -> ParsedDocument:
        raise ParseFailed("damaged", "It is damaged.", remedy="")

    enclosures = Enclosures(refuse)
    assert enclosures.document(PICTURES, "media/0.png") == ""
    assert enclosures.unread == {"0.png": "It is damaged."}


def test_a_mark_alone_becomes_the_text_and_one_in_a_cell_one_line_of_it() -> None:
    enclosures = Enclosures()
    mark = enclosures.keep("| a |\n| --- |\n| b |\n")
    assert enclosures.keep(" \n") == ""
    assert enclosures.placed(f"x\n\n{mark}\n\n| {mark} |") == (
        "x\n\n| a |\n| --- |\n| b |\n\n| \\| a \\| \\| --- \\| \\| b \\| |"
    )
    assert enclosures.placed(mark) == "| a |\n| --- |\n| b |"
    assert enclosures.placed(mark.replace("0", "7")) == ""
