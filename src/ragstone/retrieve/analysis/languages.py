"""In which language a text is: by its script, and within a script by its function words.

A trained identifier (py3langid, 140 languages) is surer of three words, but takes a second and 78 MB to load. Here
little hangs on three words: a question's words are also tried by the languages of the documents.
"""

import re
from collections import Counter, defaultdict

from ragstone.retrieve.analysis.function_words import FUNCTION_WORDS

_SLICE = 800  # characters; of a long text its beginning, middle and end are read
_FEWEST_VOTES = 1.0
_FEWEST_IN_ASCII = 2  # distinct function words: one alone is likely a name in some code
_VOTES_PER_WORD = 0.03  # of distinct words
_MOST_TIMES = 2  # that a word counts: "Los Angeles" ten times is not Spanish
_LEAD = 1.2
_KANA_IN_JAPANESE = 0.08
_LETTER_VOTE = 0.5

_WORD = re.compile(r"(?:[^\W\d_]|[\u0900-\u0963\u0b80-\u0bff])+(?:['’][^\W\d_]+)?")
_ASCII_LETTERS = str.maketrans(
    {sign: sign.lower() if sign.isalpha() or sign == "'" else " " for sign in map(chr, range(128))}
)
# Scripts that tell the language, and about how many letters of an alphabet one of their signs is worth.
_HAN, _KANA = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff", "\u3040-\u30ff"
_SCRIPTS = {
    language: (re.compile(f"[{signs}]"), worth)
    for language, signs, worth in (
        ("zh", _HAN + _KANA, 4),
        ("ko", "\u1100-\u11ff\uac00-\ud7a3", 3),
        ("th", "\u0e00-\u0e7f", 1),
        ("lo", "\u0e80-\u0eff", 1),
        ("my", "\u1000-\u109f", 1),
        ("km", "\u1780-\u17ff", 1),
        ("ka", "\u10a0-\u10ff", 1),
        ("am", "\u1200-\u137f", 1),
        ("bn", "\u0980-\u09ff", 1),
        ("pa", "\u0a00-\u0a7f", 1),
        ("gu", "\u0a80-\u0aff", 1),
        ("or", "\u0b00-\u0b7f", 1),
        ("te", "\u0c00-\u0c7f", 1),
        ("kn", "\u0c80-\u0cff", 1),
        ("ml", "\u0d00-\u0d7f", 1),
        ("si", "\u0d80-\u0dff", 1),
        ("hy", "\u0530-\u058f", 1),
        ("ta", "\u0b80-\u0bff", 1),
    )
}
_ANY_SCRIPT = re.compile("[" + "".join(script.pattern[1:-1] for script, _ in _SCRIPTS.values()) + "]")
_IS_KANA = re.compile(f"[{_KANA}]")
# Letters that few languages write: they part neighbours where a question has no function word of one alone.
_LETTERS = (
    "ß:de ñ:es,gl ã:pt ğ:tr ı:tr ş:tr ő:hu ű:hu ł:pl ż:pl ś:pl ě:cs ř:cs ů:cs ľ:sk ŕ:sk ț:ro ș:ro ă:ro,vi å:sv,da,no"
    " ø:da,no æ:da,no,is ä:de,sv,fi,et ö:de,sv,fi,tr,hu,et ü:de,tr,hu,et õ:et,pt ė:lt į:lt ų:lt ā:lv ķ:lv ļ:lv ņ:lv"
    " ç:fr,pt,ca,tr,sq ê:fr,pt,vi œ:fr ù:fr,it ò:it,ca ð:is þ:is đ:vi,hr ć:hr,pl ơ:vi ư:vi ậ:vi ệ:vi ŝ:eo ĝ:eo ŭ:eo"
    " і:uk,be ї:uk є:uk ґ:uk ў:be ы:ru,be э:ru,be ё:ru,be ъ:bg,ru ђ:sr ћ:sr љ:sr,mk њ:sr,mk ѓ:mk ќ:mk"
    " پ:fa,ur چ:fa,ur گ:fa,ur ژ:fa ٹ:ur ڈ:ur ڑ:ur ں:ur ے:ur ة:ar ى:ar ळ:mr ײ:yi װ:yi"
)


def _votes() -> dict[str, tuple[tuple[str, ...], float]]:
    """Return, by function word, the languages that have it and what it says for each: the fewer, the more."""
    spoken: defaultdict[str, list[str]] = defaultdict(list)
    for language, words in FUNCTION_WORDS.items():
        for word in words:
            spoken[word].append(language)
    return {word: (tuple(languages), 1 / len(languages)) for word, languages in spoken.items()}


_VOTES = _votes()
_VOTERS = frozenset(_VOTES)
_LETTER_VOTES = {
    letter: tuple(languages.split(",")) for letter, languages in (hint.split(":") for hint in _LETTERS.split())
}


def detect(text: str) -> str:
    """Return the language of ``text`` (ISO 639-1), or "" where it cannot be told: too short, code, numbers."""
    sample = _sample(text)
    return _by_script(sample) or _by_words(sample)


def _sample(text: str) -> str:
    if len(text) <= 3 * _SLICE:
        return text
    middle = (len(text) - _SLICE) // 2
    return " ".join((text[:_SLICE], text[middle : middle + _SLICE], text[-_SLICE:]))


def _by_script(sample: str) -> str:
    if not _ANY_SCRIPT.search(sample):
        return ""
    letters = sum(map(str.isalpha, sample))
    for language, (script, worth) in _SCRIPTS.items():
        count = len(script.findall(sample))
        if count * worth > letters - count:
            kana = len(_IS_KANA.findall(sample))
            return "ja" if language == "zh" and kana >= _KANA_IN_JAPANESE * count else language
    return ""


def _words(sample: str) -> list[str]:
    """Return the words of a text in small letters."""
    if not sample.isascii():
        return _WORD.findall(sample)
    # What ``_WORD`` finds, in a quarter of the time.
    words = sample.translate(_ASCII_LETTERS).split()
    if "'" in sample:
        return [word for each in words for word in (_WORD.findall(each) if "'" in each else (each,))]
    return words


def _by_words(sample: str) -> str:
    sample = sample.casefold()
    words = Counter(_words(sample))
    known = _VOTERS.intersection(words)
    hints = [] if sample.isascii() else [letter for letter in _LETTER_VOTES if letter in sample]
    if sample.isascii() and len(known) < _FEWEST_IN_ASCII:
        return ""
    votes: defaultdict[str, float] = defaultdict(float)
    for word in known:
        languages, vote = _VOTES[word]
        for language in languages:
            votes[language] += vote * min(words[word], _MOST_TIMES)
    for letter in hints:
        times = min(sample.count(letter), words.total() / 8 + 1)
        for language in _LETTER_VOTES[letter]:
            votes[language] += _LETTER_VOTE * times / len(_LETTER_VOTES[letter])
    ranked = sorted(((count, language) for language, count in votes.items()), reverse=True)
    (most, first), (second, _) = [*ranked, (0.0, ""), (0.0, "")][:2]
    sure = most >= max(_FEWEST_VOTES, _VOTES_PER_WORD * len(words)) and most >= _LEAD * second
    return first if sure else ""
