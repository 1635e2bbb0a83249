"""Bytes that are text, however few they are and whatever stands between the letters."""

import pytest

from ragstone.adapters.parsers.kreuzberg.decoding import decode
from ragstone.adapters.parsers.kreuzberg.media_types import name_media_type


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
