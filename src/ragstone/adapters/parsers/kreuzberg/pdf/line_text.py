"""Lines that are drawn on a page, as text that goes on."""

import re

from ragstone.adapters.parsers.kreuzberg.decoding import clean

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_BREAK = re.compile(r"(\S?)[ \t]*\n\s*(\S?)")


def joined_lines(text: str) -> str:
    """Join the lines of a paragraph: a word parted by a hyphen becomes whole, and Chinese gets no spaces."""
    return _BREAK.sub(_join, text)


def printable(text: str) -> str:
    """Put a space for control characters: glyphs of fonts that do not say which character they are."""
    return _CONTROLS.sub(" ", clean(text)).strip()


def _join(found: re.Match[str]) -> str:
    before, after = found[1], found[2]
    if before == "-" and found.string[max(0, found.start() - 1) : found.start()].isalnum():
        return after if after.islower() else before + after
    if _unspaced(before) and _unspaced(after):
        return before + after
    return f"{before} {after}"


def _unspaced(character: str) -> bool:
    return bool(character) and ("\u2e80" <= character <= "\u9fff" or "\uf900" <= character <= "\uffef")
