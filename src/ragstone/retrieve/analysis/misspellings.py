"""What a misspelt word may have been meant to be: every word one slip away, and those two likely slips away.

A slip is a letter too many, one too few, another one, or two that changed places: Damerau, CACM 7 (1964), found four
of five misspelt words to be one slip away. Nothing here knows which of them are words; the index does.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

SHORTEST: Final = 5
"""Letters. What is one slip away from a shorter one is too often another word."""
SHORTEST_FOR_TWO: Final = 8
_MOST_TWICE: Final = 2_000


class _Alphabet(NamedTuple):
    """A script: its first and last sign, the letters that may be missing, and those that sound alike."""

    first: str
    last: str
    letters: str
    vowels: str


def _signs(*ranges: tuple[int, int]) -> str:
    return "".join(chr(sign) for first, last in ranges for sign in range(first, last + 1))


# Letters with marks are not among them: where marks fall, "uber" and "über" are one term.
_ALPHABETS = (
    _Alphabet("a", "\u024f", "abcdefghijklmnopqrstuvwxyz", "aeiouy"),
    _Alphabet("\u0370", "\u03ff", "αβγδεζηθικλμνξοπρσςτυφχψω", "αεηιουω"),
    _Alphabet("\u0400", "\u04ff", "абвгдежзийклмнопрстуфхцчшщъыьэюя", "аеиоуыэюя"),
    _Alphabet("\u0531", "\u058f", _signs((0x561, 0x586)), "աեէըիոօ"),
    _Alphabet("\u05d0", "\u05ea", _signs((0x5D0, 0x5EA)), "איוה"),
    _Alphabet("\u0620", "\u06ff", _signs((0x621, 0x63A), (0x641, 0x64A)) + "پچژگکی", "اوي"),
    _Alphabet("\u10d0", "\u10ff", _signs((0x10D0, 0x10F0)), "აეიოუ"),
)
# Letters of their own, beside those of the script, where a mark makes another letter.
_OWN_LETTERS = {
    **dict.fromkeys(("sv", "fi"), "åäö"),
    **dict.fromkeys(("da", "no", "nb", "nn"), "æøå"),
    "et": "äõöü",
    "hu": "áéíóöőúüű",
    "is": "áéíóúýþæöð",
    "lt": "ąčęėįšųūž",
    "lv": "āčēģīķļņšūž",
    "tr": "çğıöşü",
    "sq": "çë",
    "vi": "ăâđêôơư",
    "es": "ñ",
    "gl": "ñ",
    "eo": "ĉĝĥĵŝŭ",
    "uk": "іїєґ",
    "be": "іў",
    "sr": "ђјљњћџ",
    "mk": "ѓѕјљњќџ",
}


def is_spelt(word: str) -> bool:
    """Say whether ``word``, folded, is of letters that a slip may have changed."""
    return len(word) >= SHORTEST and word.isalpha() and _alphabet(word) is not None


def one_slip_away(word: str, language: str) -> list[str]:
    """Return every string of letters one slip from ``word``, folded: some 55 for each letter of a Latin word.

    Those that need no other letters come first: they are the likelier ones.
    """
    alphabet = _alphabet(word)
    if alphabet is None:
        return []
    letters = alphabet.letters + _OWN_LETTERS.get(language, "")
    found = dict.fromkeys((*_swaps(word), *_drops(word), *_doubles(word), *_others(word, letters)))
    found |= dict.fromkeys(_inserts(word, letters))
    found.pop(word, None)
    return list(found)


def two_slips_away(word: str) -> list[str]:
    """Return at most 2,000 strings that are two likely slips from ``word``, folded.

    Likely: letters that changed places, one dropped, one written once instead of twice, a vowel for another.
    """
    alphabet = _alphabet(word)
    if alphabet is None:
        return []
    first = list(dict.fromkeys(_likely(word, alphabet.vowels)))
    near = {word, *first}
    twice = (each for once in first for each in _likely(once, alphabet.vowels) if each not in near)
    return list(dict.fromkeys(islice(twice, _MOST_TWICE)))


def _alphabet(word: str) -> _Alphabet | None:
    return next((each for each in _ALPHABETS if all(each.first <= letter <= each.last for letter in word)), None)


def _likely(word: str, vowels: str) -> Iterator[str]:
    yield from _swaps(word)
    yield from _drops(word)
    yield from _doubles(word)
    for place, letter in enumerate(word):
        if letter in vowels:
            yield from (word[:place] + vowel + word[place + 1 :] for vowel in vowels if vowel != letter)


def _swaps(word: str) -> Iterator[str]:
    for place in range(len(word) - 1):
        yield word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def _drops(word: str) -> Iterator[str]:
    for place in range(len(word)):
        yield word[:place] + word[place + 1 :]


def _doubles(word: str) -> Iterator[str]:
    for place, letter in enumerate(word):
        yield word[:place] + letter + word[place:]


def _others(word: str, letters: Iterable[str]) -> Iterator[str]:
    for place in range(len(word)):
        yield from (word[:place] + letter + word[place + 1 :] for letter in letters)


def _inserts(word: str, letters: Iterable[str]) -> Iterator[str]:
    for place in range(len(word) + 1):
        yield from (word[:place] + letter + word[place:] for letter in letters)
