"""Lines that are drawn on a page and that kreuzberg lost, put among the blocks where they stand."""

import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence

from ragstone.adapters.parsers.kreuzberg.pdf.drawn_lines import paragraphs
from ragstone.adapters.parsers.kreuzberg.pdf.line_text import line_key
from ragstone.adapters.parsers.kreuzberg.pdf.page_blocks import Block, paragraph

_WORDS = re.compile(r"\w+")
_START = (-1, -1)
"""The place before the first block."""

Place = tuple[int, int]
"""A block, and a line of it."""


def missing_words(blocks: Sequence[Block], lines: Sequence[str]) -> Counter[str]:
    """Return the words of lines that no block has, each as often as it is missing."""
    there = Counter(_WORDS.findall("\n".join(block.source for block in blocks)))
    return Counter(_WORDS.findall("\n".join(lines))) - there


def with_missing(blocks: Sequence[Block], lines: Sequence[str], page: int, runs: Callable[[str], bool]) -> list[Block]:
    """Return a page's blocks with those of its lines that none of them has, each after the line drawn before it.

    ``runs`` says whether a line is a running header or footer.
    """
    missing = missing_words(blocks, lines)
    added = _added(blocks, lines, missing) if missing else {}
    if not added:
        return list(blocks)
    shown = [paragraph(text, page) for text in paragraphs(added.get(_START, []))]
    for number, block in enumerate(blocks):
        rows = {row: new for (place, row), new in added.items() if place == number}
        shown += _completed(block, rows, runs) if rows else [block]
    return shown


def _added(blocks: Sequence[Block], lines: Sequence[str], missing: Counter[str]) -> dict[Place, list[str]]:
    """Return the lines that are missing, by the place after which they stand."""
    sources = [line_key(block.source) for block in blocks]
    places: dict[str, deque[Place]] = {}
    for number, block in enumerate(blocks):
        for row, line in enumerate(block.source.split("\n")):
            places.setdefault(line_key(line), deque()).append((number, row))
    added: dict[Place, list[str]] = {}
    at = _START
    for line in lines:
        if found := places.get(line_key(line)):
            at = found.popleft()
            continue
        words = Counter(_WORDS.findall(line))
        lost = words & missing
        if not lost or 2 * lost.total() < words.total() or any(line_key(line) in source for source in sources):
            continue  # it is there, in other lines
        missing -= lost
        added.setdefault(at, []).append(line)
    return added


def _completed(block: Block, added: dict[int, list[str]], runs: Callable[[str], bool]) -> Iterator[Block]:
    """Yield a block with lines added within it, and what comes after its last line as paragraphs of their own."""
    lines = block.source.split("\n")
    within = {row: new for row, new in added.items() if row < len(lines) - 1}
    if block.kind == "paragraph" and within:
        whole = [text for row, line in enumerate(lines) for text in (line, *within.get(row, ()))]
        text = paragraph("\n".join(line for line in whole if not runs(line)), block.page).text
        yield Block("paragraph", text, block.page, "\n".join(whole))
        within = {}
    else:
        yield block
    after = [text for row, new in sorted(added.items()) if row in within or row >= len(lines) - 1 for text in new]
    yield from (paragraph(text, block.page) for text in paragraphs(after))
