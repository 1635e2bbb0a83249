"""What kind of file it is: sound, objects and programs are no text, and text of any encoding is."""

import pickle
import random
import struct

import pytest

from ragstone.adapters.parsers.kreuzberg.inspection import from_its_start
from ragstone.adapters.parsers.kreuzberg.media_types import name_media_type

WORDS = "Liebe Grüße aus Köln, où l'été fut très chaud et la fête déjà finie. "
RUSSIAN = "Северный бассейн углублён дважды за весну. Сборы упали на десятую часть. "
GREEK = "Η βόρεια λεκάνη βυθοκορήθηκε δύο φορές την άνοιξη. "
CHINESE = "北方港池在春季疏浚了两次。第二季度的费用下降了十分之一。"
JAPANESE = "北の港は春に二度浚渫された。料金は第二四半期に一割下がった。"
THAI = "แอ่งทางเหนือถูกขุดลอกสองครั้งในฤดูใบไม้ผลิ ค่าธรรมเนียมลดลง\n"


def noise(length: int = 4096) -> bytes:
    """Return sound as telephones code it: hardly a control character, half of all bytes beyond ASCII."""
    source = random.Random(3)
    return bytes(source.choice((0x40, 0xC0)) | source.randrange(0x20, 0x40) for _ in range(length))


@pytest.mark.parametrize(
    "head",
    [
        b".snd" + struct.pack(">5I", 24, 4000, 1, 8000, 1) + noise(4000),
        noise(),
        b"FORM\0\0\x10\0AIFFCOMM" + noise(4000),
        b"#!AMR\n" + noise(4000),
        *(pickle.dumps([WORDS * 2 + str(number) for number in range(60)], protocol) for protocol in (2, 3, 4, 5)),
        b"\x80\x01\xcb\x10\0\0%!PS-AdobeFont-1.0: Callig\n" + b"/FontInfo 9 dict dup begin\n" * 100,
        bytes(range(0x80, 0x100)) * 8,
        struct.pack("<2000H", *range(200, 2200)),
        b"\xff\xfe" + random.Random(4).randbytes(4000),
    ],
)
def test_what_merely_looks_like_text_is_refused(head: bytes) -> None:
    assert name_media_type("file.dat", head[:4096], None) is None
    assert name_media_type("file", head[:4096], "application/octet-stream") is None


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        *(
            (WORDS, encoding)
            for encoding in ("cp1252", "cp437", "mac_roman", "utf-8", "utf-16", "utf-16-le", "utf-16-be")
        ),
        *((RUSSIAN, encoding) for encoding in ("cp1251", "koi8_r", "cp866", "utf-16", "utf-16-le", "utf-8-sig")),
        *((GREEK, encoding) for encoding in ("cp1253", "iso8859_7", "utf-32")),
        *((CHINESE, encoding) for encoding in ("gb18030", "utf-16", "utf-16-le", "utf-8")),
        *((JAPANESE, encoding) for encoding in ("cp932", "euc_jp", "iso2022_jp")),
        (THAI, "cp874"),
        ("北方港池在春季疏浚了兩次。", "big5"),
    ],
)
def test_text_of_any_encoding_is_taken_whatever_its_name(text: str, encoding: str) -> None:
    head = (text * 20).encode(encoding)[:4096]
    assert name_media_type("source.xyz", head, None) == "text/plain"
    assert name_media_type("notes.txt", head, None) == "text/plain"


def test_text_that_says_so_may_hold_some_control_characters() -> None:
    head = (WORDS * 20).encode("cp437") + b"\x01\x0f\x1a" * 5
    assert name_media_type("readme.txt", head, None) == "text/plain"


def test_a_pdf_behind_something_else_is_found_if_its_name_says_that_it_is_one() -> None:
    whole = b"%PDF-1.7\n1 0 obj\n"
    data = b"x" * 2000 + b"\n" + whole
    assert name_media_type("a.pdf", data, None) == "application/pdf"
    assert name_media_type("a.txt", data, None) == "text/plain"
    assert from_its_start(data).lstrip() == whole
    assert from_its_start(b"HTTP/1.1\n" + whole) == b"HTTP/1.1\n" + whole
    assert from_its_start(b"no PDF") == b"no PDF"
