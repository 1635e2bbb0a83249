"""Chunking: a parsed document is cut into the passages that are searched and cited.

A chunk lies within one section, is made of whole blocks where they fit, and repeats the end of the chunk
before it in the same section. Sizes are counted in the embedding model's own tokens.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ragstone.domain.documents import Chunk, ParsedDocument, embedding_text
from ragstone.domain.ids import new_id
from ragstone.domain.markdown import Outline, Section, heading_path_at, outline
from ragstone.domain.markdown_blocks import BlockKind
from ragstone.ingest.boundaries import LINEWISE, Boundaries, paragraphs
from ragstone.ingest.paging import Pages, longest
from ragstone.ingest.unchanged import Former, unchanged
from ragstone.ports.embedder import Tokenizer

_SPECIAL_TOKENS = 2
_LONGEST_TOKEN = 16
"""Characters per token beyond which a chunk ends: WordPiece makes one token of a word of any length."""
_LONGEST_INDENT = 40
_TABLE_HEADER = re.compile(r"[^\n]*\|[^\n]*\n[ \t|]*:?-[-:| \t]*(?:\n|\Z)")


def chunk(
    parsed: ParsedDocument,
    tokenizer: Tokenizer,
    *,
    max_tokens: int,
    overlap: float,
    model_max_tokens: int,
    title: str | None = None,
    former: Former | None = None,
) -> list[Chunk]:
    """Cut a document into chunks, in order; every character but white space is in at least one.

    A chunk has at most ``max_tokens`` tokens, and fewer where the title and heading path that are embedded
    with it would take it past ``model_max_tokens``. ``overlap`` is the share (0 to 0.5) of a chunk that
    repeats the end of the one before. ``title`` is the title that the chunks are embedded under, the parsed
    one if ``None``. ``former`` is the version before, cut with the same sizes: away from what has changed, the
    chunks are cut where they were, so that they need not be embedded again. Pure and CPU-bound, linear in the
    length of the document.
    """
    text = parsed.content
    structure = outline(text) if parsed.structured else _flat(text)
    budget = _Budget(tokenizer, title if title is not None else parsed.title or "", max_tokens, model_max_tokens)
    cutter = _Cutter(text, structure, tokenizer, overlap)
    regions = _Regions(text, structure, budget)
    pieces = (_recut(text, former, regions, cutter) if former else None) or list(_cut(regions, cutter, 0, len(text)))
    pages = Pages(parsed.pages)
    chunks: list[Chunk] = []
    for piece in pieces:
        spans = pages.within(piece.start, piece.end)
        page = longest(spans)
        chunks.append(
            Chunk(
                id=new_id(),
                ordinal=len(chunks),
                text=text[piece.start : piece.end],
                start=piece.start,
                end=piece.end,
                token_count=len(piece.token_starts),
                heading_path=heading_path_at(structure, piece.end - 1),
                page=page.page if page else None,
                page_label=page.label if page else None,
                pages=spans if len(spans) > 1 else (),
                lead=piece.lead,
            )
        )
    return chunks


def _cut(
    regions: "_Regions", cutter: "_Cutter", start: int, end: int, previous: "_Piece | None" = None
) -> Iterator["_Piece"]:
    """Yield the pieces of ``text[start:end]``; the first may repeat the end of ``previous`` where that is near."""
    for region in regions.within(start, end):
        near = previous if previous and previous.start >= region.start else None
        yield from cutter.cut(max(start, region.start), min(end, region.end), region.limit, near)


def _recut(text: str, former: Former, regions: "_Regions", cutter: "_Cutter") -> "list[_Piece] | None":
    """Return the pieces, those of unchanged text where they were; ``None`` where the text around them will not have it.

    That is where a heading above them has changed so that they no longer fit, or divides them.
    """
    same = unchanged(former, text)
    head = [cutter.keep(start, end) for start, end in same.head]
    tail = [cutter.keep(start, end) for start, end in same.tail]
    if not all(regions.hold(piece, cutter) for piece in (*head, *tail)):
        return None
    end = same.end
    while True:
        middle = list(_cut(regions, cutter, same.start, end, head[-1] if head else None))
        if not tail or not middle or middle[-1].start < tail[0].start:
            return [*head, *middle, *tail]
        # The last new piece lies within what the first kept one repeats: that one is cut anew, too.
        first, *tail = tail
        end = max(first.end, tail[0].start) if tail else len(text)


@dataclass(frozen=True, slots=True)
class _Region:
    """What is chunked as one: a section, with the empty sections before it, whose headings introduce it."""

    start: int
    end: int
    limit: int


class _Regions:
    """The regions of a text, which cover it without a gap."""

    def __init__(self, text: str, structure: Outline, budget: "_Budget") -> None:
        self._regions: list[_Region] = []
        pending: list[Section] = []
        for section in structure.sections:
            pending.append(section)
            if text[section.body : section.end].strip() or section is structure.sections[-1]:
                limit = min(budget.limit(part.path) for part in pending)
                self._regions.append(_Region(pending[0].start, section.end, limit))
                pending = []
        self._starts = [region.start for region in self._regions]

    def within(self, start: int, end: int) -> Sequence[_Region]:
        """Return the regions that ``text[start:end]`` touches."""
        first = max(0, bisect_right(self._starts, start) - 1)
        return self._regions[first : bisect_left(self._starts, end)]

    def hold(self, piece: "_Piece", cutter: "_Cutter") -> bool:
        """Whether a piece lies within one region and fits there."""
        regions = self.within(piece.start, piece.end)
        return len(regions) == 1 and cutter.size(piece) <= regions[0].limit


def _flat(text: str) -> Outline:
    return Outline(paragraphs(text), (Section(0, "", 0, 0, len(text), ()),))


class _Budget:
    """How many tokens a chunk's text may have below a heading path."""

    def __init__(self, tokenizer: Tokenizer, title: str, max_tokens: int, model_max_tokens: int) -> None:
        self._tokenizer = tokenizer
        self._title = title
        self._max_tokens = min(max_tokens, model_max_tokens - _SPECIAL_TOKENS)
        self._model_max_tokens = model_max_tokens

    def limit(self, path: tuple[str, ...]) -> int:
        """Return the most tokens; headings never take more than three quarters of what the model reads."""
        heading = len(self._tokenizer.spans(embedding_text(self._title, path, "")))
        room = self._model_max_tokens - _SPECIAL_TOKENS - heading
        return max(1, min(self._max_tokens, max(room, self._model_max_tokens // 4)))


@dataclass(frozen=True, slots=True)
class _Piece:
    """A chunk's span, where in the text each of its tokens starts, and the header of the table that it goes on with."""

    start: int
    end: int
    token_starts: list[int]
    lead: str = ""


class _Cutter:
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

    def cut(self, start: int, end: int, limit: int, previous: _Piece | None = None) -> Iterator[_Piece]:
        """Yield the pieces of ``text[start:end]``, in order, each of at most ``limit`` tokens."""
        end = start + len(self._text[start:end].rstrip())
        while (fresh := self._first_mark(start, end)) < end:
            piece = self._led(previous, fresh, end, limit) or self._next(previous, fresh, end, limit)
            yield piece
            previous, start = piece, piece.end

    def keep(self, start: int, end: int) -> _Piece:
        """Return ``text[start:end]`` as a piece."""
        return _Piece(start, end, self._token_starts(start, end), self._lead(start, 2 * (end - start)))

    def size(self, piece: _Piece) -> int:
        """Return how many tokens a piece has with its lead."""
        return len(piece.token_starts) + len(self._tokenizer.spans(piece.lead))

    def _next(self, previous: _Piece | None, fresh: int, end: int, limit: int) -> _Piece:
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

    def _led(self, previous: _Piece | None, fresh: int, end: int, limit: int) -> _Piece | None:
        """Return the piece that goes on with a table, below its header; ``None`` where there is no table or no room."""
        lead = self._lead(fresh, limit)
        if not lead:
            return None
        piece = self._next(previous, fresh, end, limit - len(self._tokenizer.spans(lead)))
        # What it repeats of the piece before may begin with the header; and a row is worth more whole than led.
        whole = piece.end == end or self._text[piece.end] == "\n"
        return replace(piece, lead=lead) if whole and self._lead(piece.start, limit) else None

    def _lead(self, fresh: int, limit: int) -> str:
        """Return the header of the table that ``fresh`` stands in, unless it is there or takes half of a chunk."""
        block = self._boundaries.block_at(fresh)
        if block is None or block.kind is not BlockKind.TABLE:
            return ""
        header = _TABLE_HEADER.match(self._text, block.start, block.end)
        if header is None or fresh < header.end():
            return ""
        lead = header[0].rstrip("\n")
        return lead if len(self._tokenizer.spans(lead)) <= limit // 2 else ""

    def _fresh(self, fresh: int, end: int, limit: int) -> _Piece:
        """Return the piece that begins at ``fresh``, with the indentation of its line if that fits."""
        indented = fresh - self._indentation(fresh)
        piece = self._fit(indented, fresh, end, limit) or self._fit(fresh, fresh, end, limit)
        if piece is None:  # a single character of more tokens than the limit
            return _Piece(fresh, fresh + 1, self._token_starts(fresh, fresh + 1))
        return piece

    def _repeat_from(self, previous: _Piece | None, fresh: int, limit: int) -> int | None:
        budget = int(self._overlap * limit)
        if previous is None or not 0 < budget < len(previous.token_starts):
            return None
        section = self._section_starts[bisect_right(self._section_starts, fresh) - 1]
        return self._boundaries.first_after(max(previous.token_starts[-budget], section), previous.end)

    def _fit(self, start: int, floor: int, end: int, limit: int) -> _Piece | None:
        """Return the longest sensible piece from ``start`` that ends after ``floor``; ``None`` if none does."""
        ceiling, token_starts = self._reach(start, end, limit)
        if ceiling == end and len(token_starts) <= limit:
            return _Piece(start, end, token_starts)
        while ceiling > floor:
            stop = self._boundaries.last_before(start, floor, ceiling)
            stop = start + len(self._text[start:stop].rstrip())
            if stop <= floor:
                return None
            token_starts = self._starts_before(stop, start, token_starts)
            if len(token_starts) <= limit:
                self._token_length = max(1.0, (stop - start) / max(1, len(token_starts)))
                return _Piece(start, stop, token_starts)
            ceiling = min(token_starts[limit], stop - 1)
        return None

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
