"""The words of a filter's text: names, values and signs, each with its place."""

import re
from dataclasses import dataclass
from datetime import date
from enum import Enum, auto

from ragstone.domain.filters import LARGEST_NUMBER, FilterError, Value
from ragstone.domain.iso_times import parse_time

_NAME = r"[^\W\d][\w-]*"
_TOKEN = re.compile(
    rf"""\s*(?:
        (?P<time>[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:T[0-9:.]*(?:Z|[+-][0-9:]*)?)?(?!\w))
      | (?P<number>[+-]?[0-9]+(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?(?!\w))
      | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<name>{_NAME})
      | (?P<sign><=|>=|!=|<>|==|\^=|[=<>()\[\],.@])
      | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_PLAIN = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\", "/": "/"}
_LITERALS: dict[str, Value] = {"true": True, "false": False, "null": None}
_WORDS = frozenset("and or not in has all any exists starts with ignoring case true false null".split())
_EXCERPT = 20


class Kind(Enum):
    """What a token is."""

    NAME = auto()
    VALUE = auto()
    SIGN = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text; ``text`` of a word of the language in small letters, ``value`` of a value only."""

    kind: Kind
    text: str
    position: int
    value: Value = None


class Tokens:
    """The tokens of a text, one after the other. Raises ``FilterError`` with the place of what cannot be read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._after = 0
        self.next = self._read()
        self.last = self.next

    @staticmethod
    def is_name(key: str) -> bool:
        """Whether a key can be written without quotes."""
        return bool(re.fullmatch(_NAME, key)) and key.lower() not in _WORDS

    @property
    def dot_follows(self) -> bool:
        """Whether a dot comes after the next token."""
        return self._text[self._after :].lstrip().startswith(".")

    def advance(self) -> Token:
        """Return the next token, and go on."""
        self.last = self.next
        self.next = self._read()
        return self.last

    def take(self, *wanted: str) -> Token | None:
        """Return the next token and go on, if it is one of these words or signs."""
        return self.advance() if self.next.kind is Kind.SIGN and self.next.text in wanted else None

    def expect(self, wanted: str) -> None:
        """Go on past this word or sign. Raise ``FilterError`` if it is not there."""
        if not self.take(wanted):
            raise self.error(f"`{wanted}` is missing")

    def end(self, message: str) -> None:
        """Raise ``FilterError`` with ``message`` if anything is left."""
        if self.next.kind is not Kind.END:
            raise self.error(message)

    def error(self, message: str, token: Token | None = None) -> FilterError:
        """Return an error that points at a token, or at the next one."""
        return self._error(message, (token or self.next).position)

    def _error(self, message: str, position: int) -> FilterError:
        excerpt = self._text[position : position + _EXCERPT]
        there = f"before `{excerpt}{'…' if len(self._text) > position + _EXCERPT else ''}`" if excerpt else "at the end"
        return FilterError(f"character {position + 1}, {there}: {message}", position)

    def _read(self) -> Token:
        found = _TOKEN.match(self._text, self._after)
        if found is None:
            rest = self._text[self._after :]
            position = self._after + len(rest) - len(rest.lstrip())
            unclosed = self._text[position] in "\"'"
            raise self._error("a quote is not closed" if unclosed else "this cannot be read", position)
        self._after = found.end()
        kind = found.lastgroup or "end"
        text, position = found[kind], found.start(kind)
        match kind:
            case "time":
                return Token(Kind.VALUE, text, position, self._time(text, position))
            case "number":
                return Token(Kind.VALUE, text, position, self._number(text, position))
            case "text":
                return Token(Kind.VALUE, text, position, self._unquoted(text, position))
            case "name":
                return _word(text, position)
            case "sign":
                return Token(Kind.SIGN, text, position)
            case _:
                return Token(Kind.END, "", position)

    def _time(self, text: str, position: int) -> date:
        at = parse_time(text)
        if at is None:
            raise self._error("there is no such date or time; it reads 2024-05-01 or 2024-05-01T10:00Z", position)
        return at if "T" in text else at.date()

    def _number(self, text: str, position: int) -> int | float:
        number = float(text) if set(text) & set(".eE") else int(text)
        if abs(number) > LARGEST_NUMBER:
            raise self._error(f"the number is too large; it is at most {LARGEST_NUMBER:.2g} above or below 0", position)
        return number

    def _unquoted(self, text: str, position: int) -> str:
        def plain(escape: re.Match[str]) -> str:
            named = escape[1]
            if named[0] == "u" and len(named) == 5:
                return chr(int(named[1:], 16))
            if named not in _PLAIN:
                raise self._error(f"\\{named} means nothing in a text; a backslash is \\\\", position)
            return _PLAIN[named]

        # Half of a surrogate pair by itself stays what it is; the tree refuses it.
        joined = _ESCAPE.sub(plain, text[1:-1])
        return joined.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _word(text: str, position: int) -> Token:
    word = text.lower()
    if word in _LITERALS:
        return Token(Kind.VALUE, word, position, _LITERALS[word])
    if word in _WORDS:
        return Token(Kind.SIGN, word, position)
    return Token(Kind.NAME, text, position)
