"""How likely letters are in each language, by the order of their frequency that charset-normalizer brings.

What that leaves out of an alphabet is added: letters that are rare, and signs of East Asian scripts, of which the
standards of each country have the usual ones in a level of their own.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from itertools import product
from math import log
from unicodedata import normalize

FOREIGN = -12.0
"""Of a letter that a language's alphabet does not have. All likelihoods are natural logarithms."""
_FIRST, _STEP = -2.1, -0.17
"""Of the most frequent letter of an alphabet, and how much less likely each next one is."""
_RARE, _UNUSUAL, _BORROWED_LETTER = -6.0, -7.5, -8.5
"""Of a letter that is not among the frequent ones; of one that only words from other languages have, plain or not."""
_NO_PLACE = -4.5
"""Of a letter of a language of which no order is known."""
_ASCII = "abcdefghijklmnopqrstuvwxyz"
_UNEVEN = 3
"""By how much less often than its usual signs a standard has those of them that text is mostly of."""
_HAS_BORROWED = "English"
_BORROWED = "áàâäåçéèêëíïñóôöøúü"

_LATIN: Mapping[str, tuple[str, str]] = {
    "English": ("English", ""),
    "German": ("German", "äöüß"),
    "French": ("French", "àâæçéèêëîïôœùûüÿ"),
    "Dutch": ("Dutch", "áèéêëïóöü"),
    "Italian": ("Italian", "àèéìíîòóùú"),
    "Spanish": ("Spanish", "áéíñóúü"),
    "Portuguese": ("Portuguese", "àáâãçéêíóôõúü"),
    "Catalan": ("Spanish", "àçèéíïòóúü"),
    "Swedish": ("Swedish", "åäöé"),
    "Norwegian": ("Norwegian", "æøåéòô"),
    "Danish": ("Danish", "æøåé"),
    "Icelandic": ("Norwegian", "áðéíóúýþæö"),
    "Finnish": ("Finnish", "äöåšž"),
    "Estonian": ("Estonian", "äõöüšž"),
    "Albanian": ("Italian", "çë"),
    "Indonesian": ("Indonesian", ""),
    "Polish": ("Polish", "ąćęłńóśźż"),
    "Czech": ("Czech", "áčďéěíňóřšťúůýž"),
    "Slovak": ("Slovak", "áäčďéíĺľňóôŕšťúýž"),
    "Slovene": ("Slovene", "čšž"),
    "Croatian": ("Croatian", "čćđšž"),
    "Hungarian": ("Hungarian", "áéíóöőúüű"),
    "Romanian": ("Romanian", "ăâîșțşţ"),
    "Turkish": ("Turkish", "çğıöşüâîû"),
    "Lithuanian": ("Lithuanian", "ąčęėįšųūž"),
    "Latvian": ("Lithuanian", "āčēģīķļņšūž"),
    "Vietnamese": ("Vietnamese", "đ"),
}
"""Languages in Latin letters: the one whose order of letters they have, and the letters beyond ASCII."""
_TONES = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
_TONED = "aăâeêioôơuưy"

_RUSSIAN = "абвгдежзийклмнопрстуфхцчшщъыьэюяё"
_OTHERS: Mapping[str, tuple[str, str]] = {
    "Russian": ("Russian", _RUSSIAN),
    "Ukrainian": ("Ukrainian", "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя"),
    "Belarusian": ("Russian", "абвгдежзійклмнопрстуўфхцчшыьэюяё"),
    "Bulgarian": ("Bulgarian", "абвгдежзийклмнопрстуфхцчшщъьюя"),
    "Serbian": ("Serbian", "абвгдђежзијклљмнњопрстћуфхцчџш"),
    "Greek": ("Greek", "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ"),
    "Hebrew": ("Hebrew", "".join(map(chr, range(0x5B0, 0x5BD))) + "".join(map(chr, range(0x5D0, 0x5EB)))),
    "Arabic": ("Arabic", "".join(map(chr, (*range(0x621, 0x63B), *range(0x641, 0x653))))),
    "Farsi": ("Farsi", "".join(map(chr, (*range(0x621, 0x63B), *range(0x641, 0x653)))) + "پچژگکی"),
    "Thai": ("Thai", "".join(map(chr, (*range(0xE01, 0xE3B), *range(0xE40, 0xE4F))))),
}
"""Languages in other letters: the one whose order of letters they have, and all of their letters."""

