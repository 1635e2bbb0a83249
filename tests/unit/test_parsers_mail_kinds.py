"""What of a message only its page holds, and messages in other clothes: mailboxes, saved pages, broken base64."""

import base64
from collections.abc import Sequence
from time import process_time

import pytest

from ragstone.adapters.parsers.kreuzberg.composition import one_line
from ragstone.adapters.parsers.kreuzberg.mail.alternatives import stands_in
from ragstone.adapters.parsers.kreuzberg.media_types import EML, MSG, name_media_type
from ragstone.adapters.parsers.kreuzberg.reading import read
from ragstone.domain.documents import ParsedDocument
from ragstone.testing.made_mail import compound, mail

ROWS = [["Region", "Q1", "Q2"], ["North", "12", "13"], ["South", "14", "15"]]
TEXT = "Größe der Lieferung: zwölf Kisten, und mehr Text in dieser Nachricht, der lang genug ist. " * 3
HEAD = "From: Ann <a@x.org>\nTo: b@x.org\nSubject: Quay\nDate: Mon, 4 Mar 2024 10:00:00 +0100\nMIME-Version: 1.0\n"


def page(rows: Sequence[Sequence[str]], *, cell: str = "td") -> str:
    lines = ("".join(f"<{cell}>{text}</{cell}>" for text in row) for row in rows)
    return f"<p>Hi Bob,</p><table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table><p>Regards</p>"


def one_by_one(rows: Sequence[Sequence[str]]) -> str:
    return "\n\n".join(["Hi Bob,", *(cell for row in rows for cell in row), "Regards"])


def coded(body: str) -> bytes:
    return f"{HEAD}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n{body}".encode()


def base64_of(text: str) -> str:
    return base64.encodebytes(text.encode()).decode()


def read_as(data: bytes, filename: str) -> ParsedDocument:
    kind = name_media_type(filename, data[:4096], None)
    assert kind is not None
    return read(data, kind, filename)


def test_a_page_with_a_table_is_read_for_a_text_that_has_its_cells_one_by_one() -> None:
    assert stands_in(one_by_one(ROWS), [page(ROWS)])
    raw = (
        f"{HEAD}Content-Type: multipart/alternative; boundary=b\n\n"
        f"--b\nContent-Type: text/plain\n\n{one_by_one(ROWS)}\n"
        f"--b\nContent-Type: text/html\n\n{page(ROWS)}\n--b--\n"
    )
    assert "| North | 12 | 13 |" in one_line(read_as(raw.encode(), "m.eml").content)


@pytest.mark.parametrize(
    "html",
    [
        f"<table><tr><td>{page(ROWS[:1])}</td></tr></table>",
        "<table><tr><td>Hi Bob, Region Q1 Q2</td></tr><tr><td>North 12 13 South 14 15</td></tr></table>",
        page([[f"{one_by_one(ROWS)} " * 3] * 2] * 2),
        page([["", "Region"], ["", "North"], ["", "South"]]),
        page([["<table><tr><td>Region</td></tr></table>", "Q1"], ["North", "12"]]),
    ],
    ids=["one row", "one column", "columns of prose", "an empty column", "one that holds another"],
)
def test_a_table_for_looks_is_no_reason(html: str) -> None:
    assert not stands_in(f"{one_by_one(ROWS)} " * 6, [html])


def test_words_are_the_same_whatever_their_case_and_marks() -> None:
    plain = "THE HARBOUR OFFICE MOVES\n------\n* on the first of May\n"
    assert not stands_in(plain, ["<h1>The harbour office moves</h1><li>on the <b>first</b> of&nbsp;May</li>"])


def test_of_an_outlook_message_too_the_page_with_a_table_is_read() -> None:
    streams = {
        "__properties_version1.0": bytes(32),
        "__substg1.0_1000001F": one_by_one(ROWS).encode("utf-16-le"),
        "__substg1.0_10130102": page(ROWS).encode(),
    }
    assert "| South | 14 | 15 |" in one_line(read(compound(streams), MSG, "m.msg").content)
    streams["__substg1.0_10130102"] = b"<p>Hi Bob</p>"
    assert "Region" in read(compound(streams), MSG, "m.msg").content


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (base64_of(TEXT), TEXT),
        (base64_of(TEXT).rstrip("=\n") + "A", TEXT),
        (base64_of(TEXT).rstrip()[:-3], TEXT[:60]),
        (f"{base64_of(TEXT)}\n--\nlist footer, no base64: größer\n", f"{TEXT.rstrip()}"),
        ("no base64, whatever the header says", "no base64, whatever the header says"),
    ],
    ids=["whole", "a character too many", "cut", "with a footer", "none"],
)
def test_base64_is_read_as_far_as_it_is_some(body: str, text: str) -> None:
    content = read_as(coded(body), "m.eml").content
    assert text.strip() in content
    assert "R3LDt" not in content
    assert "footer" not in body or "list footer, no base64: größer" in content


