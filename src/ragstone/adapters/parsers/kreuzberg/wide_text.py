"""UTF-16 and UTF-32 without a byte order mark, told from text of one byte a letter and from what is no text."""

from collections import Counter
from unicodedata import category

_SAMPLE = 4096
_LAST_PLANE = 0x10
_FEWEST = 24
"""Bytes below which only the zeros of Latin letters tell."""
_MOST_ODD = 0.03
"""Share of characters of other scripts, and of such as no text has."""
_HIGH_BYTES = 0.1
"""Share of bytes from 0x80 on that East Asian text has at least, and letters of one byte in pairs hardly have."""
_LOW_BYTES = 0.03
"""Share of its bytes that are control characters, at least; Shift JIS in pairs looks like it, and has but odd ones."""
_MOST_COMMON = 0.1
"""Share of an East Asian text that one sign may have."""
_ANYWHERE = frozenset({0x00, 0x01, 0x20, 0x21, 0x30, 0xFF})
"""High bytes of Latin letters, punctuation and symbols, which stand in text of every script."""
_CONTROLS = [bytes((value,)) for value in range(32) if value not in b"\t\n\f\r\x1b"]
_NEITHER = frozenset({"Cc", "Cn", "Co", "Cs"})
_EAST, _HANGUL, _OTHER = 0x100, 0x101, 0x102


def wide_encoding(data: bytes) -> str | None:
    """Name UTF-16 or UTF-32 without a byte order mark by its first bytes; ``None`` for anything else.

    Of Latin text every other byte is mostly zero. Other text has bytes at least that no text of one byte a letter has,
    and its letters are of one script, which those of other bytes taken in pairs are not.
    """
    sample = data[:_SAMPLE]
    if (four := _of_four_bytes(sample)) is not None:
        return four
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    most = max(even, odd)
    if most >= 2 and 4 * most >= len(sample) - 1 and most >= 4 * min(even, odd):  # a single NUL says nothing
        return "utf-16-be" if even > odd else "utf-16-le"
    if len(data) % 2 or len(sample) < _FEWEST or not any(map(sample.count, _CONTROLS)):
        return None
    found = {encoding: _likeness(sample, encoding) for encoding in ("utf-16-le", "utf-16-be")}
    likely = max(found, key=found.__getitem__)
    return likely if found[likely] else None


def _of_four_bytes(sample: bytes) -> str | None:
    """Name UTF-32, of each letter of which one byte is zero and the next one of the few planes of Unicode."""
    if len(sample) < 8 or len(sample) % 4:
        return None
    for encoding, zero, plane in (("utf-32-le", 3, 2), ("utf-32-be", 0, 1)):
        if any(sample[zero::4]) or max(sample[plane::4]) > _LAST_PLANE:
            continue
        text = sample.decode(encoding, errors="replace")
        return encoding if sum(category(sign) in _NEITHER and sign not in "\t\n\r\f" for sign in text) == 0 else None
    return None


def _likeness(sample: bytes, encoding: str) -> float:
    """Return how much a sample looks like text in an encoding, 0 where it does not."""
    text = sample.decode(encoding, errors="replace")
    scripts = Counter(map(_script, text))
    odd = scripts.pop(_OTHER, 0)
    letters = {script: number for script, number in scripts.items() if script not in _ANYWHERE}
    if not letters:
        return 0
    script = max(letters, key=letters.__getitem__)
    odd += sum(letters.values()) - letters[script]
    if odd > _MOST_ODD * len(text) or letters[script] * 4 < len(text):
        return 0
    if script >= _EAST and not _has_many_signs(sample, text):
        return 0
    return 1 - odd / len(text) + scripts[0] / len(text)


def _has_many_signs(sample: bytes, text: str) -> bool:
    """Whether this may be East Asian text: of bytes from everywhere, and of signs none of which is everywhere."""
    controls = sum(map(sample.count, _CONTROLS))
    if controls < _LOW_BYTES * len(sample) or sum(byte >= 0x80 for byte in sample) < _HIGH_BYTES * len(sample):
        return False
    [(_, most)] = Counter(sign for sign in text if sign >= "\u3040").most_common(1)
    return most <= 3 + _MOST_COMMON * len(text)


def _script(sign: str) -> int:
    """Return a number for the script of a character: mostly its high byte."""
    code = ord(sign)
    if (category(sign) in _NEITHER and sign not in "\t\n\r\f") or sign == "\ufffd":
        return _OTHER
    high = code >> 8
    if high in _ANYWHERE or code > 0xFFFF:
        return high if code <= 0xFFFF else 0
    if 0x2E80 <= code <= 0x33FF or 0x4E00 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF:
        return _EAST
    return _HANGUL if 0xAC00 <= code <= 0xD7A3 else high
