"""The terms of a text: each word's parts, stemmed, and the wholes that parts make."""

from collections import Counter
from functools import lru_cache

from ragstone.retrieve.analysis.stems import fold, stem
from ragstone.retrieve.analysis.words import FIRST_UNSPACED, Word, apart, tokens

_LONGEST_CACHED = 48


def terms(text: str, language: str = "en") -> list[str]:
    """Return the terms of ``text``, in order, with repetitions; ``language`` "" means no stemming.

    No term is longer than 128 characters or holds whitespace, a control character or a backslash.
    """
    found: list[str] = []
    for token in tokens(text):
        cached = token < FIRST_UNSPACED and len(token) <= _LONGEST_CACHED
        found += _cached_terms(token, language) if cached else _token_terms(token, language)
    return found


def count_terms(text: str, language: str = "en") -> Counter[str]:
    """Return how often each term stands in ``text``."""
    return Counter(terms(text, language))


def part_terms(word: Word, language: str) -> list[str]:
    """Return the terms of a word's parts, in order."""
    return list(word.parts) if word.unspaced else [stem(part, language) for part in word.parts]


def whole_terms(word: Word, language: str) -> list[str]:
    """Return the terms of a word's wholes; ``e-mails`` gives that of ``emails``."""
    return [stem(whole, language) if whole.isalpha() else fold(whole, language) for whole in word.wholes]


def _token_terms(token: str, language: str) -> tuple[str, ...]:
    return tuple(
        term for word in apart(token) for term in (*part_terms(word, language), *whole_terms(word, language)) if term
    )


# A word is taken apart and stemmed once. What stays out: long tokens, so that the cache is bounded in bytes too, and
# runs of Chinese or Thai, of which few come again.
_cached_terms = lru_cache(maxsize=65_536)(_token_terms)
