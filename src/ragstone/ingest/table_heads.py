"""The header of a table, said again above rows that stand in another chunk: whole, or with its names cut short."""

import re
from collections.abc import Sequence

from ragstone.domain.markdown_blocks import Block, BlockKind
from ragstone.ports.embedder import Tokenizer

BAR = re.compile(r"(?<!\\)\|")
"""What parts the cells of a row."""
_RULE = re.compile(r"[ \t|]*:?-[-:| \t]*")
_LONGEST_NAME = 8
"""Tokens of a column's name that are room enough for it where a row has to be cut into its cells."""


def cells(row: str) -> list[str]:
    """Return the cells of a row, or of a part of one."""
    inner = row.strip().removeprefix("|")
    if BAR.search(inner, len(inner) - 1):
        inner = inner[:-1]
    return [cell.strip() for cell in BAR.split(inner)]


def table_head(text: str, block: Block | None, tokenizer: Tokenizer) -> "TableHead | None":
    """Return the header of a table, ``None`` of a block that is none."""
    if block is None or block.kind is not BlockKind.TABLE:
        return None
    header_end = text.find("\n", block.start, block.end)
    if header_end < 0 or "|" not in text[block.start : header_end]:
        return None
    rule_end = text.find("\n", header_end + 1, block.end)
    rule_end = block.end if rule_end < 0 else rule_end
    return TableHead(text, block, rule_end, tokenizer) if _RULE.fullmatch(text, header_end + 1, rule_end) else None


class TableHead:
    """The header of one table: its first line and the rule below, ``text[start:end]``.

    ``size`` is what both take in tokens, ``names_size`` what the first line takes.
    """

    def __init__(self, text: str, block: Block, end: int, tokenizer: Tokenizer) -> None:
        self.start = block.start
        self.end = end
        self.table_end = block.end
        self._text = text
        self._tokenizer = tokenizer
        self._whole = text[block.start : end]
        self._names = cells(self._whole.partition("\n")[0])
        self._ends: list[list[int] | None] = [None] * len(self._names)
        self.size = len(tokenizer.spans(self._whole))
        self.names_size = len(tokenizer.spans(f"| {' | '.join(self._names)} |"))

    def above(self, start: int, end: int, room: int) -> str | None:
        """Return what of the header ``text[start:end]`` needs above it, in at most ``room`` tokens.

        Whole rows need all of it, the names cut short where there is no room; cells of a row those of their columns.
        Nothing is needed where the header is there, or the columns have no names. ``None`` where there is no room.
        """
        if start == self.start or end <= self.end:
            return ""
        if start < self.end:
            return None  # a part of the header, and rows
        rows = self._text[start : min(end, self.table_end)].split("\n")
        if len(rows) == 1 and (self._before(start) or not self.ends_row(end)):
            return self.named(self.column(start), len(cells(rows[0])), room)
        if self.size <= room:
            return self._whole
        return self.named(0, max(len(cells(row)) for row in rows), room)

    def least(self, row: str) -> int:
        """Return the fewest tokens that the names above a row take."""
        return len(self._tokenizer.spans(self._line(0, len(cells(row)), 1)))

    def ends_row(self, position: int) -> bool:
        """Whether a row, or the table, has ended at ``position``."""
        return position >= self.table_end or self._text[position] == "\n"

    def column(self, position: int) -> int:
        """Return which column of its row ``position`` stands in, from 0; at a bar, the one that begins behind it."""
        before = self._before(position)
        if not before:
            return 0
        bars = len(BAR.findall(before)) + (self._text[position] == "|")
        return bars - 1 if before.startswith("|") else bars

    def columns_within(self, first: int, taken: Sequence[int], limit: int) -> int:
        """Return how many cells from column ``first`` on fit in ``limit`` tokens with their names above them.

        ``taken`` is how many tokens the text of one, two, three cells and so on takes.
        """
        names = 1
        for count, tokens in enumerate(taken):
            names += min(len(self._name_ends(first + count)), _LONGEST_NAME) + 1
            if tokens + names > limit:
                return count
        return len(taken)

    def named(self, first: int, count: int, room: int) -> str | None:
        """Return the names of some columns as a row, each cut to as many tokens as there is room for."""
        if not any(self._names[first : first + count]):
            return ""
        least, most = 0, max(len(self._name_ends(column)) for column in range(first, first + count))
        while least < most:
            middle = (least + most + 1) // 2
            if len(self._tokenizer.spans(self._line(first, count, middle))) <= room:
                least = middle
            else:
                most = middle - 1
        return self._line(first, count, least) if least else None

    def _before(self, position: int) -> str:
        return self._text[self._text.rfind("\n", 0, position) + 1 : position].lstrip()

    def _line(self, first: int, count: int, longest: int) -> str:
        last = min(first + count, len(self._names))
        return "| " + " | ".join(self._short(column, longest) for column in range(first, last)) + " |"

    def _short(self, column: int, longest: int) -> str:
        """Return a column's name in so many tokens at most, of several words whole ones."""
        name, ends = self._names[column], self._name_ends(column)
        if len(ends) <= longest:
            return name
        short = name[: ends[longest - 1]]
        if name[len(short)].isalnum() and short[-1].isalnum() and " " in short:
            return short.rpartition(" ")[0].rstrip()
        return short

    def _name_ends(self, column: int) -> list[int]:
        """Return where each token of a column's name ends; none of a column that the header does not have."""
        if column >= len(self._names):
            return []
        ends = self._ends[column]
        if ends is None:
            ends = self._ends[column] = [end for _, end in self._tokenizer.spans(self._names[column])]
        return ends
