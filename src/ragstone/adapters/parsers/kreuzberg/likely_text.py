"""Whether bytes may be text in some encoding, or are sound, objects or a program that merely look like it."""

import codecs
from collections.abc import Sequence
from itertools import pairwise
from unicodedata import category

from ragstone.adapters.parsers.kreuzberg.decoding import BINARY, share_of_controls, wide_encoding

_MARKS: Sequence[tuple[bytes, str]] = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_PAIRED = ("cp932", "euc_jp", "gb18030", "big5hkscs", "cp949")
_NO_LETTERS = frozenset({"Cc", "Cn", "Co", "Cs"})
_LEGACY_CONTROLS = 0.004
"""Share of control characters that text of another encoding than UTF-8 may have: a form feed, the mark of an end."""
_SEPARATED = 0.02
"""Share of white space that text has at least, unless it is East Asian."""
_SCATTERED = 0.36
"""Share of bytes beyond ASCII that begin or end a run of them, of all bytes, from which on they are no words."""


def is_utf8(head: bytes) -> bool:
    """Whether these may be the first bytes of UTF-8."""
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3  # a character cut by the end of the sample
    return True


def is_likely_text(head: bytes) -> bool:
    """Whether these may be the first bytes of a text: hardly a control character, and letters that make words."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return _is_sound(head[len(mark) :], encoding)
    if (wide := wide_encoding(head)) is not None:
        return _is_sound(head, wide)
    if is_utf8(head) or head.startswith(codecs.BOM_UTF8):
        return share_of_controls(head) < BINARY
    return share_of_controls(head) < _LEGACY_CONTROLS and (_has_words(head) or _is_paired(head))


def _is_sound(head: bytes, encoding: str) -> bool:
    text = head.decode(encoding, errors="ignore")
    odd = sum(category(sign) in _NO_LETTERS and sign not in "\t\n\f\r\x1b" for sign in text)
    return odd < BINARY * max(1, len(text))


def _has_words(head: bytes) -> bool:
    """Whether bytes beyond ASCII stand in words: together, as in Russian, or alone between others, as in French."""
    spaces = sum(map(head.count, (b" ", b"\t", b"\n", b"\r")))
    turns = sum((one < 0x80) != (other < 0x80) for one, other in pairwise(head))
    return spaces >= _SEPARATED * len(head) and turns < _SCATTERED * len(head)


def _is_paired(head: bytes) -> bool:
    """Whether this is text of two bytes for each letter; in noise some pair is always wrong."""
    for encoding in _PAIRED:
        try:
            head.decode(encoding)
        except UnicodeDecodeError as error:
            if error.start < len(head) - 3:
                continue
        return True
    return False
