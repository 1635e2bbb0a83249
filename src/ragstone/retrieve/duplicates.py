"""Which texts say the same: equal but for case, white space and punctuation, or nearly so.

A text repeats another if nearly all its shingles (runs of three words) stand in the other, and nothing that matters
stands in what is left: a number, a name or a negation that only one of them has keeps two texts apart, and so does
another word in the place of one, however long the rest that they share. So forms that were filled in differently, and
the figures of two years, are not the same.

All pairs count, exactly: a text with words that no other has is out before it is compared with any.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from functools import cached_property
from heapq import nsmallest
from itertools import chain
from typing import Final

_SHINGLE: Final = 3
_SPARE_PERCENT: Final = 10
"""Shingles of a text that the one it repeats may lack."""
_SHORTEST: Final = 12
"""A text of fewer words repeats another only word for word."""
_LONGEST_DIFFERENCE: Final = 24
"""More words than these between what two texts share are another passage of the longer one, not where they differ."""

_ALIKE: Final = 0.85
"""Share of letters that two spellings of a word have in common: catalogue and catalog 0.88, allows and allowed 0.77."""
_LOOKED_AT: Final = 4
"""Words, the rarest, by which a text is looked for."""

_APART: Final = bytes(byte if byte > 127 or chr(byte).isalnum() else ord(" ") for byte in range(256))
"""Of a text in UTF-8, what is no letter and no digit becomes a space; regular expressions are ten times as slow."""
_FOREIGN_SIGN: Final = re.compile(r"[^\w\x00-\x7f\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0dff]")
"""The same beyond ASCII, where marks above and below letters belong to the word."""
_LETTERS: Final = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
"""Scripts without spaces between words: each letter is taken for one."""
_FIGURE: Final = re.compile(
    r"[-+−<>≤≥≠±$€£¥]*\d+(?:[.,:/]\d+)*(?:[ ]?%)?|(?<=[\w)\]}])(?:[ ]?(?:!=|[=<>≤≥≠]=?)|(?:(?<=\w)(?:[+][+]|\#)))"
)
"""What the words alone do not tell: -5 from 5, 1.5 from 1 5, x < 5 from x > 5, C++ from C."""

_NEGATIONS: Final = frozenset(
    "not no never none neither nor nothing nobody cannot t without except unless "
    "nicht kein keine keinen keinem keiner keines nie niemals ohne weder außer "
    "ne n pas jamais sans aucun aucune sauf ni nunca sin jamás ningún ninguna ninguno salvo "
    "non mai senza nessuno nessuna tranne não nem sem nenhum nenhuma niet geen nooit zonder inte ingen aldrig ikke "
    "не нет ни никогда без кроме nie nigdy bez yok değil لا لم لن ليس غير नहीं मत "
    "不 没 沒 无 無 未 非 否 な ず ぬ ไ".casefold().split()
)
"""Of ``isn't`` and of ``n'est`` what stands alone; of Thai and Japanese the letter that begins it."""
_NEGATING: Final = re.compile("[않못없]")


def repeated(texts: Sequence[str]) -> dict[int, int]:
    """Return the place of each text that repeats an earlier one, with the place of the first that it repeats.

    That one repeats nothing itself. Pure, and CPU-bound: 100 texts of 200 words take some 5 ms,
    ten times that where all are nearly the same.
    """
    read = [_Text(text) for text in texts]
    found: dict[int, int] = {}
    kept = _Kept(read)
    for place, text in enumerate(read):
        first = next((other for other in kept.candidates(text) if text.repeats(read[other])), None)
        if first is None:
            kept.add(place)
        else:
            found[place] = first
    return found


class _Text:
    """The words of a text, without case."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._folded = text.casefold()
        self.words = _words(self._folded)
        self.different = frozenset(self.words)

    @cached_property
    def key(self) -> bytes:
        """What texts of the same words have in common."""
        return b" ".join(self.words)

    @cached_property
    def spare(self) -> int:
        """How many of its words another text may lack: each that it lacks costs a shingle at least."""
        return (len(self.words) - _SHINGLE + 1) * _SPARE_PERCENT // 100 if len(self.words) >= _SHORTEST else 0

    @cached_property
    def _written(self) -> list[bytes]:
        return self.words if self._text == self._folded else _words(self._text)

    @cached_property
    def needed(self) -> frozenset[bytes]:
        """Words that no text which it repeats may lack."""
        pairs = {pair for pair in zip(self.words, self._written, strict=False) if not pair[1].islower()}
        return frozenset(word for word, written in pairs if _matters(written))

    @cached_property
    def _figures(self) -> frozenset[str]:
        return frozenset(figure.replace(" ", "") for figure in _FIGURE.findall(self._text))

    @cached_property
    def _shingles(self) -> list[tuple[bytes, ...]]:
        return list(zip(*(self.words[shift:] for shift in range(_SHINGLE)), strict=False))

    @cached_property
    def _places(self) -> dict[tuple[bytes, ...], int]:
        """Where each of its shingles begins first."""
        return {shingle: place for place, shingle in reversed(list(enumerate(self._shingles)))}

    def repeats(self, other: "_Text") -> bool:
        """Whether ``other`` says all that it says."""
        if self._text == other._text:
            return True
        if self.words == other.words:
            return bool(self.words) and self._figures == other._figures
        spare = self.spare
        if len(self.different - other.different) > spare:
            return False
        if sum(shingle not in other._places for shingle in self._shingles) > spare:
            return False
        longer = len(other.words) > len(self.words) + spare
        if not (self._figures <= other._figures if longer else self._figures == other._figures):
            return False
        return all(
            _may_differ(self._written[start:end], other._written[there:until])
            for start, end, there, until in self._differences(other)
        )

    def _differences(self, other: "_Text") -> Iterator[tuple[int, int, int, int]]:
        """Yield where the two part: ``words[start:end]`` here, and there ``words[there:until]`` in their place."""
        end = there = 0  # up to where they are the same, here and there
        for place, shingle in enumerate(self._shingles):
            found = other._places.get(shingle)
            if found is None:
                continue
            # A shingle that stands there twice is meant where the two go on together.
            following = there - _SHINGLE + 1
            if following > 0 and other._shingles[following : following + 1] == [shingle]:
                found = following
            if not end:
                yield 0, place, max(0, found - place), found
            elif found != following or place != end - _SHINGLE + 1:
                near = found <= there + _LONGEST_DIFFERENCE
                yield end, place, there, found if near else there
            end, there = place + _SHINGLE, found + _SHINGLE
        rest = len(self.words) - end
        yield end, len(self.words), there, there + rest


