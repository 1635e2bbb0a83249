"""Which encoding bytes are in that are no Unicode: the one in which they read most like some language."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import filterfalse
from unicodedata import category, normalize

from ragstone.adapters.parsers.kreuzberg.alphabets import (
    FOREIGN,
    SMALL_LANGUAGES,
    Likelihoods,
    latin_alphabets,
    other_alphabets,
)

_USUAL = "cp1252"
_PRIORS: Mapping[str, float] = {
    _USUAL: 0.0,
    **dict.fromkeys(("cp1250", "cp1251"), -2.0),
    **dict.fromkeys(("cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874"), -2.5),
    **dict.fromkeys(
        ("iso8859_2", "koi8_r", "koi8_u", "iso8859_7", "cp932", "euc_jp", "gb18030", "big5", "cp949"), -3.0
    ),
    **dict.fromkeys(("iso8859_15", "cp866"), -4.0),
    **dict.fromkeys(("shift_jis_2004", "euc_jis_2004", "big5hkscs"), -6.0),
    **dict.fromkeys(("iso8859_5", "iso8859_6", "cp850", "mac_roman", "cp437", "cp852", "mac_cyrillic"), -5.0),
}
"""Encodings, and how much less likely each is than the most common, before anything is read in it."""
_SAMPLE = 8 * 1024
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_LINE = re.compile(rb"[^\n]*[\x80-\xff][^\n]*\n?")
_WORD = re.compile(rb"[A-Za-z\x80-\xff]+")
_PLAIN_LETTERS = re.compile(rb"[A-Za-z]+")
_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u0652\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
_NO_LETTERS = "\u00aa\u00b2\u00b3\u00b5\u00b9\u00ba\u00bc-\u00be\u2070-\u218f\u2460-\u24ff\u3192-\u33ff"
"""What regular expressions take for letters: fractions, small raised and circled ones, signs of measures."""
_TOKEN = re.compile(rf"(?:[^\W\d_{_NO_LETTERS}][{_MARKS}]*)+|[^\x00-\x7f]")
_LETTER = re.compile(rf"[^\W\d_{_NO_LETTERS}]")
_THRICE = re.compile(r"(.)(?=\1\1)")
_COMPANION = "English"
_ENOUGH = 100
"""Letters of ASCII that say of a text's language what they can."""
_AROUND = 0.5
"""How much of that those say which are in other words than the letters beyond ASCII."""
_SMALL = -4.0
"""Of a language of which charset-normalizer knows no order of letters, for it has few texts."""
_COMMON_SIGNS = frozenset("“”‘’„‚–—…•·€£§©®™°±²³¼½¾×«»‹›¿¡ªº†µ№\u00a0\u00ad")
_AROUND_LETTERS = "“”‘’„‚–—…•·«»‹›¿¡\u00a0\u00ad"
_BEFORE_LETTERS = frozenset(_AROUND_LETTERS + "µ°©†")
_AFTER_LETTERS = frozenset(_AROUND_LETTERS + "®™†ªº")
_NONE = frozenset({"Cc", "Cn", "Co", "Cs", "Mn"})
"""Categories of what stands in no text, or not without a letter before it."""
# Natural logarithms of how likely signs are, and what else makes a reading unlikely; only how they compare counts.
_SAME_SIGN, _WIDE_SIGN, _COMMON_SIGN, _SIGN, _NO_SIGN = -1.0, -5.0, -6.5, -11.0, -16.0
_BESIDE_LETTER, _ODD_CASE, _TWO_SCRIPTS, _ALONE, _PARTED = -3.0, -6.0, -8.0, -2.0, -2.0
_OTHER_SCRIPT = -3.0
"""Of letters of another script in a text that has Latin ones."""
_UNREAD = 0.02
"""Share of characters that an encoding may have no meaning for."""


