"""Which of a message's alternatives is read."""

from email.message import EmailMessage

import pytest

from ragstone.adapters.parsers.kreuzberg.mail.message import read_mail
from ragstone.adapters.parsers.kreuzberg.media_types import HTML
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
    ],
)
def test_a_plain_text_that_only_stands_in_for_the_page_gives_way_to_it(plain: str, html: str) -> None:
    assert read(message(plain, html)) == f"page: {html}"


@pytest.mark.parametrize(
    ("plain", "html"),
    [
        ("The harbour office moves on the first of May to the new quay.", NEWS),
        ("We move. " * 200, NEWS * 50),
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
