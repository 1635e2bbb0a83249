"""What counts as a word: the terms that BM25 matches.

A compound such as ``asyncpg.Pool`` or ``response_model_exclude_unset`` gives itself whole and each of its parts,
so that it is found by either; parts are stemmed (Snowball, English) unless they hold digits. Text without
spaces between words (Chinese, Japanese, Thai ...) gives overlapping pairs of characters.
"""

import re
import unicodedata
from collections import Counter
from functools import lru_cache

import Stemmer

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TERM = re.compile(rf"(?P<unspaced>[{_UNSPACED}]+)|[^\W{_UNSPACED}]+(?:[.\-/:@'’][^\W{_UNSPACED}]+)*")
_PART = re.compile(r"[^\W\d_]*[^\W\d_]|\d+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LONGEST_TERM = 128

# Function words carry no topic; in BM25 they only cost time.
STOP_WORDS = frozenset(
    "a an and are as at be been being but by can could did do does doing for from had has have having he her hers him"
    " his how i if in into is it its itself me my no not of on or our ours she should so some such than that the their"
    " theirs them then there these they this those through to too up us was we were what when where which while who"
    " whom why will with would you your yours s t d ll m re ve".split()
)


def count_terms(text: str) -> Counter[str]:
    """Return how often each term stands in ``text``."""
    return Counter(terms(text))


def terms(text: str) -> list[str]:
    """Return the terms of ``text``, in order, with repetitions."""
    found: list[str] = []
    for match in _TERM.finditer(unicodedata.normalize("NFKC", text)):
        word = match.group()
        if match.group("unspaced"):
            found.extend(_pairs(word))
        else:
            found.extend(_word_terms(word[:_LONGEST_TERM]))
    return found


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]


def _word_terms(word: str) -> list[str]:
    """Return the parts of a word, stemmed, and the word itself where it has more than one."""
    pieces = [piece for part in _PART.findall(word) for piece in _CAMEL.split(part) if piece]
    parts = [_stem(piece.casefold()) for piece in pieces]
    found = [part for part in parts if part]
    if len(pieces) > 1:
        found.append(word.casefold().strip("_"))
    return found


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    """Return the stem, or nothing for a stop word. Shared by all threads: the cache keeps calls rare and safe."""
    if word in STOP_WORDS:
        return ""
    return word if word.isdigit() else str(Stemmer.Stemmer("english").stemWord(word))
