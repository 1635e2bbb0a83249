"""Tables put among the blocks of a page, in place of the lines that their words are drawn in."""

import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, pairwise

from ragstone.adapters.parsers.kreuzberg.pdf.drawn_lines import paragraphs
from ragstone.adapters.parsers.kreuzberg.pdf.line_text import line_key
from ragstone.adapters.parsers.kreuzberg.pdf.page_blocks import Block, is_heading, paragraph
from ragstone.adapters.parsers.kreuzberg.pdf.page_tables import DrawnLine, PageTable, TabledPage
from ragstone.adapters.parsers.kreuzberg.tables import markdown_table

_WORDS = re.compile(r"\w+")
_RUNNING = 0.8
"""Share of a table's lines that run on other pages too from which on the table is part of their headers."""
_MAY_MISS = 0.05
"""Share of the tables' lines that may not be among the blocks before the page is made of its lines anew."""
_ALIKE = 6.0
"""Points by which a table may begin elsewhere on its next page."""


def with_tables(blocks: Sequence[Block], page: TabledPage, number: int, runs: Callable[[str], bool]) -> list[Block]:
    """Return the blocks of a page with its tables in them, each where its first line stood.

    ``runs`` says whether a line is a running header or footer. Where the blocks are not made of the lines that
    the file draws, new ones are: paragraphs of these lines, and the headings that were found.
    """
    page = _without_running(page, runs)
    if not page.tables:
        return list(blocks)
    placing = _Placing(page)
    placed = [new for block in blocks for new in placing.placed(block)]
    tabled = sum(bool(line.tables) for line in page.lines)
    if placing.missed(runs) > _MAY_MISS * tabled or len(placing.put) < len(page.tables):
        return list(_anew(blocks, page, number, runs))
    return placed


def joined_tables(blocks: Sequence[Block]) -> Iterator[Block]:
    """Yield blocks with the text of tables: what goes on from the page before is rows, without the header again."""
    spanning: list[Block] = []
    for block in blocks:
        if spanning and not _goes_on(spanning, block):
            yield from _written(spanning)
            spanning = []
        if block.table is not None:
            spanning.append(block)
        else:
            yield block
    yield from _written(spanning)


class _Placing:
    """What of a page's lines is still to be found among its blocks, and which of its tables are put."""

    def __init__(self, page: TabledPage) -> None:
        self.put: set[int] = set()
        self._tables = page.tables
        self._waiting: dict[str, deque[DrawnLine]] = {}
        for line in page.lines:
            self._waiting.setdefault(line_key(line.text), deque()).append(line)

    def placed(self, block: Block) -> Iterator[Block]:
        """Yield a block without the lines that are in tables, and the tables of which it has the first line."""
        if block.kind == "table":
            yield from self._instead(block)
            return
        kept: list[str] = []
        touched = False
        for text in block.source.split("\n"):
            lines = self._waiting.get(line_key(text))
            line = lines.popleft() if lines else None
            if line is None or not line.tables:
                kept.append(text)
                continue
            touched = True
            if line.outside:
                kept.append(line.outside)
            new = [table for table in dict.fromkeys(line.tables) if table not in self.put]
            if new:
                yield from _rest(block, kept)
                kept = []
                yield from (self._put(table, block.page) for table in new)
        if touched:
            yield from _rest(block, kept)
        else:
            yield block

    def missed(self, runs: Callable[[str], bool]) -> int:
        """Return how many lines of tables were in no block."""
        left = chain.from_iterable(self._waiting.values())
        return sum(bool(line.tables) and not runs(line.text) for line in left)

    def _instead(self, block: Block) -> Iterator[Block]:
        """Yield the tables that have most words of one that kreuzberg found, or that where none has."""
        words = Counter(_WORDS.findall(block.source))
        ours = [table for table in range(len(self._tables)) if self._shares(table, words)]
        if not ours:
            yield block
            return
        for lines in self._waiting.values():
            for line in [line for line in lines if line.tables and set(line.tables) <= set(ours)]:
                lines.remove(line)
        yield from (self._put(table, block.page) for table in ours if table not in self.put)

    def _shares(self, table: int, words: Counter[str]) -> bool:
        own = Counter(_WORDS.findall("\n".join(chain.from_iterable(self._tables[table].rows))))
        return 2 * (own & words).total() > min(own.total(), words.total())

    def _put(self, table: int, page: int) -> Block:
        self.put.add(table)
        return _table_block(self._tables[table], page)


