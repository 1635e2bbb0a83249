"""Chunking: a parsed document is cut into the passages that are searched and cited.

A chunk lies within one section, is made of whole blocks where they fit, and repeats the end of the chunk
before it in the same section. Sizes are counted in the embedding model's own tokens.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragstone.domain.documents import Chunk, ParsedDocument, embedding_text
from ragstone.domain.ids import new_id
from ragstone.domain.markdown import Outline, Section, heading_path_at, outline
from ragstone.ingest.boundaries import paragraphs
from ragstone.ingest.cutting import Cutter, Piece
from ragstone.ingest.paging import Pages, longest
from ragstone.ingest.unchanged import Former, unchanged
from ragstone.ports.embedder import Tokenizer

_SPECIAL_TOKENS = 2


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
    cutter = Cutter(text, structure, tokenizer, overlap)
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


def _cut(regions: "_Regions", cutter: Cutter, start: int, end: int, previous: Piece | None = None) -> Iterator[Piece]:
    """Yield the pieces of ``text[start:end]``; the first may repeat the end of ``previous`` where that is near."""
    for region in regions.within(start, end):
        near = previous if previous and previous.start >= region.start else None
        yield from cutter.cut(max(start, region.start), min(end, region.end), region.limit, near)


def _recut(text: str, former: Former, regions: "_Regions", cutter: Cutter) -> list[Piece] | None:
    """Return the pieces, those of unchanged text where they were; ``None`` where the text around them will not have it.

    That is where a heading above them has changed so that they no longer fit, or divides them.
    """
    same = unchanged(former, text)
    kept = [regions.kept(start, end, cutter) for start, end in (*same.head, *same.tail)]
    pieces = [piece for piece in kept if piece is not None]
    if len(pieces) < len(kept):
        return None
    head, tail = pieces[: len(same.head)], pieces[len(same.head) :]
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

    def kept(self, start: int, end: int, cutter: Cutter) -> Piece | None:
        """Return ``text[start:end]`` as a piece if it lies within one region and fits there."""
        regions = self.within(start, end)
        return cutter.keep(start, end, regions[0].limit) if len(regions) == 1 else None


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