class _Kept:
    """The texts that repeat none before them, by their words."""

    def __init__(self, texts: Sequence[_Text]) -> None:
        self._texts = texts
        self._kept: list[int] = []
        self._same: dict[bytes, list[int]] = {}
        self._of: dict[bytes, tuple[int, set[int]]] = {}
        self._counts = Counter(chain.from_iterable(text.different for text in texts))
        self._shared = frozenset(word for word, count in self._counts.items() if count > 1)

    def add(self, place: int) -> None:
        """Note that a text is kept."""
        self._kept.append(place)
        self._same.setdefault(self._texts[place].key, []).append(place)

    def candidates(self, text: _Text) -> Iterable[int]:
        """Return the places of texts that may say all that ``text`` says, those of the same words first."""
        if len(text.different - self._shared) > text.spare:
            return ()
        same = self._same.get(text.key, [])
        if not text.spare or text.needed - self._shared:
            return same
        return [*same, *sorted(self._near(text) - set(same))]

    def _near(self, text: _Text) -> set[int]:
        if text.needed:
            return set.intersection(*map(self._holding, nsmallest(_LOOKED_AT, text.needed, self._count)))
        # It may lack as many as it has to spare: of twice as many and some, a text that it repeats has the rest.
        words = nsmallest(2 * text.spare + _LOOKED_AT, text.different, self._count)
        held = Counter(chain.from_iterable(map(self._holding, words)))
        return {place for place, count in held.items() if count >= len(words) - text.spare}

    def _count(self, word: bytes) -> int:
        return self._counts[word]

    def _holding(self, word: bytes) -> set[int]:
        """Return the kept texts that have ``word``."""
        done, places = self._of.get(word, (0, set()))
        places.update(place for place in self._kept[done:] if word in self._texts[place].different)
        self._of[word] = len(self._kept), places
        return places


def _words(text: str) -> list[bytes]:
    """Return the words in UTF-8: letters and digits, and what lies between them left out."""
    if not text.isascii():
        text = _LETTERS.sub(_one_by_one, _FOREIGN_SIGN.sub(" ", text))
    return text.encode(errors="surrogatepass").translate(_APART).split()


def _one_by_one(letters: re.Match[str]) -> str:
    return f" {' '.join(letters[0])} "


def _may_differ(here: Sequence[bytes], there: Sequence[bytes]) -> bool:
    """Whether texts that have these words in the same place may say the same: more words on one side, or a misspelling.

    Another word says another thing: left is not right.
    """
    if any(map(_matters, (*here, *there))):
        return False
    if not here or not there:
        return True
    return len(here) == len(there) and all(map(_spelled_alike, here, there))


def _spelled_alike(one: bytes, other: bytes) -> bool:
    """Whether it is one word in two spellings: possible and impossible, which begin otherwise, are not."""
    return one == other or (one[:1] == other[:1] and SequenceMatcher(None, one, other).ratio() >= _ALIKE)


def _matters(word: bytes) -> bool:
    """Whether a word, as it is written, can make two texts say different things: a number, a name, a negation."""
    written = word.decode(errors="surrogatepass")
    return (
        written[0].isupper()
        or written.casefold() in _NEGATIONS
        or any(map(str.isnumeric, written))
        or _NEGATING.search(written) is not None
    )