Likelihoods = Mapping[str, float]

SMALL_LANGUAGES = frozenset(name for name, (order, _) in _LATIN.items() if name != order)
"""Those of which no order of letters is known."""


@cache
def latin_alphabets() -> Mapping[str, Likelihoods]:
    """Return the likelihood of small letters in each language that is written in Latin ones."""
    return {name: _latin(name, order, letters) for name, (order, letters) in _LATIN.items()}


@cache
def other_alphabets() -> Mapping[str, Likelihoods]:
    """Return the likelihood of letters, and of East Asian signs, in each language that is written otherwise."""
    alphabets = {name: _alphabet(order, letters) for name, (order, letters) in _OTHERS.items()}
    return alphabets | {
        "Chinese": _signs(("gb2312", 0xB0, 0xD7, 0xF7), "Chinese"),
        "Traditional Chinese": _signs(("big5", 0xA4, 0xC6, 0xF9), "Chinese"),
        "Japanese": _japanese(),
        "Korean": dict.fromkeys(map(chr, range(0x3131, 0x3164)), _RARE)
        | _signs(("euc_kr", 0xB0, 0xC8, 0xFD), "Korean"),
    }


def _latin(name: str, order: str, letters: str) -> Likelihoods:
    if name == "Vietnamese":
        letters += "".join(normalize("NFC", base + tone) for base, tone in product(_TONED, _TONES))
    likely = dict.fromkeys(_BORROWED if name == _HAS_BORROWED else "", _BORROWED_LETTER) | dict.fromkeys(
        _ASCII, _UNUSUAL
    )
    if name != order:
        return likely | _alphabet(order, "") | dict.fromkeys(letters, _NO_PLACE)
    return likely | _alphabet(order, letters)


def _alphabet(order: str, letters: str) -> dict[str, float]:
    """Return the frequent letters by their order, so far as they are of the alphabet or of ASCII, then the others."""
    known = [letter for letter in _frequent(order) if letter in letters or letter in _ASCII]
    if letters and letters[0] >= "\u0250":
        known = [letter for letter in known if letter in letters]
    likely = {letter: _FIRST + _STEP * place for place, letter in enumerate(known)}
    return dict.fromkeys(letters, _RARE) | likely


def _japanese() -> Likelihoods:
    hiragana, katakana = _frequent("Japanese——"), _frequent("Japanese—")
    narrow = dict.fromkeys(map(chr, range(0xFF66, 0xFFA0)), -5.5)
    kana = {sign: -2.8 - 0.05 * place for place, sign in enumerate(hiragana)}
    kana |= {sign: -3.8 - 0.04 * place for place, sign in enumerate(katakana)}
    return _signs(("euc_jp", 0xB0, 0xCF, 0xF4), "Japanese") | narrow | kana | dict.fromkeys("々〆ー", -6.0)


def _signs(standard: tuple[str, int, int, int], order: str) -> dict[str, float]:
    """Return signs of a standard of two bytes each, of whose first bytes those up to the second are of usual ones."""
    encoding, first, usual_to, last = standard
    usual = _rows(encoding, range(first, usual_to + 1))
    rare = _rows(encoding, range(usual_to + 1, last + 1))
    frequent = [sign for sign in _frequent(order) if sign in usual]
    return {
        **dict.fromkeys(rare, log(0.02 / len(rare))),
        **dict.fromkeys(usual, log(0.5 * _UNEVEN / len(usual))),
        **dict.fromkeys(frequent, log(0.4 / len(frequent))),
    }


def _rows(encoding: str, rows: Iterable[int]) -> set[str]:
    signs = (bytes(pair).decode(encoding, errors="ignore") for pair in product(rows, range(0x40, 0xFF)))
    return {sign for sign in signs if len(sign) == 1 and sign.isalpha()}


def _frequent(order: str) -> list[str]:
    from charset_normalizer.constant import FREQUENCIES

    return FREQUENCIES[order]
