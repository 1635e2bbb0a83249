"""Whether a quote bears out a sentence: numbers, names and negation exactly, the rest by words and meaning."""

import re
from typing import Final

from ragstone.answer.terms import Language, coverage, language_of
from ragstone.domain.answers import Support

_NUMBER: Final = re.compile(r"\d+(?:[.,:/-]\d+)*")
_MONTH: Final = re.compile(
    r"\b(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b(?=\.?,? \d)|(?<=\d )(january|february|march|april|may|june|july"
    r"|august|september|october|november|december)\b",
    re.I,
)
_NAME: Final = re.compile(r"(?<![.!?:]\s)(?<!^)\b[A-ZÀ-ÖØ-Þ][\w’'-]*")
_NEGATION: Final = re.compile(
    r"\b(?:not|no|never|none|neither|nor|cannot|without|nicht|kein\w*|nie|niemals|nunca|jamás|ningun\w*|ne|jamais"
    r"|aucun\w*)\b|n['’]t\b",
    re.I,
)
_EMPHASIS: Final = re.compile(r"[*_`]+")
_SPELLED: Final = {
    word: str(number)
    for number, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    )
}

_REACH: Final = 40
"""Characters after a negation in which the words stand that it governs."""
WORDS_ENOUGH: Final = 0.7
"""Share of the sentence's content words that the quote holds, from which on words alone support it."""
MEANING_ENOUGH: Final = 0.62
"""Cosine of sentence and quote, from which on their meaning supports it."""
WORDS_SOME: Final = 0.35
MEANING_SOME: Final = 0.4


def check(claim: str, quote: str, cosine: float, *, context: str = "") -> Support:
    """Compare a sentence of the answer with the quote that it cites.

    ``cosine`` is the similarity of their embeddings. ``context`` is what the document says about the
    quote's place (title, headings): names may stand there. A number, a date or a negation that differs
    is never made up for by similar words, since the meaning of two texts that differ in one number is
    almost the same to an embedding.
    """
    claim, quote = _EMPHASIS.sub("", claim), _EMPHASIS.sub("", quote)
    if numbers(claim) - numbers(f"{quote} {context}") or _dates(claim) - _dates(f"{quote} {context}"):
        return Support.NOT_SUPPORTED
    if _negated_otherwise(claim, quote):
        return Support.NOT_SUPPORTED
    words = _shared(claim, quote)
    names_missing = _names(claim, quote, context)
    if not names_missing and (words >= WORDS_ENOUGH or cosine >= MEANING_ENOUGH):
        return Support.SUPPORTED
    if words >= WORDS_SOME or cosine >= MEANING_SOME:
        return Support.PARTLY
    return Support.NOT_SUPPORTED


def numbers(text: str) -> set[str]:
    """Return the numbers of a text in one spelling: without thousands separators, small words as digits."""
    found = {_plain(match) for match in _NUMBER.findall(text)}
    found.update(
        _SPELLED[word] for word in re.findall(r"[a-z]+", text.casefold()) if word in _SPELLED and word != "one"
    )
    return found


def _plain(number: str) -> str:
    return re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", number)


def _dates(text: str) -> set[str]:
    return {(match[1] or match[2])[:3].casefold() for match in _MONTH.finditer(text)}


def _negated_otherwise(claim: str, quote: str) -> bool:
    """Say whether one text denies what the other affirms: a word right after a negation stands in both."""
    language = language_of(claim)
    denied, denied_there = _denied(claim, language), _denied(quote, language)
    return bool(
        (denied - denied_there) & set(language.terms(quote)) or (denied_there - denied) & set(language.terms(claim))
    )


def _denied(text: str, language: Language) -> set[str]:
    """Return the content words that a negation governs: the next two after it."""
    after = (language.content_terms(text[match.end() : match.end() + _REACH]) for match in _NEGATION.finditer(text))
    return {term for terms in after for term in terms[:2]}


def _names(claim: str, quote: str, context: str) -> set[str]:
    """Return the capitalised words within ``claim`` that neither the quote nor its place in the document holds."""
    held = f"{quote} {context}".casefold()
    return {name for name in _NAME.findall(claim) if name.casefold().rstrip("s").removesuffix("'") not in held}


def _shared(claim: str, quote: str) -> float:
    language = language_of(claim)
    wanted = language.content_terms(claim)
    return coverage(dict.fromkeys(wanted, 1.0), set(language.terms(quote)))
