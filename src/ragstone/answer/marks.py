"""Marks ``[n]`` in text that arrives in pieces: a mark may be cut anywhere between two of them."""

import re
from dataclasses import dataclass
from typing import Final

_OPENING: Final = "[【"
_CLOSING: Final = "]】"
_LONGEST: Final = 48
_WORDS: Final = ("sources", "passages", "citations", "quellen", "fuentes")
_NUMBERS: Final = re.compile(r"\d{1,6}(?:\s*[-–]\s*\d{1,6})?(?:\s*(?:,|;|&|and)\s*\d{1,6}(?:\s*[-–]\s*\d{1,6})?)*")
_MARK: Final = re.compile(
    rf"[\[【]\s*(?:\^|(?:sources?|passages?|citations?|quellen?|fuentes?)\s*:?\s*)?({_NUMBERS.pattern})\s*[\]】]", re.I
)
_UNDECIDED: Final = re.compile(r"[\[【]\s*\^?\s*([a-z]*)\s*:?[\d\s,;&–-]*(?:and|an|a)?[\d\s,;&–-]*", re.I)
_LONGEST_RANGE: Final = 20


@dataclass(frozen=True, slots=True)
class Mark:
    """A complete mark and the numbers it names, in order."""

    numbers: tuple[int, ...]


class MarkScanner:
    """Tells marks from text, piece by piece. Brackets inside code are text: ``row[1]`` names no source."""

    def __init__(self) -> None:
        self._held = ""
        self._text: list[str] = []
        self._found: list[str | Mark] = []
        self._ticks = 0
        self._code = 0
        self._line_start = True
        self._last = ""
        self._glued = False

    def feed(self, piece: str) -> list[str | Mark]:
        """Take the next piece and return what is decided by now; what may still become a mark is held back."""
        for character in piece:
            self._take(character)
        return self._release()

    def finish(self) -> list[str | Mark]:
        """Return what was held back: there is no more to come."""
        self._text.append(self._held)
        self._held = ""
        return self._release()

    def _release(self) -> list[str | Mark]:
        self._flush_text()
        found, self._found = self._found, []
        return found

    def _flush_text(self) -> None:
        text = "".join(self._text)
        self._text = []
        if text:
            self._found.append(text)

    def _take(self, character: str) -> None:
        if self._held:
            self._continue(character)
            return
        self._count_ticks(character)
        if character in _OPENING and not self._code:
            self._held = character
            self._glued = self._last.isalnum() or self._last == "_"
        else:
            self._text.append(character)
        self._last = character

    def _continue(self, character: str) -> None:
        """Add a character to what may become a mark, and decide where it can be decided."""
        if character in _OPENING:
            self._text.append(self._held)
            self._held = character
            return
        self._held += character
        if character in _CLOSING:
            self._close()
        elif len(self._held) > _LONGEST or not _may_become_mark(self._held):
            held, self._held = self._held[:-1], ""
            self._text.append(held)
            self._take(character)

    def _close(self) -> None:
        held, self._held = self._held, ""
        match = _MARK.fullmatch(held)
        numbers = _numbers(match[1]) if match else ()
        if not numbers or (self._glued and numbers == (0,)):  # ``row[0]`` outside code says nothing of sources
            self._text.append(held)
            return
        self._flush_text()
        self._found.append(Mark(numbers))

    def _count_ticks(self, character: str) -> None:
        """Follow the runs of backticks that open and close code; a paragraph's end closes inline code."""
        if character == "`":
            self._ticks += 1
            return
        if self._ticks:
            if self._code == 0:
                self._code = self._ticks
            elif self._ticks == self._code or (self._code >= 3 and self._ticks > self._code):
                self._code = 0
            self._ticks = 0
        if character == "\n":
            if self._line_start and self._code < 3:
                self._code = 0
            self._line_start = True
        elif not character.isspace():
            self._line_start = False


def _may_become_mark(held: str) -> bool:
    match = _UNDECIDED.fullmatch(held)
    return match is not None and any(word.startswith(match[1].casefold()) for word in (*_WORDS, "and"))


def _numbers(listed: str) -> tuple[int, ...]:
    """Read ``1, 3-5`` as 1, 3, 4, 5; a range longer than 20 counts as its two ends."""
    numbers: dict[int, None] = {}
    for first, last in re.findall(r"(\d+)(?:\s*[-–]\s*(\d+))?", listed):
        low, high = int(first), int(last or first)
        steps = range(low, high + 1) if 0 <= high - low <= _LONGEST_RANGE else (low, high)
        numbers.update(dict.fromkeys(steps))
    return tuple(numbers)
