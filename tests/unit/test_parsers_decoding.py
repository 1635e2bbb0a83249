"""Bytes that are text, however few they are and whatever stands between the letters."""

from random import Random

import pytest

from ragstone.adapters.parsers.kreuzberg.decoding import decode
from ragstone.adapters.parsers.kreuzberg.media_types import name_media_type
from ragstone.adapters.parsers.kreuzberg.wide_text import wide_encoding


@pytest.mark.parametrize("text", ["x", "ab", "Ok\n", "é", "no\n", "漢"])
def test_the_shortest_texts_are_utf8(text: str) -> None:
    assert decode(text.encode()) == text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["ab", "Hi\n", "some words"])
def test_short_texts_of_two_bytes_a_letter(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize(
    "data", [b"a\0b", b"abc\0def", b"ab\0c", b"name\0value\0\0", b"\0words", b"log line\n\0\0\0\n"]
)
@pytest.mark.parametrize("filename", ["a.txt", "a.log", "a.md", "a.csv"])
def test_a_text_with_a_few_nuls_is_text(data: bytes, filename: str) -> None:
    assert name_media_type(filename, data, None) == name_media_type(filename, b"words", None)
    assert decode(data) == data.decode().replace("\0", "\ufffd")


@pytest.mark.parametrize("data", [b"MZ\0\1\0\0\0", b"\0\0\0\0a", b"\x7fELF\1\1", b"\1\2\3\4\5\6words"])
def test_what_is_mostly_no_letters_is_no_text(data: bytes) -> None:
    assert name_media_type("a.txt", data, None) is None


JAPANESE = "港の事務所は五月一日に新しい埠頭へ移ります。"


@pytest.mark.parametrize("declared", ["", "<meta charset=iso-2022-jp>", "<meta charset=utf-8>"])
def test_ascii_with_escape_sequences_is_japanese(declared: str) -> None:
    html = f"{declared}<p>{JAPANESE}</p>"
    assert decode(html.encode("iso2022_jp"), markup=True) == html
    assert decode(html.encode("iso2022_jp")) == html


def test_korean_with_escape_sequences() -> None:
    assert decode("항구 사무소".encode("iso2022_kr")) == "항구 사무소"


def test_a_sign_that_only_windows_knows_costs_no_other() -> None:
    around = (JAPANESE * 5).encode("iso2022_jp")
    text = decode(around + b"\x1b$B-!\x1b(B" + around)
    assert text.count("\ufffd") <= 2
    assert text.startswith(JAPANESE * 5)
    assert text.endswith(JAPANESE * 5)


@pytest.mark.parametrize("text", ["\x1b[31mred\x1b[0m", "a \x1b$ b", "price \x1b$B and no more"])
def test_other_escape_sequences_stay(text: str) -> None:
    assert decode(text.encode()) == text


LINES = {
    "Chinese": "港口办公室五月一日迁至新码头，费用从那时起在那里支付。",
    "Chinese and Latin": "使用 Python 3.11 安装 kubernetes，然后运行 make test。\n",
    "Chinese and emoji": "港口😀办公室五月一日迁至新码头，费用在那里支付。\n",
    "Japanese": JAPANESE,
    "Korean": "항구 사무소는 5월 1일에 새 부두로 이전합니다.\n",
    "Russian": "Гавань переезжает 1 мая.\n",
    "Greek": "Το λιμάνι μετακομίζει την 1η Μαΐου.\n",
    "Hebrew": "משרד הנמל עובר ב-1 במאי.\n",
    "Arabic": "ينتقل مكتب الميناء في الأول من مايو.\n",
    "Hindi": "बंदरगाह कार्यालय 1 मई को नए घाट पर जाता है।\n",
    "Thai": "สำนักงานท่าเรือย้ายในวันที่ 1 พฤษภาคม\n",
    "Vietnamese": "Văn phòng cảng chuyển vào ngày 1 tháng 5.\n",
}
IN_ONE_BYTE_OR_TWO = [
    *(("Chinese", encoding) for encoding in ("gb18030", "big5", "utf-8")),
    *(("Japanese", encoding) for encoding in ("cp932", "euc_jp", "iso2022_jp", "utf-8")),
    *(("Korean", encoding) for encoding in ("cp949", "utf-8")),
    *(("Russian", encoding) for encoding in ("cp1251", "koi8_r", "cp866", "utf-8")),
    *(("Greek", "cp1253"), ("Hebrew", "cp1255"), ("Arabic", "cp1256"), ("Thai", "cp874"), ("Vietnamese", "cp1258")),
]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("times", [1, 200])
@pytest.mark.parametrize("script", LINES)
def test_text_of_any_script_of_two_bytes_a_letter(script: str, times: int, encoding: str) -> None:
    data = (LINES[script] * times).encode(encoding)
    assert name_media_type("a.txt", data[:4096], None) == "text/plain"
    assert decode(data) == LINES[script] * times


@pytest.mark.parametrize("encoding", ["utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("times", [1, 400])
@pytest.mark.parametrize("script", LINES)
def test_text_of_any_script_of_four_bytes_a_letter(script: str, times: int, encoding: str) -> None:
    data = (LINES[script] * times).encode(encoding)
    assert name_media_type("a.txt", data[:4096], None) == "text/plain"
    assert decode(data) == LINES[script] * times


@pytest.mark.parametrize("data", [bytes(16), b"\1\0\0\0" * 8, b"a\0b\0" * 8, b"\0\0\0\x01\0\0\0\x02"])
def test_numbers_of_four_bytes_are_no_text(data: bytes) -> None:
    assert wide_encoding(data) not in ("utf-32-le", "utf-32-be")


@pytest.mark.parametrize("more", [b"", b"\0", b"\x01x", b"x\0y\0z\0"])
@pytest.mark.parametrize(("script", "encoding"), IN_ONE_BYTE_OR_TWO)
def test_other_text_is_not_taken_for_it(script: str, encoding: str, more: bytes) -> None:
    data = LINES[script].encode(encoding, "ignore") * 3 + more
    assert wide_encoding(data + b" " * (len(data) % 2)) is None


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_are_not_taken_for_it(seed: int) -> None:
    assert wide_encoding(Random(seed).randbytes(24 + 8 * seed)) is None


def test_codes_that_repeat_are_not_taken_for_it() -> None:
    codes = b"".join(b"d%c\x93\x01d%cdY" % (value, value + 1) for value in range(0xA0, 0xF0, 2)) * 20
    assert wide_encoding(codes) is None
