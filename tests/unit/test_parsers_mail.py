"""Which of a message's alternatives is read, its headers, its reports and its lines."""

from email.message import EmailMessage
from time import process_time

import pytest

from ragstone.adapters.parsers.kreuzberg.mail.flowed import unflowed
from ragstone.adapters.parsers.kreuzberg.mail.message import read_mail
from ragstone.adapters.parsers.kreuzberg.media_types import HTML, PLAIN
from ragstone.adapters.parsers.kreuzberg.unpacking import Unpacking
from ragstone.domain.documents import ParsedDocument

NEWS = "<p>The harbour office moves on the first of May to the new quay; dues are paid there from then on.</p>"


def read(data: bytes) -> str:
    def read_part(content: bytes, name: str) -> ParsedDocument:
        assert name == "body.html"
        return ParsedDocument(f"page: {content.decode()}", HTML)

    return read_mail(data, Unpacking(len(data)), read_part).content.partition("\n\n")[2]


def message(plain: str, html: str) -> bytes:
    written = EmailMessage()
    written["Subject"] = "News"
    written.set_content(plain)
    written.add_alternative(html, subtype="html")
    return written.as_bytes()


@pytest.mark.parametrize(
    ("plain", "html"),
    [
        ("Please view in HTML.", NEWS),
        ("Your program shows no HTML. Read it in a browser: https://example.org/news/2024/05/1", "<p>We move.</p>"),
        ("News of the harbour", NEWS * 3),
        ("港", "<p>港口办公室五月一日迁至新码头。</p>"),
        ("We move. " * 200, NEWS * 50),
        ("plain ver", "<p>html <b>ver</b></p><p>only in html</p>"),
    ],
)
def test_a_plain_text_that_only_stands_in_for_the_page_gives_way_to_it(plain: str, html: str) -> None:
    assert read(message(plain, html)) == f"page: {html}"


@pytest.mark.parametrize(
    ("plain", "html"),
    [
        ("The harbour office moves on the first of May to the new quay.", NEWS),
        ("We move. " * 200, "<p>We move.</p>" * 900),
        ("Please view in HTML.", "<p><img src=x></p><style>p {font: large serif; margin: 0 auto}</style>"),
        ("Ok", "<p>Ok</p>"),
    ],
)
def test_a_plain_text_that_says_as_much_is_read(plain: str, html: str) -> None:
    assert read(message(plain, html)) == plain.strip()


def test_a_page_is_in_the_encoding_that_its_header_names() -> None:
    body = "<meta charset=utf-8><p>Гавань</p>"
    data = b"Subject: x\nContent-Type: text/html; charset=koi8-r\n\n" + body.encode("koi8-r")
    assert read(data) == f"page: {body}"


def part_of(data: bytes) -> ParsedDocument:
    """Read a message whose parts are whatever their bytes are."""
    return read_mail(data, Unpacking(len(data)), lambda content, name: ParsedDocument(content.decode(), PLAIN))


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Subject: Grüße aus Köln\n\nHi".encode(), "Subject: Grüße aus Köln\n\nHi"),
        (
            "Subject: Grüße\nContent-Type: text/plain; charset=windows-1252\n\nHörst du?".encode("cp1252"),
            "Subject: Grüße\n\nHörst du?",
        ),
        (
            "Subject: Привет\n\nЭто письмо о гавани, которая переезжает.".encode("koi8-r"),
            "Subject: Привет\n\nЭто письмо о гавани, которая переезжает.",
        ),
        (
            "Subject: Größe =?utf-8?q?=C3=BCber_a?=\n =?utf-8?q?lles=3F?= tail =?x-nix?q?a?=\n\nHi".encode(),
            "Subject: Größe über alles? tail =?x-nix?q?a?=\n\nHi",
        ),
        ("To: Jürgen <a@b>\nTo: Zoë <c@d>\n\nHi".encode(), "To: Jürgen <a@b>\n\nHi"),
    ],
    ids=["UTF-8", "declared", "guessed with the text", "beside encoded words", "twice"],
)
def test_headers_of_raw_bytes_are_read(raw: bytes, text: str) -> None:
    assert part_of(raw).content == text


def test_an_attachment_may_have_a_name_of_raw_bytes() -> None:
    raw = (
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nbody\n--b\nContent-Type: text/plain\n"
        'Content-Disposition: attachment; filename="Größe.txt"\n\nin it\n--b--'
    )
    assert [page.label for page in part_of(raw.encode()).pages] == [None, "Größe.txt"]


@pytest.mark.parametrize("kind", ["delivery-status", "disposition-notification", "feedback-report"])
def test_the_fields_of_a_report_are_text(kind: str) -> None:
    raw = (
        "Content-Type: multipart/report; boundary=b\n\n--b\n\nIt did not arrive.\n"
        f"--b\nContent-Type: message/{kind}\n\nReporting-MTA: dns; x\nStatus:\n 5.1.1\n\n--b--"
    )
    parsed = part_of(raw.encode())
    assert parsed.unread == {}
    assert parsed.content == f"It did not arrive.\n\n# {kind}\n\nReporting-MTA: dns; x\nStatus: 5.1.1"


def test_the_groups_of_a_report_are_apart() -> None:
    groups = "Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; z@x\nAction: failed"
    raw = f"Content-Type: message/delivery-status\n\n{groups}\n"
    assert part_of(raw.encode()).content.endswith(groups)


@pytest.mark.parametrize(
    ("text", "deletes", "joined"),
    [
        ("one \ntwo\nthree", False, "one two\nthree"),
        ("これは \n長い行です。", True, "これは長い行です。"),
        ("> quoted \n> goes on\n>> deeper \n> less", False, "> quoted goes on\n>> deeper \n> less"),
        (">soft \nplain", False, "> soft \nplain"),
        ("end \n-- \nAnn", False, "end \n-- \nAnn"),
        (" From here\n  two spaces\n>", False, "From here\n two spaces\n>"),
        ("last ", True, "last"),
    ],
)
def test_flowed_lines_are_joined_as_deep_as_they_are_quoted(text: str, deletes: bool, joined: str) -> None:
    assert unflowed(text, delete_space=deletes) == joined


def test_a_message_says_by_its_parameters_how_it_flows() -> None:
    raw = "Content-Type: text/plain; charset=utf-8; Format=Flowed; DelSp=Yes\n\nこれは \n長い行です。"
    assert part_of(raw.encode()).content == "これは長い行です。"


def test_lines_that_flow_without_end_take_time_by_their_length() -> None:
    text = "word word word word word \n" * 200_000
    begun = process_time()
    assert unflowed(text, delete_space=False).count("\n") == 0
    assert process_time() - begun < 5
