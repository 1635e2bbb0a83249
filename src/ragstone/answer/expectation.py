"""What kind of answer a question expects, as far as its words tell: a time, a number, a way to do something."""

import re
from enum import StrEnum
from typing import Final


class Expectation(StrEnum):
    """The kind of thing that answers a question."""

    TIME = "time"
    NUMBER = "number"
    PERSON = "person"
    PLACE = "place"
    WAY = "way"
    ANYTHING = "anything"


_ASKS_TIME: Final = (
    r"\bwhen\b(?! (?:i|we|you|should)\b)|\b(?:what|which) (?:year|date|day|month|decade|century)\b"
    r"|\bwann\b|\bcuándo\b|\bquand\b"
)
_ASKS_NUMBER: Final = (
    r"\bhow (?:many|much|long|old|far|tall|high|large|big|fast|often|deep|heavy|wide)\b"
    r"|\bwhat (?:percentage|percent|number|proportion|share|temperature|size|population)\b"
    r"|\bwie ?viele?\b|\bwie (?:hoch|lang|alt|groß|weit|oft)\b|\bcuánt[oa]s?\b|\bcombien\b"
)
_ASKS_PERSON: Final = r"\bwho(?:m|se)?\b|\bwer\b|\bwem\b|\bwen\b|\bquién(?:es)?\b|\bqui\b"
_ASKS_PLACE: Final = (
    r"\bwhere\b|\b(?:what|which) (?:city|country|state|town|place|region|continent|county|province)\b"
    r"|\bwo\b|\bdónde\b|\boù\b"
)
_ASKS_WAY: Final = (
    r"\bhow (?:do|does|can|could|should|to|would|is|are)\b|\bwie (?:kann|muss|soll|wird|werden|geht|macht)\b"
    r"|\bcómo\b|\bcomment\b"
)
_PATTERNS: Final = tuple(
    (kind, re.compile(pattern, re.I))
    for kind, pattern in (
        (Expectation.TIME, _ASKS_TIME),
        (Expectation.NUMBER, _ASKS_NUMBER),
        (Expectation.PERSON, _ASKS_PERSON),
        (Expectation.PLACE, _ASKS_PLACE),
        (Expectation.WAY, _ASKS_WAY),
    )
)

_TIME: Final = re.compile(
    r"\b(?:1\d|20)\d\d\b|\b\d{1,4} ?(?:bc|ad|bce|ce)\b|\b\d{1,2}(?:st|nd|rd|th)\b"
    r"|\b(?:january|february|march|april|may|june|july|august|september|october|november|december|monday|tuesday"
    r"|wednesday|thursday|friday|saturday|sunday|januar|februar|märz|mai|juni|juli|oktober|dezember|enero|febrero"
    r"|janvier|février|mars|avril|juin|juillet|août|century|centuries|decade|era|spring|summer|autumn|winter)\b",
    re.I,
)
_NUMBER: Final = re.compile(
    r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|twenty|thirty|forty|fifty|hundred"
    r"|thousand|million|billion|half|third|quarter|twice|zwei|drei|vier|fünf|dos|tres|cuatro|deux|trois|quatre)\b",
    re.I,
)
_NAME: Final = re.compile(r"(?<!^)(?<![.!?] )\b[A-ZÀ-ÖØ-Þ][\w’'-]+")


def expectation_of(question: str) -> Expectation:
    """Return what ``question`` asks for: the kind that is asked for first."""
    found = [(match.start(), kind) for kind, pattern in _PATTERNS if (match := pattern.search(question))]
    return min(found)[1] if found else Expectation.ANYTHING


def meets(expects: Expectation, text: str, question: str, *, shows: bool = False) -> bool:
    """Say whether ``text`` holds something of the kind that ``question`` expects and does not hold itself.

    ``shows``: it comes with code or a list, as the description of a way does.
    """
    if expects is Expectation.WAY:
        return shows
    if expects is Expectation.TIME:
        return _brings(_TIME, text, question)
    if expects is Expectation.NUMBER:
        return _brings(_NUMBER, text, question)
    if expects in (Expectation.PERSON, Expectation.PLACE):
        return _brings(_NAME, text, question)
    return True


def _brings(pattern: re.Pattern[str], text: str, question: str) -> bool:
    held = question.casefold()
    return any(match[0].casefold() not in held for match in pattern.finditer(text))
