"""Cutting: stretches of a text become pieces of so many tokens, each where a reader would cut."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ragstone.domain.markdown import Outline
from ragstone.domain.markdown_blocks import Block
from ragstone.ingest.boundaries import LINEWISE, Boundaries
from ragstone.ingest.table_heads import BAR, TableHead, table_head
from ragstone.ports.embedder import Tokenizer

_LONGEST_TOKEN = 16
"""Characters per token beyond which a chunk ends: WordPiece makes one token of a word of any length."""
_LONGEST_INDENT = 40


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk's span, where in the text each of its tokens starts, and the header of the table that it goes on with."""

    start: int
    end: int
    token_starts: list[int]
    lead: str = ""


class Cutter:
    """Cuts stretches of one text into pieces of at most a number of tokens.

    Tokens are counted on windows just longer than a piece, so that memory stays small and the count of a
    stretch that fits as it is needs no second look. A tokenizer may see other tokens in a slice than in
    the whole: but for one that ends at white space, the tokenizer has to read exactly a piece's text.
    """

    def __init__(self, text: str, structure: Outline, tokenizer: Tokenizer, overlap: float) -> None:
        self._text = text
        self._section_starts = [section.start for section in structure.sections]
        self._boundaries = Boundaries(text, structure.blocks)
        self._tokenizer = tokenizer
        self._overlap = overlap
        self._token_length = 4.0
        self._seen_block: Block | None = None
        self._seen_head: TableHead | None = None

    def cut(self, start: int, end: int, limit: int, previous: Piece | None = None) -> Iterator[Piece]:
        """Yield the pieces of ``text[start:end]``, in order, each of at most ``limit`` tokens."""
        end = start + len(self._text[start:end].rstrip())
        while (fresh := self._first_mark(start, end)) < end:
            piece = self._led(previous, fresh, end, limit) or self._next(previous, fresh, end, limit)
            yield piece
            previous, start = piece, piece.end

    def keep(self, start: int, end: int, limit: int) -> Piece | None:
        """Return ``text[start:end]`` as a piece, ``None`` where it does not fit with the header that it needs."""
        return self._under(Piece(start, end, self._token_starts(start, end)), limit)

    def _next(self, previous: Piece | None, fresh: int, end: int, limit: int) -> Piece:
        """Return the piece that takes the text from ``fresh`` on, with the end of the previous one if that fits."""
        begin = self._repeat_from(previous, fresh, limit)
        repeating = self._fit(begin, fresh, end, limit) if begin is not None else None
        if repeating is None:
            return self._fresh(fresh, end, limit)
        block = self._boundaries.block_at(fresh)
        if block is not None and block.kind in LINEWISE and repeating.end < block.end:
            alone = self._fresh(fresh, end, limit)
            return alone if alone.end >= block.end else repeating
        return repeating

    def _led(self, previous: Piece | None, fresh: int, end: int, limit: int) -> Piece | None:
        """Return the piece that goes on with a table, below its header; ``None`` where there is no table or no room."""
        head = self._head(fresh)
        if head is None or fresh == head.start:
            return None
        if fresh < head.end:  # of a header longer than a chunk
            return self._fresh(fresh, min(end, head.end), limit)
        for piece in self._rows(head, previous, fresh, end, limit):
            if head.ends_row(piece.end) and (led := self._under(piece, limit)):
                return led
        return self._part_of_row(head, fresh, end, limit)

    def _rows(self, head: TableHead, previous: Piece | None, fresh: int, end: int, limit: int) -> Iterator[Piece]:
        """Yield pieces from ``fresh`` on that leave less and less room for the header above them."""
        begin = self._repeat_from(previous, fresh, limit)
        if begin is not None and begin <= head.start:  # the header is in what is repeated
            yield self._next(previous, fresh, end, limit)
        roomy = limit - (head.size if head.size <= limit // 2 else min(head.names_size, limit // 2))
        yield self._next(previous, fresh, end, roomy)
        yield self._fresh(fresh, end, roomy)
        least = head.least(self._text[fresh : self._row_end(head, fresh, end)])
        if least < limit:
            yield self._fresh(fresh, end, limit - least)

    def _part_of_row(self, head: TableHead, fresh: int, end: int, limit: int) -> Piece | None:
        """Return as many cells of a row as fit below the names of their columns, or a part of a cell."""
        row_end = self._row_end(head, fresh, end)
        seen = min(row_end, fresh + limit * _LONGEST_TOKEN)
        stops = [bar.end() for bar in BAR.finditer(self._text, fresh + 1, seen)]
        if seen == row_end and self._text[stops[-1] if stops else fresh : row_end].strip():
            stops.append(row_end)
        token_starts = self._token_starts(fresh, seen)
        taken = [bisect_left(token_starts, stop) for stop in stops]
        count = head.columns_within(head.column(fresh), taken, limit)
        if not count or taken[count - 1] < limit // 2:
            cell_end = stops[count] if count < len(stops) else seen
            if led := self._part_of_cell(head, fresh, stops[count - 1] if count else fresh, cell_end, limit):
                return led
        pieces = (Piece(fresh, stop, self._token_starts(fresh, stop)) for stop in reversed(stops[:count]))
        return next(filter(None, (self._under(piece, limit) for piece in pieces)), None)

    def _part_of_cell(self, head: TableHead, fresh: int, cells_end: int, cell_end: int, limit: int) -> Piece | None:
        """Return the cells from ``fresh`` on that end before ``cells_end``, and as much of the next as fits."""
        columns = len(BAR.findall(self._text, fresh + 1, cells_end)) + 1
        name = head.named(head.column(fresh), columns, limit // 4)
        if name is None:
            return None
        piece = self._fit(fresh, cells_end, cell_end, limit - len(self._tokenizer.spans(name)))
        return self._under(piece, limit) if piece is not None else None

    def _row_end(self, head: TableHead, position: int, end: int) -> int:
        newline = self._text.find("\n", position, min(end, head.table_end))
        return newline if newline >= 0 else min(end, head.table_end)

    def _under(self, piece: Piece, limit: int) -> Piece | None:
        """Return a piece with the header that it needs above it, ``None`` where that takes more than the limit."""
        room = limit - len(piece.token_starts)
        head = self._head(piece.start)
        lead = head.above(piece.start, piece.end, room) if head is not None else ""
        return replace(piece, lead=lead) if lead is not None and room >= 0 else None

    def _head(self, position: int) -> TableHead | None:
        """Return the header of the table that ``position`` stands in, if any."""
        block = self._boundaries.block_at(position)
        if block is not self._seen_block:
            self._seen_block, self._seen_head = block, table_head(self._text, block, self._tokenizer)
        return self._seen_head

    def _fresh(self, fresh: int, end: int, limit: int) -> Piece:
        """Return the piece that begins at ``fresh``, with the indentation of its line if that fits."""
        indented = fresh - self._indentation(fresh)
        piece = self._fit(indented, fresh, end, limit) or self._fit(fresh, fresh, end, limit)
        if piece is None:  # a single character of more tokens than the limit
            return Piece(fresh, fresh + 1, self._token_starts(fresh, fresh + 1))
        return piece

    def _repeat_from(self, previous: Piece | None, fresh: int, limit: int) -> int | None:
        budget = int(self._overlap * limit)
        if previous is None or not 0 < budget < len(previous.token_starts):
            return None
        section = self._section_starts[bisect_right(self._section_starts, fresh) - 1]
        begin = self._boundaries.first_after(max(previous.token_starts[-budget], section), previous.end)
        head = self._head(begin) if begin is not None else None
        if head is None or begin is None or not head.start < begin < head.end:
            return begin
        return head.end + 1 if head.end + 1 < previous.end else None  # no rule without its header

    def _fit(self, start: int, floor: int, end: int, limit: int) -> Piece | None:
        """Return the longest sensible piece from ``start`` that ends after ``floor``; ``None`` if none does."""
        ceiling, token_starts = self._reach(start, end, limit)
        if ceiling == end and len(token_starts) <= limit:
            return Piece(start, end, token_starts)
        while ceiling > floor:
            stop = self._whole_head(floor, self._boundaries.last_before(start, floor, ceiling))
            stop = start + len(self._text[start:stop].rstrip())
            if stop <= floor:
                return None
            token_starts = self._starts_before(stop, start, token_starts)
            if len(token_starts) <= limit:
                self._token_length = max(1.0, (stop - start) / max(1, len(token_starts)))
                return Piece(start, stop, token_starts)
            ceiling = min(token_starts[limit], stop - 1)
        return None

    def _whole_head(self, floor: int, stop: int) -> int:
        """Return ``stop``, or the start of the table of which it would cut off the header or a part of that."""
        head = self._head(stop - 1)
        if head is None or not floor < head.start < stop <= head.end or stop == head.table_end:
            return stop
        return head.start

    def _reach(self, start: int, end: int, limit: int) -> tuple[int, list[int]]:
        """Return how far ``limit`` tokens from ``start`` go, and the tokens seen on the way."""
        longest = limit * _LONGEST_TOKEN
        length = int(limit * self._token_length * 1.25) + 16
        while True:
            length = min(length, longest)
            stop = min(start + length, end)
            token_starts = self._token_starts(start, stop)
            if len(token_starts) > limit:
                return token_starts[limit], token_starts
            if stop == end or length == longest:
                return stop, token_starts
            length *= 2

    def _starts_before(self, stop: int, start: int, seen: list[int]) -> list[int]:
        """Return where the tokens of ``text[start:stop]`` start, of which more were ``seen`` in a longer slice."""
        if stop < len(self._text) and self._text[stop].isspace():
            return seen[: bisect_left(seen, stop)]
        return self._token_starts(start, stop)

    def _token_starts(self, start: int, end: int) -> list[int]:
        return [start + begin for begin, _ in self._tokenizer.spans(self._text[start:end])]

    def _first_mark(self, start: int, end: int) -> int:
        """Return the first position from ``start`` on that is not white space, ``end`` if there is none."""
        while start < end and self._text[start].isspace():
            start += 1
        return start

    def _indentation(self, position: int) -> int:
        """Return how many characters of white space stand before ``position`` on its line; 0 if text does."""
        line = self._text.rfind("\n", max(0, position - _LONGEST_INDENT), position) + 1
        before = self._text[line:position]
        return len(before) if (line or position < _LONGEST_INDENT) and not before.strip() else 0
