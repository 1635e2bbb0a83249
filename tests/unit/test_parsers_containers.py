"""Messages and archives: what is within them, each part under its name, within bounds."""

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Mapping
from email.message import EmailMessage

import pytest

from ragstone.adapters.parsers.kreuzberg import unpacking
from ragstone.adapters.parsers.kreuzberg.media_types import name_media_type
from ragstone.adapters.parsers.kreuzberg.reading import read
from ragstone.domain.documents import ParsedDocument
from ragstone.domain.errors import ParseFailed
from ragstone.domain.markdown import outline
from ragstone.testing.made_files import separated, zipped
from ragstone.testing.made_mail import compound, mail, outlook


def parse(data: bytes, filename: str) -> ParsedDocument:
    media_type = name_media_type(filename, data[:4096], None)
    assert media_type is not None
    return read(data, media_type, filename)


def failure(data: bytes, filename: str) -> ParseFailed:
    with pytest.raises(ParseFailed) as caught:
        parse(data, filename)
    assert caught.value.message.endswith(".")
    assert caught.value.remedy
    return caught.value


def labelled(parsed: ParsedDocument) -> dict[str | None, str]:
    position = 0
    for number, page in enumerate(parsed.pages, 1):
        assert page.page == number
        assert position <= page.start <= page.end <= len(parsed.content)
        position = page.end
    return {page.label: parsed.content[page.start : page.end] for page in parsed.pages}