def test_each_message_of_a_mailbox_is_a_page() -> None:
    box = (
        "From a@x Mon Mar  4 10:00:00 2024\nFrom: a@x\nSubject: First\nContent-Transfer-Encoding: quoted-printable\n"
        "Content-Type: text/plain; charset=utf-8\n\nfirst =C3=A9 body\n>From here on\n\nFrom now on nothing ends.\n\n"
        "From b@x Mon Mar 04 11:00:00 +0000 2024\nFrom: b@x\nSubject: Second\n\nsecond body\n"
    )
    for name in ("mail.mbox", "mail.eml", "archive"):
        parsed = read_as(box.encode(), name)
        assert [found.label for found in parsed.pages] == ["First", "Second"]
        assert "first é body\nFrom here on\n\nFrom now on nothing ends." in parsed.content
        assert parsed.content.count("From b@x") == 0


def test_a_message_of_apple_mail_ends_before_its_properties() -> None:
    message = f"{HEAD}\nThe quay is open.\n"
    data = f"{len(message):<10}\n{message}<?xml version='1.0'?><plist><dict/></plist>".encode()
    content = read_as(data, "1.emlx").content
    assert content.startswith("Subject: Quay")
    assert content.endswith("The quay is open.")


def test_a_saved_page_is_read_without_what_it_looks_like() -> None:
    saved = (
        "From: <Saved by Blink>\nSubject: Saved page\nMIME-Version: 1.0\n"
        'Content-Type: multipart/related; type="text/html"; boundary="--X"\n\n'
        "----X\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n"
        "Content-Location: https://x.org/\n\n<h1>Harbour</h1><p>caf=C3=A9 body</p>\n"
        "----X\nContent-Type: text/css\nContent-Location: cid:css@x\n\n.body { color: red }\n----X--\n"
    )
    for name in ("page.mht", "page.mhtml"):
        parsed = read_as(saved.encode(), name)
        assert "# Harbour" in parsed.content
        assert "café body" in parsed.content
        assert "color" not in parsed.content
        assert (len(parsed.pages), parsed.unread) == (1, {})


@pytest.mark.parametrize("name", ["1234.M5P6.host", "message", "inbox/17", "m.txt"])
def test_a_message_is_one_whatever_its_name(name: str) -> None:
    assert name_media_type(name, coded(base64_of(TEXT)), None) == EML
    assert "zwölf Kisten" in read_as(coded(base64_of(TEXT)), name).content


@pytest.mark.parametrize(
    "text",
    [
        "From: here\nit: goes\n\nSubject: none",
        "Subject: a poem\n\nThe quay is long.",
        "Date: 1 May\nTo: whom it may concern\nplain words\n\nand more",
        "Key: value\nOther: value\nTo: x\n",
    ],
)
def test_text_that_begins_like_a_message_is_none(text: str) -> None:
    assert name_media_type("notes", text.encode(), None) == "text/plain"


def test_a_message_saved_as_text_stays_the_text_that_it_is_if_it_can_be_read() -> None:
    assert name_media_type("m.txt", f"{HEAD}Content-Type: text/plain\n\nWords.".encode(), None) == "text/plain"


def test_what_outlook_packed_is_named_with_a_way_to_mend_it() -> None:
    parsed = read(mail("m", "Body", {"winmail.dat": b"\x78\x9f\x3e\x22" + bytes(40)}), EML, "m.eml")
    [(name, cause)] = parsed.unread.items()
    assert name == "winmail.dat"
    assert "TNEF" in cause
    assert "HTML" in cause


@pytest.mark.parametrize(
    "data",
    [
        f"From a@x Mon Mar  4 10:00:00 2024\nSubject: x\n\n{'From a' * 200_000}".encode(),
        b"From a@x Mon Mar  4 10:00:00 2024\n" * 50_000,
        coded("QUJD\n" * 200_000 + "!"),
        coded("QUJD=\n" * 200_000),
    ],
    ids=["a word of mailboxes", "envelopes alone", "base64 and a mark", "much padding"],
)
def test_hostile_messages_take_time_by_their_length(data: bytes) -> None:
    begun = process_time()
    read(data, EML, "m.eml")
    assert process_time() - begun < 5


def test_a_long_page_takes_time_by_its_length() -> None:
    begun = process_time()
    assert not stands_in("Regards", ["<table><tr>" * 20_000])
    assert stands_in("Regards", [page([["North", "12", "13"]] * 10_000)])
    assert process_time() - begun < 5
