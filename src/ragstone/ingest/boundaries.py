"""Where a text may be cut: between blocks, lines, sentences, words, and last between characters."""

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from ragstone.domain.markdown_blocks import Block, BlockKind
from ragstone.domain.sentences import units

LINEWISE = frozenset({BlockKind.TABLE, BlockKind.CODE, BlockKind.HTML, BlockKind.FRONT_MATTER})
"""Blocks that mean something only as a whole or, where that is too long, line by line."""

_PAUSE = frozenset("，、；：,;:،؛।॥")
_BEHIND = 2000
_AHEAD = 64
"""Characters around a stretch that are read with it to tell where its sentences begin and end."""


def paragraphs(text: str) -> tuple[Block, ...]:
    """Return the paragraphs of a text without markup: lines up to a blank one. Linear in its length."""
    blocks: list[Block] = []
    start = end = position = 0
    while position < len(text):
        newline = text.find("\n", position)
        line_end = len(text) if newline < 0 else newline
        if not text[position:line_end].strip():
            if end > start:
                blocks.append(Block(BlockKind.PARAGRAPH, start, end))
            start = end = line_end + 1
        else:
            end = line_end
        position = line_end + 1
    if end > start:
        blocks.append(Block(BlockKind.PARAGRAPH, start, end))
    return tuple(blocks)


class Boundaries:
    """The places where one text may be cut. ``blocks`` are in order and do not overlap."""

    def __init__(self, text: str, blocks: Sequence[Block]) -> None:
        self._text = text
        self._blocks = blocks
        self._starts = [block.start for block in blocks]
        self._ends = [block.end for block in blocks]

    def block_at(self, position: int) -> Block | None:
        """Return the block that ``position`` stands in, if any."""
        index = bisect_right(self._starts, position) - 1
        return self._blocks[index] if index >= 0 and position < self._ends[index] else None

    def last_before(self, start: int, floor: int, ceiling: int) -> int:
        """Return the best place to end a chunk that begins at ``start``: above ``floor``, at most ``ceiling``.

        The strongest kind of boundary wins that leaves the chunk at least a quarter full.
        """
        least = max(floor + 1, start + (ceiling - start) // 4)
        return (
            self._block_end(start, floor, least, ceiling)
            or self._inner_end(floor, least, ceiling)
            or self._word_end(least, ceiling)
            or self._whole_character(floor, ceiling)
        )

    def first_after(self, earliest: int, end: int) -> int | None:
        """Return where the repeated end of the chunk that ends at ``end`` begins: a block, sentence or line.

        The first such place from ``earliest`` on and before ``end``.
        """
        block = self.block_at(earliest)
        if block is not None and block.start < earliest:
            if block.kind not in LINEWISE:
                found = self._sentence_start(block, earliest, end)
            else:
                found = self._line_start(earliest, end) if block.end > end else None
            if found is not None:
                return found
        index = bisect_left(self._starts, earliest)
        return self._starts[index] if index < len(self._starts) and self._starts[index] < end else None

    def _block_end(self, start: int, floor: int, least: int, ceiling: int) -> int | None:
        index = bisect_right(self._ends, ceiling) - 1
        if index < 0 or self._ends[index] <= floor:
            return None
        end = self._ends[index]
        if end >= least:
            return end
        following = self._blocks[index + 1] if index + 1 < len(self._blocks) else None
        fits = following is not None and following.end - following.start <= ceiling - start
        return end if following is not None and following.kind in LINEWISE and fits else None

    def _inner_end(self, floor: int, least: int, ceiling: int) -> int | None:
        block = self.block_at(ceiling)
        if block is not None and block.kind in LINEWISE:
            newline = self._newline(floor + 1, ceiling)
            if newline is not None or block.kind is not BlockKind.TABLE:
                return newline  # a cell of a table may be longer than a chunk, and is prose then
        begin = max(floor, block.start) if block is not None else floor
        # The last unit ends with the window, not with a sentence.
        ends = [begin + unit.end for unit in units(self._text[begin : ceiling + _AHEAD])[:-1]]
        index = bisect_right(ends, ceiling) - 1
        if index >= 0 and ends[index] >= least:
            return ends[index]
        return self._newline(least, ceiling)

    def _newline(self, least: int, ceiling: int) -> int | None:
        position = self._text.rfind("\n", least, ceiling + 1)
        return position if position >= 0 else None

    def _word_end(self, least: int, ceiling: int) -> int | None:
        for wanted in (str.isspace, _PAUSE.__contains__):
            for position in range(min(ceiling, len(self._text) - 1), least - 1, -1):
                if wanted(self._text[position]):
                    end = position if self._text[position].isspace() else position + 1
                    if end <= ceiling:
                        return end
        return None

    def _whole_character(self, floor: int, ceiling: int) -> int:
        """Step back from between a character and the marks that are drawn on it."""
        for position in range(ceiling, max(floor, ceiling - 32), -1):
            if position >= len(self._text) or not _joins(self._text[position - 1], self._text[position]):
                return position
        return ceiling

    def _sentence_start(self, block: Block, earliest: int, end: int) -> int | None:
        limit = min(block.end, end)
        begin = max(block.start, earliest - _BEHIND)
        starts = (begin + unit.start for unit in units(self._text[begin:limit])[1:])
        return next((start for start in starts if start >= earliest), self._line_start(earliest, limit))

    def _line_start(self, earliest: int, end: int) -> int | None:
        newline = self._text.find("\n", max(earliest - 1, 0), end - 1)
        return newline + 1 if newline >= 0 else None


def _joins(before: str, after: str) -> bool:
    return unicodedata.category(after) in ("Mn", "Mc", "Me") or "\u200d" in (before, after) or after == "\ufe0f"
