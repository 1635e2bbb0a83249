"""Shaping: of many hits the few that are worth reading, none of which says what another one says.

    near-duplicates folded ─▶ parents in place of chunks ─▶ neighbours joined ─▶ at most n per document ─▶ the limit

What was found stays in its order, and every hit that goes has its reason.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final
from uuid import UUID

from ragstone.domain.documents import Chunk
from ragstone.domain.queries import Folded, Hit, Scope
from ragstone.ports.chunks import Parent
from ragstone.ports.record import Record
from ragstone.retrieve.computing import computed
from ragstone.retrieve.duplicates import repeated
from ragstone.retrieve.joining import Gaps, Stretch, alone, joined, neighbours

MOST_PARENTS: Final = 100
"""Hits for which parents are looked up, the best ones: what is below is seldom given."""
_FEW, _BRIEF = 20, 16_000
"""Texts, and letters of them, that are compared at once: 1.5 ms of work, and more where nearly all say nearly the
same."""
_FOREIGN: Final = 4
"""Letters beyond ASCII weigh so much."""


class Reason(StrEnum):
    """Why a hit was not given as a hit of its own."""

    DUPLICATE = "duplicate"
    PARENT = "parent"
    JOINED = "joined"
    PER_DOCUMENT = "per_document"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Shape:
    """What is asked of the hits.

    ``fold``: near-duplicates become one hit that names the others. ``per_document``: most hits of one document; 0 for
    any number. ``join``: neighbours become one hit. ``parents``: most characters of a document, or section of one,
    that is given in place of its chunks; 0 for none.
    """

    fold: bool = True
    per_document: int = 0
    join: bool = False
    parents: int = 0


@dataclass(frozen=True, slots=True)
class Cut:
    """Why a hit is not given, and the chunk id ``of`` the better hit that says it or has its text, if one does."""

    reason: Reason
    of: UUID | None = None


@dataclass(frozen=True, slots=True)
class Shaped:
    """The hits that are given, best first, and why the others are not, by chunk id."""

    hits: tuple[Hit, ...]
    cuts: Mapping[UUID, Cut] = field(default_factory=dict)


class Shaping:
    """Shapes what was found. ``most_tokens`` bounds a hit that is joined from several, as far as can be reckoned."""

    def __init__(self, *, most_tokens: int) -> None:
        self._most_tokens = most_tokens

    async def shape(self, record: Record, scope: Scope, hits: Sequence[Hit], shape: Shape, limit: int) -> Shaped:
        """Return at most ``limit`` of ``hits``, which are best first and have been loaded in ``scope``.

        The record is asked only for parents, and for the white space between neighbours that do not meet; with
        ``scope``, so no text is given that it may not see. Raises as the record does.
        """
        kept, folded = await _fold(hits) if shape.fold else (hits, {})
        parents, gaps = await self._around(record, scope, kept, shape)
        walk = _Walk(shape, limit, self._most_tokens if shape.join else 0, parents, gaps)
        for hit in kept:
            walk.take(hit)
        return Shaped(tuple(run.hit() for run in walk.runs), {**folded, **walk.cuts()})

    async def _around(
        self, record: Record, scope: Scope, hits: Sequence[Hit], shape: Shape
    ) -> tuple[Sequence[Parent], Gaps]:
        pairs = _neighbours(hits) if shape.join else []
        wanted = [hit.chunk.id for hit in hits[:MOST_PARENTS]] if shape.parents else []
        if not pairs and not wanted:
            return (), {}
        async with record.reading() as transaction:
            parents = await transaction.chunks.parents(scope, wanted, shape.parents) if wanted else ()
            gaps = await transaction.chunks.between(scope, pairs) if pairs else {}
        return parents, gaps


@dataclass(slots=True)
class _Run:
    """Hits that become one, the best of them first. ``parent``: the text is their parent's, and stays as it is."""

    members: list[Hit]
    stretch: Stretch
    reason: Reason = Reason.JOINED
    parent: bool = False

    @property
    def best(self) -> Hit:
        return self.members[0]

    def hit(self) -> Hit:
        """Return the best hit with the text of all, naming what each of them names."""
        if len(self.members) == 1 and not self.parent:
            return self.best
        return replace(
            self.best,
            chunk=self.stretch.instead_of(self.best.chunk),
            folded=tuple(each for member in self.members for each in member.folded),
            chunk_ids=tuple(each.chunk.id for each in sorted(self.members, key=lambda each: each.chunk.ordinal)),
        )


