"""Lines that are drawn on a page, as text that goes on."""

import re
from collections.abc import Iterable

from ragstone.adapters.parsers.kreuzberg.decoding import clean

HYPHEN = "\x02"
"""What PDFium puts for a hyphen at a line's end, and for the line's end: the text has U+FFFE where it is UTF-16."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_PARTED = re.compile(rf"(?<=[^\W\d_])[{HYPHEN}\ufffe](\s*)(?=(\w)?)")
_BEFORE_AND_AFTER = re.compile(rf"([^\W\d_]+){HYPHEN}\s*([^\W\d_]+)")
_COMPOUND = re.compile(r"[^\W\d_]+-[^\W\d_]+")
_BREAK = re.compile(r"(\S?)[ \t]*\n\s*(\S?)")
_HYPHENS = "-\u2010\u00ad"
_HARD = "\u2011"
"""A hyphen that stays when its lines are joined."""
_NO_WORD = re.compile(r"[\W_]+")


def joined_lines(text: str) -> str:
    """Join the lines of a paragraph: a word parted by a hyphen becomes whole, and Chinese gets no spaces."""
    return _BREAK.sub(_join, text)


def printable(text: str) -> str:
    """Put a space for control characters: glyphs of fonts that do not say which character they are.

    PDFium's mark of a hyphen at a line's end becomes that hyphen, and the line ends there.
    """
    text = clean(text)
    if HYPHEN in text or "\ufffe" in text:
        text = _PARTED.sub(lambda found: "-\n" if found[2] else f"-{found[1]}", text)
    return _CONTROLS.sub(" ", text).strip()


def compounds_of(texts: Iterable[str]) -> frozenset[str]:
    """Return the words with a hyphen within that stand within a line, if any text has words parted at a line's end."""
    texts = list(texts)
    if not any(HYPHEN in text for text in texts):
        return frozenset()
    return frozenset(word.lower() for text in texts for word in _COMPOUND.findall(text))


def with_hard_hyphens(text: str, compounds: frozenset[str]) -> str:
    """Return a text in which hyphens stay that part one of these words at a line's end: PDFium marks all alike."""
    if not compounds or HYPHEN not in text:
        return text
    return _BEFORE_AND_AFTER.sub(
        lambda found: f"{found[1]}{_HARD}\n{found[2]}" if f"{found[1]}-{found[2]}".lower() in compounds else found[0],
        text,
    )


def line_key(text: str) -> str:
    """Return what a line is told by, whichever way its spaces, quotes and hyphens are written."""
    return _NO_WORD.sub("", text) or "".join(text.split())


def goes_on(before: str, after: str) -> bool:
    """Whether a word that the first text ends with, parted by a hyphen, ends in the second."""
    return before[-1:] in _HYPHENS and before[-2:-1].isalpha() and after[:1].islower()


def _join(found: re.Match[str]) -> str:
    before, after = found[1], found[2]
    if before == _HARD:
        return "-" + after
    if before and before in _HYPHENS and found.string[max(0, found.start() - 1) : found.start()].isalnum():
        return after if after.islower() else ("" if before == "\u00ad" and after.isalpha() else before) + after
    if _unspaced(before) and _unspaced(after):
        return before + after
    return f"{before} {after}"


def _unspaced(character: str) -> bool:
    return bool(character) and ("\u2e80" <= character <= "\u9fff" or "\uf900" <= character <= "\uffef")
