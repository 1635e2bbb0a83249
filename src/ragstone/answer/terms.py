"""The words of a text that carry meaning, as they are compared between a question, a claim and a passage."""

import math
import re
import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import Stemmer

_WIDE_RANGES: Final = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_TOKEN: Final = re.compile(rf"[{_WIDE_RANGES}]+|[^\W_{_WIDE_RANGES}]+")
_WIDE: Final = re.compile(rf"[{_WIDE_RANGES}]")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_ENGLISH: Final = """
a about after all also am an and another any are as at be because been before being between both but by can could did
do does doing during each every for from get got had has have having he her hers him his how i if in into is it its
just let made make many may me might more most much must my no not of on one only or other our out over own please
same shall she should since so some such tell than that the their them then there these they this those through to too
under until up upon us use used using very was way we were what when where which while who whom whose why will with
within without would you your s t called name kind type
"""
_GERMAN: Final = """
aber als am an auch auf aus bei bin bis da dann das dass dem den der des die dies diese dieser doch ein eine einem
einen einer eines er es für hat hatte haben ich ihr im in ist ja kann man mit nach nicht noch nur ob oder sein seine
sich sie sind so über um und uns unter vom von vor wann war waren warum was welche welcher welches wenn wer wie wird wo
wurde wurden zu zum zur
"""
_SPANISH: Final = """
a al como con cuál cuáles cuándo cuánto cuántos cómo de del donde dónde el ella en entre era es eso esta este fue ha hay
la las lo los más no o para pero por porque qué que quién se ser si sin sobre son su sus también tiene un una unos y
"""
_FRENCH: Final = """
a à au aux avec ce ces cette comment dans de des du elle en est et été il ils je l la le les leur lui mais ne nous où ou
par pas pour pourquoi qu quand que quel quelle quels qui sa se ses son sont sur un une vous
"""


@lru_cache(maxsize=50_000)
def _stem(algorithm: str, word: str) -> str:
    stemmers: dict[str, Stemmer.Stemmer] = _local.__dict__
    if algorithm not in stemmers:
        stemmers[algorithm] = Stemmer.Stemmer(algorithm)
    stemmed: str = stemmers[algorithm].stemWord(word)
    return stemmed


_local: Final = threading.local()
"""A stemmer keeps state while it works, so each thread has its own."""


@dataclass(frozen=True, slots=True)
class Language:
    """How one language's words are compared: its Snowball stemmer and the words that every passage may hold."""

    stemmer: str
    stop_words: frozenset[str]

    def terms(self, text: str) -> list[str]:
        """Return the stems of all words in order; Chinese, Japanese and Korean as pairs of characters."""
        return [self._stem(token) for token in _tokens(text)]

    def content_terms(self, text: str) -> list[str]:
        """Return the stems of the words that are not stop words, each once, in order of appearance."""
        kept = (self._stem(token) for token in _tokens(text) if token not in self.stop_words)
        return list(dict.fromkeys(kept))

    def _stem(self, token: str) -> str:
        return _stem(self.stemmer, token) if token.isalpha() and ord(token[0]) < 0x250 else token


LANGUAGES: Final = tuple(
    Language(stemmer, frozenset(words.split()))
    for stemmer, words in (
        ("english", _ENGLISH),
        ("german", _GERMAN),
        ("spanish", _SPANISH),
        ("french", _FRENCH),
    )
)


def language_of(text: str) -> Language:
    """Return the language whose stop words are the most frequent in ``text``; English where none stands out."""
    tokens = _tokens(text)
    return max(LANGUAGES, key=lambda language: sum(token in language.stop_words for token in tokens))


def _tokens(text: str) -> list[str]:
    """Return the words of a text, casefolded; of a compound such as ``TestClient`` its parts and the whole."""
    found: list[str] = []
    for token in _TOKEN.findall(text):
        if _WIDE.match(token):
            found.extend(token[i : i + 2] for i in range(max(1, len(token) - 1)))
            continue
        parts = _CAMEL.split(token)
        found.extend(part.casefold() for part in parts)
        if len(parts) > 1:
            found.append(token.casefold())
    return found


def rarity(wanted: Iterable[str], texts: Collection[Collection[str]]) -> dict[str, float]:
    """Weigh each term by how few of ``texts`` hold it: ``1 + ln(1 + (N - n + 0.5) / (n + 0.5))``, BM25's idf and 1.

    The 1 keeps what the question is about, which all passages hold, from weighing less than its chance words.
    """
    weights: dict[str, float] = {}
    for term in wanted:
        holding = sum(1 for text in texts if term in text)
        weights[term] = 1 + math.log(1 + (len(texts) - holding + 0.5) / (holding + 0.5))
    return weights


def coverage(weights: Mapping[str, float], held: Collection[str]) -> float:
    """Return the share (0..1) of the weight that the terms in ``held`` carry; 0 where nothing has weight."""
    total = sum(weights.values())
    return sum(weight for term, weight in weights.items() if term in held) / total if total else 0.0
