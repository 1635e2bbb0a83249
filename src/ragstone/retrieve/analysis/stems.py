"""From words to terms: case, accents and endings, as each language has them."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import Stemmer

from ragstone.retrieve.analysis.function_words import FUNCTION_WORDS

# Snowball's name for a language, by ISO 639-1 code.
_SNOWBALL = {
    "ar": "arabic",
    "bs": "serbian",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "eo": "esperanto",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fa": "persian",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hr": "serbian",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "nb": "norwegian",
    "ne": "nepali",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "st": "sesotho",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}
# In these languages, and where none is known, marks are left out as often as written, and a word without its marks is
# rarely another word. Elsewhere a letter with a mark is another letter: Swedish "för", Turkish "ı", all of Vietnamese.
_MARKS_FALL = frozenset(" ca cs de el en es eu fr ga gl hr it nl pl pt ro sk sl".split(" "))
_ACCENTS = re.compile("[\u0300-\u0302\u0304\u0306-\u0308\u030c\u0327\u0328]|(?<!n)\u0303")  # Spanish ñ stays
_FIRST_CYRILLIC = "\u0400"
_NO_DECOMPOSITION = str.maketrans({"ł": "l", "đ": "d", "ё": "е"})
_TURKISH_CAPITALS = str.maketrans({"I": "ı", "İ": "i"})
_NOTHING: frozenset[str] = frozenset()


def fold(word: str, language: str) -> str:
    """Return ``word`` without its capitals."""
    if word.isascii() and language != "tr":
        return word.lower()
    if language == "tr":
        word = word.translate(_TURKISH_CAPITALS)
    return word.casefold().replace("i\u0307", "i")


@lru_cache(maxsize=32_768)
def stem(word: str, language: str) -> str:
    """Return the term of ``word``, letters or digits only, in a text of ``language`` ("": none known, no stemming).

    Function words stay as they are, so that "does" is never a "doe".
    """
    # A stemmer of its own: threads may not share one, and the words that come this far are few.
    return stems((word,), language)[0]


def stems(words: Sequence[str], language: str) -> list[str]:
    """Return the term of each of ``words``, as ``stem`` does, and keep none: what is guessed seldom comes again."""
    folded = [fold(word, language) for word in words]
    algorithm = _SNOWBALL.get(language)
    stemmed = Stemmer.Stemmer(algorithm, 0).stemWords(folded) if algorithm else folded
    function_words = FUNCTION_WORDS.get(language, _NOTHING)
    return [
        whole
        if whole in function_words or whole.isdigit()
        else (found if found.isascii() else _without_accents(found, language))
        for whole, found in zip(folded, stemmed, strict=True)
    ]


def _without_accents(word: str, language: str) -> str:
    word = word.translate(_NO_DECOMPOSITION)
    return word if language not in _MARKS_FALL or word >= _FIRST_CYRILLIC else unmarked(word)


def unmarked(word: str) -> str:
    """Return ``word`` without the accents that fall where marks do; ñ keeps its own."""
    return (
        word if word.isascii() else unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", word)))
    )