def likely_encoding(data: bytes) -> str:
    """Return the name of the encoding in which text that is neither ASCII nor Unicode reads best."""
    first = _BEYOND_ASCII.search(data)
    start = max(data.rfind(b"\n", 0, first.start()) + 1, first.start() - _SAMPLE // 2) if first is not None else 0
    sample = b"".join(_LINE.findall(data[start : start + 32 * _SAMPLE]))[:_SAMPLE]
    languages = _languages(sample)
    readings = {encoding: _read(sample, encoding) for encoding in _PRIORS}
    likely = {
        encoding: _PRIORS[encoding] + _likeness(text, languages)
        for encoding, text in readings.items()
        if text is not None
    }
    return max(likely, key=likely.__getitem__, default=_USUAL)


def _languages(sample: bytes) -> list[tuple[Likelihoods, float]]:
    """Return each language's alphabet, and how likely it is by the letters of a text that are ASCII."""
    words = _WORD.findall(sample)
    within = _plain([word for word in words if not word.isascii()])
    others = _plain([word for word in words if word.isascii()])
    latin = {
        name: (
            alphabet,
            _evidence(within, alphabet) + _AROUND * _evidence(others, alphabet) + _SMALL * (name in SMALL_LANGUAGES),
        )
        for name, alphabet in latin_alphabets().items()
    }
    companion = latin[_COMPANION][1] + (_OTHER_SCRIPT if within or others else 0.0)
    return [*latin.values(), *((alphabet, companion) for alphabet in other_alphabets().values())]


def _plain(words: Iterable[bytes]) -> Counter[str]:
    return Counter(
        letter for word in words for part in _PLAIN_LETTERS.findall(word) for letter in part.decode().lower()
    )


def _evidence(letters: Counter[str], alphabet: Likelihoods) -> float:
    return min(1.0, _ENOUGH / max(1, letters.total())) * _sum(letters, alphabet)


def _sum(letters: Mapping[str, int], alphabet: Likelihoods) -> float:
    return sum(number * alphabet.get(letter, FOREIGN) for letter, number in letters.items())


def _read(sample: bytes, encoding: str) -> str | None:
    """Return a sample in an encoding; ``None`` where too much of it means nothing."""
    text = sample.decode(encoding, errors="replace")
    if text.count("\ufffd") > 1 + _UNREAD * len(text):
        return None
    return normalize("NFC", text) if encoding == "cp1258" else text


def _likeness(text: str, languages: Iterable[tuple[Likelihoods, float]]) -> float:
    """Return how likely what is not ASCII in a text is, in the language in which it is likeliest."""
    words: Counter[str] = Counter()
    odd = 0.0
    for found in _TOKEN.finditer(text):
        token = found[0]
        if _is_word(token):
            words[token] += not token.isascii()
            odd += _PARTED * _is_parted_sign(text, found.start())
        else:
            odd += _sign(text, found.start())
    letters: Counter[str] = Counter()
    for word, number in words.items():
        odd += number * _oddness(word)
        for letter in filterfalse(str.isascii, word.replace("İ", "i").lower()):
            letters[letter] += number
    return odd + max(known + _sum(letters, alphabet) for alphabet, known in languages)


def _is_parted_sign(text: str, at: int) -> bool:
    """Whether a Chinese or Japanese sign follows another letter beyond ASCII after a space, as only in Korean."""
    return "\u3040" <= text[at] <= "\u9fff" and text[at - 1 : at] == " " and text[at - 2 : at - 1] > "\u3040"


def _is_word(token: str) -> bool:
    return len(token) > 1 or _LETTER.fullmatch(token) is not None


def _sign(text: str, at: int) -> float:
    """Return how likely a character that is no letter is where it stands."""
    sign = text[at]
    if sign == "\ufffd" or category(sign) in _NONE:
        return _NO_SIGN
    wide = "\u3000" <= sign <= "\u303f" or "\uff00" <= sign <= "\uffef"
    before, after = _is_letter(text[at - 1 : at]), _is_letter(text[at + 1 : at + 2])
    raised = sign in "²³" and text[at - 1] == "m"
    beside = (before and not raised and sign not in _AFTER_LETTERS) + (after and sign not in _BEFORE_LETTERS)
    drawn = "\u2500" <= sign <= "\u259f"
    if drawn and text[at - 1 : at] == sign:
        return _SAME_SIGN
    likely = _WIDE_SIGN if wide else _COMMON_SIGN if drawn or sign in _COMMON_SIGNS else _SIGN
    return likely + _BESIDE_LETTER * beside


def _is_letter(sign: str) -> bool:
    """Whether it is a letter of a word that no sign parts; those of East Asia stand beside any."""
    return sign.isalpha() and sign < "\u3000"


def _oddness(word: str) -> float:
    """Return how unlikely a word is by the case of its letters, by their scripts, and if there is but one."""
    odd = 0.0 if len(word) > 1 else _ALONE if word < "\u0250" else 2 * _ALONE
    if any(map(str.isupper, word[1:])) and any(letter.islower() and letter != "ß" for letter in word):
        odd += _ODD_CASE
    odd += _ODD_CASE * len(_THRICE.findall(word))
    scripts = {_script(letter) for letter in word} - {""}
    return odd + _TWO_SCRIPTS * (len(scripts) > 1)


def _script(letter: str) -> str:
    code = ord(letter)
    if code < 0x250 or 0x1E00 <= code < 0x1F00:
        return "latin"
    for end, name in ((0x370, ""), (0x400, "greek"), (0x530, "cyrillic"), (0x600, "hebrew"), (0x700, "arabic")):
        if code < end:
            return name
    return "thai" if 0xE00 <= code < 0xE80 else "east"
