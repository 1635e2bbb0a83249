"""Archives that are not quite right, and why one cannot be read, in words that its sender understands."""

import gzip
from collections.abc import Iterator

import pytest

from ragstone.adapters.parsers.kreuzberg import archives, extraction
from ragstone.adapters.parsers.kreuzberg.media_types import GZIP, SEVEN_ZIP, ZIP
from ragstone.adapters.parsers.kreuzberg.reading import read
from ragstone.adapters.parsers.kreuzberg.unpacking import DEEPEST, Unpacking
from ragstone.domain.documents import ParsedDocument
from ragstone.domain.errors import ParseFailed
from ragstone.testing.made_files import zipped

TEXT = b"The quay is open from May on.\n"
PROGRAM = b"\x7fELF\x02\x01\x01\0" + bytes(range(200))


def failure(data: bytes, media_type: str, filename: str) -> ParseFailed:
    with pytest.raises(ParseFailed) as caught:
        read(data, media_type, filename)
    return caught.value


@pytest.mark.parametrize(
    "behind",
    [
        b"",
        b"trailing",
        bytes(3),
        bytes(200_000),
        bytes(70_000) + b"x",
        b"\x1f",
        gzip.compress(TEXT),
        bytes(100) + gzip.compress(TEXT) + b"a signature",
    ],
    ids=["nothing", "bytes", "zeros", "many zeros", "both", "half a beginning", "another", "another behind zeros"],
)
def test_what_stands_behind_a_gzip_file_does_not_spoil_it(behind: bytes) -> None:
    content = read(gzip.compress(TEXT) + behind, GZIP, "a.txt.gz").content
    assert content == TEXT.decode() * (1 + (b"\x1f\x8b" in behind))


def test_a_large_gzip_file_is_read_to_its_end() -> None:
    lines = b"".join(b"line %d of the log\n" % number for number in range(200_000))
    assert read(gzip.compress(lines), GZIP, "a.log.gz").content == lines.decode()


@pytest.mark.parametrize("spoil", [lambda data: data[:-9], lambda data: data[:-6] + b"xxxxxx", lambda data: data[:12]])
def test_a_gzip_file_that_is_cut_or_damaged_is_said_to_be(spoil: type[bytes]) -> None:
    assert failure(spoil(gzip.compress(TEXT * 20)), GZIP, "a.txt.gz").failure_code == "damaged"


def test_archives_in_archives_have_one_cause() -> None:
    data = zipped({"program.bin": PROGRAM})
    for _ in range(3):
        data = zipped({"x.zip": data})
    caught = failure(data, ZIP, "z.zip")
    assert caught.message.count("Nothing in the archive") == 1
    assert caught.message.startswith("Nothing in the archive can be read (x.zip). It is of a kind")
    data = zipped({"a.txt": TEXT})
    for _ in range(DEEPEST + 1):
        data = zipped({"x.zip": data})
    caught = failure(data, ZIP, "z.zip")
    assert caught.failure_code == "too_deep"
    assert len(caught.message) < 150


def test_a_seven_zip_bomb_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(data: bytes, media_type: str) -> Iterator[tuple[str, ParsedDocument]]:
        cause = ValueError("7z archive total uncompressed size exceeds limit: 800000000 bytes (max: 524288000 bytes)")
        raise ParseFailed("unsupported_media_type", f"No {media_type}.", remedy="Send another.") from cause

    monkeypatch.setattr(extraction, "extract_members", refuse)
    with pytest.raises(ParseFailed) as caught:
        archives.read_archive(b"7z", SEVEN_ZIP, Unpacking(2), lambda data, name: ParsedDocument("", "text/plain"))
    assert caught.value.failure_code == "too_large"
    assert "Unpack it" in (caught.value.remedy or "")
