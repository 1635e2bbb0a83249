"""Chunks that follow one another in a document, put together again: one text, word for word the document's."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from uuid import UUID

from ragstone.domain.documents import Chunk, PageSpan

Gaps = Mapping[tuple[UUID, UUID], str]
"""The text between two chunks that follow one another without meeting, by their ids."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a document with the chunks it is made of, in order: ``text == content[start:end]``."""

    text: str
    chunks: tuple[Chunk, ...]

    @property
    def start(self) -> int:
        """Where the text begins in the document's content."""
        return self.chunks[0].start

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + len(self.text)

    @property
    def tokens(self) -> int:
        """How many tokens it has, reckoned: of each chunk the share that the chunks before it do not have."""
        until, count = self.start, 0.0
        for chunk in self.chunks:
            count += chunk.token_count * max(0, chunk.end - max(until, chunk.start)) / (len(chunk.text) or 1)
            until = max(until, chunk.end)
        return math.ceil(count)

    def instead_of(self, chunk: Chunk) -> Chunk:
        """Return ``chunk`` with this text, and what is true of all of it: its pages, and the headings above."""
        pages = _pages(self.chunks)
        page = max(pages, key=lambda span: span.end - span.start, default=None)
        # Where a part has no page, a place outside the known ones must not be said to be on one of them.
        known = page if all(each.page is not None for each in self.chunks) else None
        return replace(
            chunk,
            text=self.text,
            start=self.start,
            end=self.end,
            token_count=self.tokens,
            heading_path=_common([each.heading_path for each in self.chunks]),
            page=known.page if known else None,
            page_label=known.label if known else None,
            pages=pages if len(pages) > 1 or not known else (),
            lead=self.chunks[0].lead,
        )


def alone(chunk: Chunk) -> Stretch:
    """Return the stretch that is one chunk."""
    return Stretch(chunk.text, (chunk,))


def joined(one: Stretch, other: Stretch, gaps: Gaps) -> Stretch | None:
    """Return the two as one where they overlap, touch, or have but white space between them; else ``None``.

    They must be of one document. Chunks of different sections, or with metadata of their own, are not joined: what
    the one says of its text would be said of the other's.
    """
    before, after = sorted((one, other), key=lambda each: (each.start, -each.end))
    if not _alike(before.chunks[0], after.chunks[0]) or not _placed(before) or not _placed(after):
        return None
    text = _text(before, after, gaps)
    if text is None:
        return None
    return Stretch(text, tuple(sorted((*before.chunks, *after.chunks), key=lambda each: (each.start, each.end))))


def neighbours(chunks: Iterable[Chunk]) -> list[tuple[UUID, UUID]]:
    """Return the pairs of chunks of a document that could be joined if the text between them were known."""
    by_ordinal = {chunk.ordinal: chunk for chunk in chunks}
    return [
        (chunk.id, after.id)
        for ordinal, chunk in by_ordinal.items()
        if (after := by_ordinal.get(ordinal + 1)) and after.start > chunk.end and _alike(chunk, after)
    ]


def _text(before: Stretch, after: Stretch, gaps: Gaps) -> str | None:
    if after.start > before.end:
        gap = gaps.get((before.chunks[-1].id, after.chunks[0].id))
        if gap is None or gap.strip() or len(gap) != after.start - before.end:
            return None
        return f"{before.text}{gap}{after.text}"
    shared = before.text[after.start - before.start : after.end - before.start]
    # They agree where both are of one version of the document.
    return before.text + after.text[len(shared) :] if after.text.startswith(shared) else None


def _placed(stretch: Stretch) -> bool:
    """Whether its chunks say where they stand."""
    return all(0 <= chunk.start < chunk.end == chunk.start + len(chunk.text) for chunk in stretch.chunks)


def _alike(one: Chunk, other: Chunk) -> bool:
    return one.heading_path == other.heading_path and one.metadata == other.metadata


def _pages(chunks: Sequence[Chunk]) -> tuple[PageSpan, ...]:
    found: list[PageSpan] = []
    spans = (span for chunk in chunks for span in chunk.pages or _one_page(chunk))
    for span in sorted(spans, key=lambda each: (each.start, each.end)):
        last = found[-1] if found else None
        if last and (last.page, last.label) == (span.page, span.label):
            found[-1] = replace(last, end=max(last.end, span.end))
        else:
            found.append(span)
    return tuple(found)


def _one_page(chunk: Chunk) -> tuple[PageSpan, ...]:
    return () if chunk.page is None else (PageSpan(chunk.page, chunk.start, chunk.end, chunk.page_label),)


def _common(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    levels = zip(*paths, strict=False)
    return tuple(level[0] for level in takewhile(lambda level: len(set(level)) == 1, levels))
