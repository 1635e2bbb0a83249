"""Characters of private use that stand, while kreuzberg reads a file, for those that it drops or takes for marks."""

import re

BREAK = "\U0010ff05"
"""Stands for a line break within a paragraph."""
_STANDS_FOR = {
    "\U0010ff00": "&",
    "\U0010ff01": "<",
    "\U0010ff02": ">",
    "\U0010ff06": "[",
}
_HIDDEN = str.maketrans({meant: stand_in for stand_in, meant in _STANDS_FOR.items() if meant != "["})
_MARK = "\U0010ff06"
_STAND_IN = re.compile("[\U0010ff00-\U0010ff06]")


def hidden(text: str) -> str:
    """Return text fit to stand between tags, with stand-ins for the characters that XML writes as entities."""
    return text.translate(_HIDDEN)


def note_mark(number: str) -> str:
    """Return the mark of a note, which kreuzberg is not to take for one of its own."""
    return f"{_MARK}^{number}]"


def restored(content: str) -> str:
    """Return a text with the characters that were meant."""
    if BREAK in content:
        content = "\n".join(map(_unbroken, content.split("\n")))
    return _STAND_IN.sub(lambda found: _STANDS_FOR.get(found[0], "\n"), content)


def _unbroken(line: str) -> str:
    """Return a line without breaks where these would end a heading or a row of a table."""
    return line.replace(BREAK, " ") if line.startswith("#") or "|" in line else line