class _Walk:
    """Goes through the hits, the best first, and makes runs of them."""

    def __init__(self, shape: Shape, limit: int, most_tokens: int, parents: Sequence[Parent], gaps: Gaps) -> None:
        self.runs: list[_Run] = []
        self._per_document = shape.per_document
        self._limit = limit
        self._most_tokens = most_tokens
        self._parents = {chunk.id: parent for parent in parents if _whole(parent) for chunk in parent.chunks}
        self._gaps = gaps
        self._left: dict[UUID, Cut] = {}

    def take(self, hit: Hit) -> None:
        """Let ``hit`` join what there is, or stand by itself, or go."""
        parent = self._parents.get(hit.chunk.id)
        run = self._run(hit, parent)
        if parent and (same := next((each for each in self.runs if each.stretch.chunks == parent.chunks), None)):
            same.members.append(hit)
        elif len(self.runs) >= self._limit:
            self._left[hit.chunk.id] = Cut(Reason.LIMIT)
        elif not self._joins(run):
            of_document = sum(each.best.document_id == hit.document_id for each in self.runs)
            if self._per_document and of_document >= self._per_document:
                self._left[hit.chunk.id] = Cut(Reason.PER_DOCUMENT)
            else:
                self.runs.append(run)

    def cuts(self) -> dict[UUID, Cut]:
        """Return why each hit that was taken is not given by itself."""
        merged = {each.chunk.id: Cut(run.reason, run.best.chunk.id) for run in self.runs for each in run.members[1:]}
        return {**self._left, **merged}

    def _run(self, hit: Hit, parent: Parent | None) -> _Run:
        if parent is None:
            return _Run([hit], alone(hit.chunk))
        return _Run([hit], Stretch(parent.text, parent.chunks), Reason.PARENT, parent=True)

    def _joins(self, run: _Run) -> bool:
        """Whether the run became a part of a better one."""
        for better in self.runs:
            if self._absorbs(better, run):
                # It may have closed the gap to a third.
                self.runs = [each for each in self.runs if each is better or not self._absorbs(better, each)]
                return True
        return False

    def _absorbs(self, better: _Run, run: _Run) -> bool:
        whole = self._joined(better, run)
        if whole is not None:
            better.stretch, better.members = whole, [*better.members, *run.members]
        return whole is not None

    def _joined(self, one: _Run, other: _Run) -> Stretch | None:
        if not self._most_tokens or one.parent or other.parent or one.best.document_id != other.best.document_id:
            return None
        whole = joined(one.stretch, other.stretch, self._gaps)
        return whole if whole and whole.tokens <= self._most_tokens else None


async def _fold(hits: Sequence[Hit]) -> tuple[list[Hit], dict[UUID, Cut]]:
    """Return the hits that say something new, each naming those that say it again, and why these were cut."""
    texts = [hit.chunk.told for hit in hits]
    # Where each letter is a word, there is more to compare.
    letters = sum(len(text) if text.isascii() else _FOREIGN * len(text) for text in texts)
    again = await computed(len(texts) <= _FEW and letters <= _BRIEF, repeated, texts)
    folded: dict[int, list[Folded]] = defaultdict(list)
    for place, first in again.items():
        folded[first].append(_named(hits[place]))
    kept = [
        replace(hit, folded=(*hit.folded, *folded[place])) if place in folded else hit
        for place, hit in enumerate(hits)
        if place not in again
    ]
    return kept, {hits[place].chunk.id: Cut(Reason.DUPLICATE, hits[first].chunk.id) for place, first in again.items()}


def _named(hit: Hit) -> Folded:
    return Folded(hit.chunk.id, hit.document_id, hit.title, hit.uri, hit.collection, hit.score)


def _neighbours(hits: Sequence[Hit]) -> list[tuple[UUID, UUID]]:
    by_document: dict[UUID, list[Chunk]] = defaultdict(list)
    for hit in hits:
        by_document[hit.document_id].append(hit.chunk)
    return [pair for chunks in by_document.values() if len(chunks) > 1 for pair in neighbours(chunks)]


def _whole(parent: Parent) -> bool:
    """Whether the text has the length that its chunks say; another would make citations point elsewhere."""
    return len(parent.text) == max(chunk.end for chunk in parent.chunks) - parent.chunks[0].start
