"""Whether a message's page says what its plain text does not: most of its words, or which cell a word stands in."""

import re
from collections.abc import Iterable
from html import unescape

from ragstone.adapters.parsers.kreuzberg.html.balancing import balanced
from ragstone.adapters.parsers.kreuzberg.html.tokens import HtmlTokens, Token

_STUB = 1000
"""Letters below which a plain text may be a stub of its page, if that has three times as many."""
_NOTE = 200
"""Letters below which a plain text that speaks of HTML or a browser is a note on where to read the message."""
_MORE = 1.5
"""Letters of a page for each of its text from which on it may say more; half of its words are not in the text then."""
_SAYS_SO = re.compile(r"\bhtml\b|\bbrowser|\bwebmail\b", re.IGNORECASE)
_WORDS = re.compile(r"\w+")
_APART = re.compile(r"[぀-ヿ㐀-鿿]|[^\W぀-ヿ㐀-鿿]+")
"""Words, and for one each character of scripts that have no space between them."""
_LONGEST_CELL = 60
"""Letters of a cell, on average, beyond which a table is there for the page's looks."""


def stands_in(plain: str, pages: Iterable[str]) -> bool:
    """Whether a plain text says less than the message's HTML, so that this should be read in its place."""
    tokens = [token for page in pages for token in HtmlTokens(balanced(page)[1])]
    shown = unescape(" ".join(token.source for token in tokens if not token.name))
    says, shows = _length(plain), _length(shown)
    if not shows:
        return False
    if says < _STUB and (3 * says < shows or (says < _NOTE and _SAYS_SO.search(plain) is not None)):
        return True
    if shows > _MORE * says:
        words = set(_APART.findall(shown.casefold()))
        if 2 * len(words - set(_APART.findall(plain.casefold()))) > len(words):
            return True
    return _has_data_table(tokens)


def _length(text: str) -> int:
    """Return the number of letters and digits, which tells more than words do where words are not apart."""
    return sum(map(len, _WORDS.findall(text)))


def _has_data_table(tokens: Iterable[Token]) -> bool:
    """Whether one of the tables of a page is about its cells: those that hold tables are about its looks."""
    tables: list[list[list[str]] | None] = []  # those within one another; ``None`` for one that holds another
    for token in tokens:
        if token.name == "table" and not token.ends:
            if tables:
                tables[-1] = None
            tables.append([])
        elif token.name == "table" and tables:
            rows = tables.pop()
            if rows is not None and _is_data(rows):
                return True
        elif tables and (rows := tables[-1]) is not None:
            _read(rows, token)
    return False


def _read(rows: list[list[str]], token: Token) -> None:
    if token.name == "tr" and not token.ends:
        rows.append([])
    elif token.name in ("td", "th") and not token.ends and rows:
        rows[-1].append("")
    elif not token.name and rows and rows[-1]:
        rows[-1][-1] += unescape(token.source)


def _is_data(rows: list[list[str]]) -> bool:
    """Whether two rows or more have two cells or more each that say something, in few words."""
    said = [[cell for cell in row if cell.strip()] for row in rows]
    wide = [row for row in said if len(row) > 1]
    found = [len(cell.strip()) for row in wide for cell in row]
    return len(wide) > 1 and 2 * len(wide) > len(list(filter(None, said))) and sum(found) <= _LONGEST_CELL * len(found)
