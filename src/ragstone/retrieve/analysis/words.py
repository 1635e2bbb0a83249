"""From text to words: what stands together, and into which pieces it comes apart. Nothing here knows a language."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, pairwise

LONGEST_TERM = 128
_MOST_PIECES = 8

# Scripts that write no space between words (and Hangul, whose words carry their particles): they give overlapping
# pairs. Thai, Lao, Burmese and Khmer are alphabets: their pairs are of clusters, a letter with the signs around it.
_HAN_KANA_HANGUL = (
    "\u3005-\u3007\u3040-\u30ff\u3100-\u312f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_CLUSTERED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f"
FIRST_UNSPACED = "\u0e00"
_RUN = re.compile(rf"[{_CLUSTERED}]+|[{_HAN_KANA_HANGUL}]+|[^{_CLUSTERED}{_HAN_KANA_HANGUL}]+")
_IS_CLUSTERED = re.compile(f"[{_CLUSTERED}]")
_IS_UNSPACED = re.compile(f"[{_CLUSTERED}{_HAN_KANA_HANGUL}]")
_CLUSTER = re.compile(
    r"[\u0e40-\u0e44\u0ec0-\u0ec4]?.(?:[\u1039\u17d2].|[\u0e30-\u0e3a\u0e47-\u0e4e\u0eb0-\u0ebc\u0ec8-\u0ece"
    r"\u102b-\u103e\u1056-\u1059\u17b4-\u17d3\u17dd])*"
)

# ``\w`` knows no combining marks: without them every Hindi or Tamil word would fall to pieces.
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0711"
    "\u0730-\u074a\u07a6-\u07b0\u0816-\u082d\u08ca-\u0963\u0966-\u0dff\u0e31-\u0e3a\u0e47-\u0e4e\u0eb1-\u0ebc"
    "\u0ec8-\u0ece\u0f71-\u0f84\u0f8d-\u0fbc\u102b-\u103e\u1056-\u1059\u135d-\u135f\u17b4-\u17d3\u17dd\u3099\u309a"
)
_WORDS = re.compile(
    rf"""
    (?: (?<![\w.\#@$-]) (?: --? | [.\#@$] ) (?= [^\W\d_] | (?<=\#)\d ) )?           # --no-deps, .NET, @app, #42, $HOME
    [\w{_MARKS}]+
    (?: (?: [-./:@'&·] | :: | (?<=\d),(?=\d\d\d(?!\d)) ) [\w{_MARKS}]+ )*           # joined by one sign; 1,234,567
    (?: \+\+ | (?<=\b[A-Za-z])\#(?!\w) )?                                           # C++, C#
    """,
    re.VERBOSE,
)

# What stands for something else, once NFKC has been applied. Soft hyphens, joiners and marks of direction go; so do
# the vowel signs of Arabic and Hebrew, which most writers leave out.
_ODD = re.compile(
    "[\u00ad\u2010\u2018\u2019\u02bb\u02bc\u05f3\u05f4\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u061c\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u200b-\u200f\u202a-\u202e"
    "\u2060-\u2064\ufe00-\ufe0f\ufeff]"
)
_INSTEAD = {"\u2010": "-"} | dict.fromkeys("\u2018\u2019\u02bb\u02bc\u05f3\u05f4", "'")
# Putting marks in order takes the square of their number, and a run of signs that are no letters means nothing.
_RUN_OF_SIGNS = re.compile(r"([^\w\s!-~]{8})[^\w\s!-~]+")

_AFFIX = re.compile(r"^(?:--?|[.#@$])|(?:\+\+|#)$")
_JOINTS = (re.compile(r"(::|[/:@])"), re.compile(r"(\.)"), re.compile(r"([-_&·])"))
_DOTS, _HYPHENS = 1, 2
_CLITIC = re.compile(
    r"^(?:[ldjmtsnc]|qu|jusqu|lorsqu|puisqu|quelqu|un|all|dell|nell|sull|dall|quest|quell|gl)'(?=.)"
    r"|'(?:s|d|ll|m|re|ve)$",
    re.IGNORECASE,
)
_LEAF = re.compile(rf"[^\W\d_](?:[^\W\d_]|[{_MARKS}])*|\d+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
_NUMBER_COMMA = re.compile(r"(?<=\d),(?=\d)")


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it stands. ``parts``: its pieces, in order; ``wholes``: what pieces make together, widest last.

    ``asyncpg.Pool`` has the parts ``asyncpg`` and ``Pool``, and is its own whole. A plain word is its one part. A run
    of Chinese has its pairs of characters for parts, and no whole (``unspaced``).
    """

    parts: tuple[str, ...]
    wholes: tuple[str, ...] = ()
    unspaced: bool = False


def words(text: str) -> Iterator[Word]:
    """Yield the words of ``text``, in order."""
    return chain.from_iterable(map(apart, tokens(text)))


def tokens(text: str) -> list[str]:
    """Return what stands together in ``text``, normalised but for case, in order."""
    return _WORDS.findall(normalised(text))


def normalised(text: str) -> str:
    """Return ``text`` in Unicode's NFKC form, without what writers may leave out. Takes time linear in its length."""
    if text.isascii():
        return text
    text = _RUN_OF_SIGNS.sub(r"\1", text.replace("™", " "))
    return _ODD.sub(lambda odd: _INSTEAD.get(odd.group(), ""), unicodedata.normalize("NFKC", text))


def apart(token: str) -> tuple[Word, ...]:
    """Return the words of a token: one, or several where scripts meet that write no spaces."""
    if token < FIRST_UNSPACED and not _IS_UNSPACED.search(token):
        return (_word(token),)
    runs = _RUN.findall(token)
    return tuple(Word(_pairs(run), unspaced=True) if _IS_UNSPACED.match(run) else _word(run) for run in runs)


def _pairs(run: str) -> tuple[str, ...]:
    units = _CLUSTER.findall(run) if _IS_CLUSTERED.match(run) else run
    return tuple(a + b for a, b in pairwise(units)) or (run,)


def _word(token: str) -> Word:
    if token.isalpha() and (token.islower() or token.istitle()):  # most words
        return Word((token[:LONGEST_TERM],))
    parts: list[str] = []
    wholes: list[str] = []
    body = _AFFIX.sub("", token)
    _take_apart(_NUMBER_COMMA.sub("", body), 0, parts, wholes)
    if body != token:
        wholes.append(token)
    kept = (whole for whole in wholes if len(whole) <= LONGEST_TERM)
    return Word(tuple(part[:LONGEST_TERM] for part in parts), tuple(dict.fromkeys(kept)))


def _take_apart(piece: str, level: int, parts: list[str], wholes: list[str]) -> str:
    """Add the pieces of a compound to ``parts`` and what they make to ``wholes``; return the whole as a term.

    Hyphens and underscores vanish from a whole, so that ``X-Api-Key``, ``x_api_key`` and ``XApiKey`` are one word,
    and so are ``e-mail`` and ``email``; between digits they stay (``2024-05-06``).
    """
    if level == len(_JOINTS):
        return _leaf(piece, parts, wholes)
    pieces = _JOINTS[level].split(piece)
    if len(pieces) == 1:
        return _take_apart(piece, level + 1, parts, wholes)
    names = [_take_apart(name, level + 1, parts, wholes) if name else "" for name in pieces[::2]]
    joints = pieces[1::2]
    if level == _HYPHENS:
        joints = [_between(*sides) for sides in zip(names, names[1:], joints, strict=False)]
    if level == _DOTS and 2 < len(names) <= _MOST_PIECES:
        wholes.extend(".".join(pair) for pair in pairwise(names))
    whole = names[0] + "".join(joint + name for joint, name in zip(joints, names[1:], strict=True))
    if sum(map(bool, names)) > 1:
        wholes.append(whole)
    return whole


def _between(left: str, right: str, joint: str) -> str:
    """Return what joins two pieces of a hyphened whole."""
    return joint if joint == "&" or (left[-1:].isdigit() and right[:1].isdigit()) else ""


def _leaf(piece: str, parts: list[str], wholes: list[str]) -> str:
    """Take ``piece`` apart where letters and digits meet and at the humps of camelCase; return it whole."""
    piece = _CLITIC.sub("", piece).replace("'", "")
    pieces = [hump for leaf in _LEAF.findall(piece) for hump in _CAMEL.split(leaf)]
    if len(pieces) > _MOST_PIECES:  # a hash or a key: its pieces mean nothing
        pieces = [piece]
    parts.extend(pieces)
    if len(pieces) > 1:
        wholes.append(piece)
    return piece
