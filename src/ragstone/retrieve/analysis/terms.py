"""The terms of a text: each word's parts, stemmed, and the wholes that parts make."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain

from ragstone.retrieve.analysis.stems import fold, stem, stems
from ragstone.retrieve.analysis.words import FIRST_UNSPACED, LONGEST_TERM, Word, apart, tokens

_LONGEST_CACHED = 48
_MOST_CACHED = 65_536
_MOST_LANGUAGES_CACHED = 4
_AROUND = '()[]",;!?'
_BEHIND = ".:"


def terms(text: str, language: str = "en") -> list[str]:
    """Return the terms of ``text``, in order, with repetitions; ``language`` "" means no stemming.

    No term is longer than 128 characters or holds whitespace, a control character or a backslash.
    """
    return list(_each_term(text, language))


def count_terms(text: str, language: str = "en") -> Counter[str]:
    """Return how often each term stands in ``text``."""
    return Counter(_each_term(text, language))


def _each_term(text: str, language: str) -> Iterator[str]:
    # No token holds white space, nor looks beyond it: most pieces between spaces were taken apart before, and to look
    # them up is all there is to do. More of them were where no sign that parts sentences is behind the last letter.
    pieces = text.replace(", ", " ").replace(". ", " ").split()
    return chain.from_iterable(map(_pieces(language).__getitem__, pieces))


def terms_of_pieces(pieces: Sequence[str], language: str) -> list[tuple[str, ...]]:
    """Return for each of ``pieces``, of which none holds a space of ASCII, its terms, as ``terms`` does.

    Many at once: words that are new share a stemmer.
    """
    known = _pieces(language)
    found = list(map(known.get, pieces))
    new = [piece for piece, terms_found in zip(pieces, found, strict=True) if terms_found is None]
    plain = {piece: core for piece in new if (core := _plain(piece))}
    known.keep({piece: (term,) for piece, term in zip(plain, stems(list(plain.values()), language), strict=True)})
    return [
        terms_found or (known[piece] if piece.isascii() else tuple(_each_term(piece, language)))
        for piece, terms_found in zip(pieces, found, strict=True)
    ]


class _Pieces(dict[str, tuple[str, ...]]):
    """The terms of what stands between spaces, in one language; of those that were not asked of late it lets go.

    What stays out: long pieces, so that it is bounded in bytes too, and runs of Chinese or Thai, of which few come
    again.
    """

    def __init__(self, language: str) -> None:
        super().__init__()
        self._language = language
        self._before: dict[str, tuple[str, ...]] = {}
        """Those that it held when it was full the last time. What is asked of them again stays."""

    def __missing__(self, piece: str) -> tuple[str, ...]:
        found = self._before.get(piece)
        if found is None:
            found = _piece_terms(piece, self._language)
        self.keep({piece: found})
        return found

    def keep(self, found: Mapping[str, tuple[str, ...]]) -> None:
        """Hold pieces and their terms."""
        if len(self) >= _MOST_CACHED:
            self._before = dict(self)
            self.clear()
        for piece, terms_found in found.items():
            if piece < FIRST_UNSPACED and len(piece) <= _LONGEST_CACHED:
                self[piece] = terms_found


_pieces = lru_cache(maxsize=_MOST_LANGUAGES_CACHED)(_Pieces)


def _piece_terms(piece: str, language: str) -> tuple[str, ...]:
    if core := _plain(piece):
        return (stem(core, language),)
    return tuple(
        term
        for token in tokens(piece)
        for word in apart(token)
        for term in (*part_terms(word, language), *whole_terms(word, language))
        if term
    )


def _plain(piece: str) -> str:
    """Return the one word that ``piece`` is, as most are, or ``""``."""
    core = piece if piece.isalpha() else piece.strip(_AROUND).rstrip(_BEHIND)
    plain = core.isascii() and core.isalpha() and (core.islower() or core.istitle())
    return core[:LONGEST_TERM] if plain else ""


def part_terms(word: Word, language: str) -> list[str]:
    """Return the terms of a word's parts, in order."""
    return list(word.parts) if word.unspaced else [stem(part, language) for part in word.parts]


def whole_terms(word: Word, language: str) -> list[str]:
    """Return the terms of a word's wholes; ``e-mails`` gives that of ``emails``."""
    return [stem(whole, language) if whole.isalpha() else fold(whole, language) for whole in word.wholes]
