"""RTF made plain for kreuzberg, which takes every letter for one of the document's encoding, and shapes for nothing."""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

_TOKEN = re.compile(
    rb"\\(?P<word>[A-Za-z]{1,32})(?P<number>-?\d{1,10})?\x20?|\\'(?P<byte>[0-9A-Fa-f]{2})|\\(?P<sign>[^A-Za-z'])"
    rb"|(?P<brace>[{}])|(?P<text>[^\\{}\r\n]+)|(?P<other>[\r\n]+|\\)",
    re.DOTALL,
)
_USUAL = "cp1252"
_DOCUMENTS = {b"ansi": _USUAL, b"mac": "mac_roman", b"pc": "cp437", b"pca": "cp850"}
_CHARSETS: Mapping[int, str] = {
    77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gb18030", 136: "big5", 161: "cp1253",
    162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874",
    238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
_SYMBOLS = 2
"""The charset of a font of signs, whose letters are no letters."""
_ENDS = frozenset({b"sect", b"page", b"column"})
_SHAPES = frozenset({b"shptxt", b"dptxbxtext"})
_EDGES = frozenset({b"header", b"headerl", b"headerr", b"headerf", b"footer", b"footerl", b"footerr", b"footerf"})
_PICTURE = b"pict"
_PARAGRAPH = b"\\par "
_HYPHEN = b"-"


def plain_rtf(data: bytes) -> bytes:
    """Return RTF whose letters beyond ASCII are Unicode, in which what ends a section or page ends a paragraph.

    Of shapes the text comes below the paragraph that they stand in. Pictures go, for they are no text.
    """
    return _Rewriting(data).written()


@dataclass(frozen=True, slots=True)
class _Group:
    """What holds within braces: the encoding, how many signs stand for a Unicode one, and what the group is.

    ``edge`` is a header or a footer, and ``parted`` says that there were groups within it.
    """

    encoding: str | None = _USUAL
    fallback: int = 1
    fonts: bool = False
    picture: bool = False
    shape: bool = False
    edge: bool = False
    parted: bool = False


class _Rewriting:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._group = _Group()
        self._outer: list[_Group] = []
        self._written = [bytearray()]
        self._shapes: list[bytes] = []
        self._letters = bytearray()
        self._skipped = 0
        self._document = _USUAL
        self._fonts: dict[int, str | None] = {}
        self._font = self._default_font = 0
        self._half = 0

    def written(self) -> bytes:
        at = 0
        while (token := _TOKEN.match(self._data, at)) is not None:
            at = token.end()
            if token["byte"] is not None:
                self._byte(token[0], int(token["byte"], 16))
            elif token["text"] is not None:
                self._text(token["text"])
            elif token["other"] is None:
                self._end_letters()
                self._skipped = 0
                if token["word"] == b"bin":
                    at += max(0, int(token["number"] or 0))
                else:
                    self._control(token)
        self._end_letters()
        return bytes(self._written[0])

    def _control(self, token: re.Match[bytes]) -> None:
        if token["brace"] == b"{":
            self._outer.append(self._group)
            self._group = replace(self._group, shape=False, edge=False, parted=False)
            self._write(b"{")
        elif token["brace"]:
            self._close()
        elif token["sign"]:
            self._symbol(token["sign"])
        else:
            self._word(token["word"], int(token["number"] or 0), token[0])

    def _symbol(self, sign: bytes) -> None:
        if sign in b"~_":
            self._say(self._unicode(" ") if sign == b"~" else _HYPHEN)
        elif sign in b"\\{}":
            self._say(b"\\" + sign)
        else:
            self._write(b"\\" + sign)

    def _close(self) -> None:
        if self._group.shape and len(self._written) > 1:
            self._shapes.append(bytes(self._written.pop()))
        if len(self._outer) == 1:
            self._write(self._shapes_below())
        self._write(b"}")
        edge = self._group.edge
        if self._outer:
            self._group = replace(self._outer.pop(), parted=True)
        if edge:
            self._write(_PARAGRAPH)

    def _word(self, word: bytes, number: int, token: bytes) -> None:
        if word == b"u":
            self._skipped = self._group.fallback
            self._sign(number % 0x10000)
            return
        if word == b"uc":
            self._group = replace(self._group, fallback=min(max(0, number), 8))
        elif word == b"fonttbl":
            self._group = replace(self._group, fonts=True)
        elif word in _EDGES:
            self._group = replace(self._group, edge=True)
        elif word == _PICTURE:
            self._group = replace(self._group, picture=True)
        elif word in (b"f", b"plain", b"fcharset", b"deff", b"ansicpg") or word in _DOCUMENTS:
            self._encode(word, number)
        if word in _SHAPES and not self._group.shape:
            self._group = replace(self._group, shape=True)
            self._written.append(bytearray())
            return
        self._write(_PARAGRAPH if word in _ENDS else token)
        if word == b"par" and len(self._written) == 1 and not self._group.fonts:
            self._write(self._shapes_below())

    def _encode(self, word: bytes, number: int) -> None:
        """Take note of an encoding, or of the font that says which one holds."""
        if word in _DOCUMENTS:
            self._document = _DOCUMENTS[word]
        elif word == b"ansicpg" and (encoding := _known(f"cp{number}")) is not None:
            self._document = encoding
        elif word == b"deff":
            self._default_font = number
        elif word == b"fcharset":
            self._fonts[self._font] = None if number == _SYMBOLS else _CHARSETS.get(number, self._document)
        elif word in (b"f", b"plain"):
            self._font = number if word == b"f" else self._default_font
        encoding = self._fonts.get(self._font, self._document)
        self._group = replace(self._group, encoding=self._document if self._group.fonts else encoding)

    def _byte(self, token: bytes, value: int) -> None:
        if self._skipped:
            self._skipped -= 1
        elif self._group.encoding is None:
            self._say(token)
        else:
            self._letters.append(value)

    def _text(self, text: bytes) -> None:
        skipped = min(self._skipped, len(text))
        self._skipped -= skipped
        text = text[skipped:]
        if self._letters and text and self._wants_more():
            self._letters += text[:1]
            text = text[1:]
        self._end_letters()
        for piece in re.split(rb"([\x80-\xff]+)", text):
            if piece.isascii() or self._group.encoding is None:
                self._say(piece)
            else:
                self._letters += piece
                self._end_letters()

    def _wants_more(self) -> bool:
        """Whether the last letter lacks its second byte."""
        decoder = codecs.getincrementaldecoder(self._group.encoding or _USUAL)("replace")
        decoder.decode(bytes(self._letters))
        return bool(decoder.getstate()[0])

    def _end_letters(self) -> None:
        if not self._letters:
            return
        letters = bytes(self._letters).decode(self._group.encoding or _USUAL, errors="replace")
        self._say(b"".join(map(self._unicode, letters)))
        self._letters.clear()

    def _sign(self, code: int) -> None:
        """Say a letter of Unicode, of which those beyond the first 65,536 come as two halves."""
        if 0xD800 <= code < 0xDC00:
            self._half = code
            return
        if 0xDC00 <= code < 0xE000:
            code = 0x10000 + ((self._half - 0xD800) << 10) + code - 0xDC00 if self._half else 0xFFFD
        self._half = 0
        self._say(self._unicode(chr(code)))

    def _unicode(self, sign: str) -> bytes:
        return b"\\u%d%b" % (ord(sign), b"?" * self._group.fallback or b" ")

    def _say(self, text: bytes) -> None:
        """Write text, within braces once there are others: kreuzberg puts a space between these and what follows."""
        if text:
            self._write(b"{%b}" % text if self._group.parted else text)

    def _shapes_below(self) -> bytes:
        below = b"".join(b"{\\pard %b}\\par " % shape for shape in self._shapes)
        self._shapes.clear()
        return below

    def _write(self, written: bytes) -> None:
        # The braces of a picture stay, and its first word; without its bytes it is none.
        if not self._group.picture or written in (b"{", b"}"):
            self._written[-1] += written


def _known(encoding: str) -> str | None:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return None