def _without_running(page: TabledPage, runs: Callable[[str], bool]) -> TabledPage:
    """Return the page without those tables that are a running header in a frame; the lines of these stay lines."""
    own = Counter(table for line in page.lines for table in set(line.tables))
    running = Counter(table for line in page.lines if runs(line.text) for table in set(line.tables))
    kept = [table for table in range(len(page.tables)) if running[table] < _RUNNING * own[table]]
    if len(kept) == len(page.tables):
        return page
    places = {table: place for place, table in enumerate(kept)}
    lines = [
        DrawnLine(tuple((text, places.get(table) if table is not None else None) for text, table in line.pieces))
        for line in page.lines
    ]
    return TabledPage([page.tables[table] for table in kept], lines)


def _anew(blocks: Sequence[Block], page: TabledPage, number: int, runs: Callable[[str], bool]) -> Iterator[Block]:
    """Yield the page's lines as paragraphs, with its tables and with those headings that are lines of their own."""
    headings = {line_key(block.source): block for block in blocks if block.kind == "heading"}
    put: set[int] = set()
    gathered: list[str] = []
    for line in page.lines:
        new = [table for table in dict.fromkeys(line.tables) if table not in put]
        heading = headings.get(line_key(line.text)) if not line.tables else None
        if line.outside and heading is None and not runs(line.text):
            gathered.append(line.outside)
        if new or heading is not None:
            yield from (paragraph(text, number) for text in paragraphs(gathered))
            gathered = []
            put.update(new)
            yield from (_table_block(page.tables[table], number) for table in new)
        if heading is not None:
            yield heading
    yield from (paragraph(text, number) for text in paragraphs(gathered))


def _rest(block: Block, lines: Sequence[str]) -> Iterator[Block]:
    """Yield what is left of a block: a heading stays one where it is a line that reads like one."""
    text = "\n".join(lines).strip()
    if not text:
        return
    if block.kind == "heading" and len(lines) == 1 and is_heading(text):
        yield Block("heading", f"{block.text.partition(' ')[0]} {text}", block.page, text)
    else:
        yield paragraph(text, block.page)


def _table_block(table: PageTable, page: int) -> Block:
    return Block("table", "", page, "\n".join(chain.from_iterable(table.rows)), table)


def _goes_on(spanning: Sequence[Block], block: Block) -> bool:
    """Whether a block is the table before it, going on at the top of the next page."""
    head, table = spanning[0].table, block.table
    if head is None or table is None or block.page != spanning[-1].page + 1 or len(head.columns) != len(table.columns):
        return False
    if _same_header(head, table):
        return True
    pairs = [(max(pair), min(following)) for pair, following in pairwise(zip(head.columns, table.columns, strict=True))]
    alike = abs(head.columns[0] - table.columns[0]) <= _ALIKE and all(start < end for start, end in pairs)
    return alike and not (_is_header(head.rows) and _is_header(table.rows))


def _same_header(head: PageTable, table: PageTable) -> bool:
    return list(map(line_key, head.rows[0])) == list(map(line_key, table.rows[0]))


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row has no digits, but most of the others have."""
    numeric = [any(map(str.isdigit, "".join(row))) for row in rows]
    return not numeric[0] and 2 * sum(numeric[1:]) > len(numeric[1:])


def _written(spanning: Sequence[Block]) -> Iterator[Block]:
    """Yield the parts of a table with their text, each with rows as wide as the whole."""
    tables = [block.table for block in spanning if block.table is not None]
    parts = [
        [row for row in (table.rows[1:] if place and _same_header(tables[0], table) else table.rows) if any(row)]
        for place, table in enumerate(tables)
    ]
    lines = deque(markdown_table(chain.from_iterable(parts)).split("\n"))
    for place, (block, rows) in enumerate(zip(spanning, parts, strict=True)):
        own = [lines.popleft() for _ in range(len(rows) + (place == 0))]
        if own:
            yield Block("more rows" if place else "table", "\n".join(own), block.page, block.source, block.table)