def tar(members: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def encrypted_zip(members: Mapping[str, bytes]) -> bytes:
    """A ZIP that says that its first member is encrypted, which is all that a reader without a password sees."""
    data = bytearray(zipped(members))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


NOTE = b"The quay was mended.\n# not a heading\n"
TABLE = separated([["port", "ships"], ["Riga", "97"]])
MEMBERS = {"notes/a.txt": NOTE, "b.csv": TABLE, "c.md": b"# Title\n\nWords.\n\n```\nnever closed\n"}


@pytest.mark.parametrize(
    ("filename", "pack"),
    [
        ("all.zip", zipped),
        ("all.tar", tar),
        ("all.tar.gz", lambda members: gzip.compress(tar(members))),
        ("all.tgz", lambda members: gzip.compress(tar(members))),
        ("all.tar.bz2", lambda members: bz2.compress(tar(members))),
        ("all.tar.xz", lambda members: lzma.compress(tar(members))),
        ("mislabelled.txt", zipped),
        ("all.docx", zipped),
    ],
)
def test_an_archive_is_one_document_with_a_page_for_each_file(
    filename: str, pack: Callable[[Mapping[str, bytes]], bytes]
) -> None:
    parsed = parse(pack(MEMBERS), filename)
    pages = labelled(parsed)
    assert list(pages) == ["notes/a.txt", "b.csv", "c.md"]
    assert pages["notes/a.txt"] == "# notes/a.txt\n\nThe quay was mended.\n\\# not a heading"
    assert pages["b.csv"] == "# b.csv\n\n| port | ships |\n| --- | --- |\n| Riga | 97 |"
    assert outline(parsed.content).sections[-1].title == "c.md"
    assert "never closed" in pages["c.md"]


def test_headings_of_a_file_stand_below_its_name() -> None:
    parsed = parse(
        zipped({"a.md": "---\ntitle: x\n---\n\n# One\n\nTwo\n---\n\ntext", "b.py": "# code\nx = 1\n"}), "a.zip"
    )
    paths = [section.path for section in outline(parsed.content).sections if section.title]
    assert paths == [("a.md",), ("a.md", "One"), ("a.md", "One", "Two"), ("b.py",)]


def test_what_cannot_be_read_is_listed_and_no_part_of_the_text() -> None:
    parsed = parse(zipped(MEMBERS | {"empty.txt": b"", "run.exe": b"MZ\x90\0\3\0\0\0", "__MACOSX/x": b"x"}), "a.zip")
    assert list(labelled(parsed)) == list(MEMBERS)
    assert parsed.pages[-1].end == len(parsed.content)
    assert list(parsed.unread) == ["empty.txt", "run.exe"]
    assert parsed.unread["empty.txt"] == "The file is empty."


def test_archives_within_archives_are_read_with_their_paths() -> None:
    inner = zipped({"deep.txt": b"Deep words.", "bad.bin": bytes(range(256))})
    parsed = parse(zipped({"inner.zip": inner, "top.txt": b"Top words.", "log.gz": gzip.compress(b"A log.")}), "a.zip")
    assert list(labelled(parsed)) == ["inner.zip/deep.txt", "top.txt", "log.gz"]
    assert "inner.zip/bad.bin" in parsed.unread


def test_a_compressed_file_is_what_it_holds() -> None:
    assert parse(gzip.compress(TABLE), "list.csv.gz").content == "| port | ships |\n| --- | --- |\n| Riga | 97 |"
    assert parse(lzma.compress(NOTE), "notes.txt.xz").content == NOTE.decode()


@pytest.mark.parametrize(
    ("filename", "data", "code"),
    [
        ("a.zip", zipped({}), "no_text"),
        ("a.zip", zipped({"a.bin": bytes(range(256))}), "unsupported_media_type"),
        ("a.zip", zipped({"a.txt": b"", "b.txt": b""}), "empty"),
        ("a.zip", zipped(MEMBERS)[:-60], "damaged"),
        ("a.zip", encrypted_zip({"a.txt": b"secret " * 9}), "encrypted"),
        ("a.tar", tar(MEMBERS)[:200] + b"\xff" * 400, "damaged"),
        ("a.gz", gzip.compress(NOTE * 1000, mtime=0)[:60], "damaged"),
        ("a.txt.bz2", bz2.compress(NOTE)[:-9], "damaged"),
        ("a.xz", lzma.compress(NOTE)[:-9], "damaged"),
        ("a.doc", compound({"EncryptedPackage": b"x" * 600}), "encrypted"),
        ("a.msg", compound({"Something else": b"x" * 600}), "unsupported_media_type"),
        ("a.msg", outlook({"0037": ""}), "no_text"),
        ("a.msg", outlook({"0037": "Hi"})[:700], "damaged"),
        ("a.eml", b"\n\n", "no_text"),
    ],
)
def test_what_holds_nothing_says_why(filename: str, data: bytes, code: str) -> None:
    assert failure(data, filename).failure_code == code


def test_an_encrypted_file_among_others_is_listed() -> None:
    parsed = parse(encrypted_zip({"a.txt": b"secret " * 9, "b.txt": b"Open words."}), "a.zip")
    assert list(labelled(parsed)) == ["b.txt"]
    assert "password" in parsed.unread["a.txt"]


def bomb(levels: int) -> bytes:
    data = bytes(64 * 2**20)
    for level in range(levels):
        data = zipped({f"{level}.txt" if level == 0 else f"{level}.zip": data})
    return data


@pytest.mark.parametrize("levels", [1, 2])
def test_a_bomb_is_too_large(levels: int) -> None:
    failed = failure(bomb(levels), "bomb.zip")
    assert failed.failure_code == "too_large"
    assert "250 times" in failed.message
    assert failure(gzip.compress(bytes(64 * 2**20)), "bomb.txt.gz").failure_code == "too_large"


def test_bounds_on_number_size_and_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MOST_MEMBERS", 20)
    monkeypatch.setattr(unpacking, "LARGEST_TOTAL", 10_000_000)
    assert "20 files" in failure(zipped({f"{n}.txt": b"x" for n in range(21)}), "many.zip").message
    assert failure(tar({f"{n}.txt": b"ab " * 400_000 for n in range(9)}), "big.tar").failure_code == "too_large"
    nested = b"Words."
    for _ in range(unpacking.DEEPEST + 1):
        nested = zipped({"in.zip": nested, "a.txt": b"Text."})
    parsed = parse(nested, "deep.zip")
    assert len(parsed.pages) == unpacking.DEEPEST
    assert "within one another" in next(iter(parsed.unread.values()))


def test_an_office_file_that_unpacks_without_end_is_too_large() -> None:
    data = zipped({"word/document.xml": b"<w:document>" + b" " * 600_000_000})
    assert failure(data, "bomb.docx").failure_code == "too_large"


def test_mail_keeps_its_lines_and_reads_what_is_attached() -> None:
    attached = {"list.csv": TABLE, "all.zip": zipped({"a.txt": NOTE}), "run.exe": b"MZ\x90\0\3\0\0\0"}
    parsed = parse(mail("Plan für Mai", "Dear Bob,\n\none\ntwo\n-- \nAnn\n---\n# 5", attached), "m.eml")
    pages = labelled(parsed)
    assert parsed.title == "Plan für Mai"
    assert list(pages) == [None, "list.csv", "all.zip"]
    assert pages[None] == (
        "Subject: Plan für Mai\nFrom: Ann <ann@example.org>\nTo: Bob <bob@example.org>\n"
        "Date: Tue, 03 Mar 2026 09:30:00 +0100\n\nDear Bob,\n\none\ntwo\n\\-- \nAnn\n\\---\n\\# 5"
    )
    assert pages["list.csv"] == "# list.csv\n\n| port | ships |\n| --- | --- |\n| Riga | 97 |"
    assert "The quay was mended." in pages["all.zip"]
    assert "run.exe" in parsed.unread


def test_a_message_within_a_message_is_read() -> None:
    outer = EmailMessage()
    outer["Subject"] = "Fwd"
    outer.set_content("See below.")
    inner = EmailMessage()
    inner["Subject"] = "Inner"
    inner.set_content("Inner words.")
    outer.add_attachment(inner)
    pages = labelled(parse(outer.as_bytes(), "m.eml"))
    assert list(pages) == [None, "Inner"]
    assert "Inner words." in pages["Inner"]


def test_of_alternatives_the_plain_text_is_read_once() -> None:
    message = EmailMessage()
    message["Subject"] = "Both"
    message.set_content("Plain words.")
    message.add_alternative("<p>Plain words.</p>", subtype="html")
    assert parse(message.as_bytes(), "m.eml").content.count("Plain words.") == 1


def test_flowed_lines_are_joined() -> None:
    data = b"Subject: x\nContent-Type: text/plain; format=flowed\n\nOne long \nline.\nNext.\n"
    assert parse(data, "m.eml").content.endswith("One long line.\nNext.")


@pytest.mark.parametrize(
    "data",
    [
        b"Subject: =?utf-8?q?broken\nContent-Type: text/plain; charset=no-such\n\nWords.",
        b"Subject: x\nContent-Type: multipart/mixed; boundary=b\n\nWords.",
        b"Subject: x\nContent-Transfer-Encoding: base64\n\nWords.&&",
        b"Subject: x\nContent-Type: text/plain; charset=utf-16\n\nWords.",
        b"Subject: \xff\xfe\nFrom: \x80\n\nWords.",
        b"Content-Type: message/rfc822\n\nSubject: in\n\nWords.",
        b"Subject: a\xc3\xa9\n\nWords.",
    ],
)
def test_malformed_mail_is_read_as_far_as_it_goes(data: bytes) -> None:
    assert parse(data, "m.eml").content


def test_parts_within_parts_thousands_deep_are_damage() -> None:
    data = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(5_000))
    assert failure(data, "deep.eml").failure_code in ("damaged", "no_text")


def test_outlook_messages() -> None:
    properties = {"0037": "Überblick", "0C1A": "Ann", "5D01": "ann@example.org", "1000": "One\r\ntwo\r\n# 3"}
    data = outlook(properties, {"list.csv": TABLE, "run.exe": b"MZ\x90\0\3\0\0\0"}, ["bob@example.org"])
    parsed = parse(data, "m.msg")
    pages = labelled(parsed)
    assert parsed.title == "Überblick"
    assert pages[None] == "Subject: Überblick\nFrom: Ann <ann@example.org>\nTo: bob@example.org\n\nOne\ntwo\n\\# 3"
    assert pages["list.csv"].endswith("| Riga | 97 |")
    assert "run.exe" in parsed.unread


def test_a_compound_file_whose_chains_run_in_circles_ends() -> None:
    data = bytearray(
        compound({"__properties_version1.0": bytes(32), "__substg1.0_1000001F": "Words.".encode("utf-16-le")})
    )
    data[-512:] = bytes(512)  # every sector is followed by the first
    assert parse(bytes(data), "m.msg").content == "Words."
