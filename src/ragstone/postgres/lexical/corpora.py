"""What a process knows of the segments of collections: read once, and kept true by what has changed since.

A segment never changes. Which of its versions answer, and for whom, does: each such change is noted in the record in
the transaction that makes it, and each question begins with what was noted since the one before.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from ragstone.domain.access import Principal
from ragstone.postgres.database import Connection, Database
from ragstone.postgres.lexical.lacking import Lacking, in_none_of
from ragstone.postgres.lexical.reading import Seen, in_none, load, look, shown_in, shown_of
from ragstone.retrieve.lexical.scoring import Mask, Statistics
from ragstone.retrieve.lexical.segment import Ids, Members, ids_of

FORGOTTEN_SECONDS = 3600.0
"""How long a change is noted, about. Who has not looked for longer than that looks at everything anew."""

_HIDDEN = -1
_MOST_MASKS = 64
"""Sets of readers whose view of a segment is kept."""

_MOST_COLLECTIONS = 10_000


class Held:
    """A segment that is held, and for each of its versions who may read it, by number; a hidden one answers nobody.

    ``languages``: the versions of each language.
    """

    def __init__(self, number: int, members: Members, languages: Mapping[str, Ids]) -> None:
        self.number = number
        self.members = members
        self.readers: NDArray[np.int32] = np.full(len(members.version_ids), _HIDDEN, np.int32)
        self.masks: dict[frozenset[str], _Shown] = {}
        ids = members.version_ids.view("S16")
        self._order = np.argsort(ids, kind="stable")
        self._sorted = ids[self._order]
        self._languages = tuple(languages)
        self._language: NDArray[np.int32] = np.zeros(len(ids), np.int32)
        for language, versions in enumerate(languages.values()):
            self._language[self._places(versions)] = language

    def hide(self, versions: Sequence[UUID] | None) -> None:
        """Let those of the versions that it has answer nobody; all of them for ``None``."""
        self._set(self.members.version_ids if versions is None else ids_of(versions), _HIDDEN)

    def show(self, versions: Ids, readers: int) -> None:
        """Let versions answer the readers with this number."""
        self._set(versions, readers)

    def shown_to(self, readers: Sequence[int]) -> "_Shown":
        """Return what those see who may read what these numbers stand for."""
        versions = np.isin(self.readers, np.array(readers, np.int32))
        counted = np.bincount(self._language[versions], minlength=len(self._languages))
        languages = {language: int(count) for language, count in zip(self._languages, counted, strict=True) if count}
        if versions.all():
            return _Shown(None, Statistics(len(self.members.chunk_ids), self.members.words()), languages)
        mask = np.repeat(versions, self.members.sizes)
        return _Shown(mask, Statistics(int(np.count_nonzero(mask)), self.members.words(mask)), languages)

    def _places(self, versions: Ids) -> NDArray[np.intp]:
        """Return where those of the versions are that the segment has."""
        asked = versions.view("S16")
        places = np.minimum(np.searchsorted(self._sorted, asked), len(self._sorted) - 1)
        found: NDArray[np.intp] = self._order[places[self._sorted[places] == asked]]
        return found

    def _set(self, versions: Ids, readers: int) -> None:
        places = self._places(versions)
        if (self.readers[places] != readers).any():
            self.readers[places] = readers
            self.masks = {}


class _Shown(NamedTuple):
    """What readers see of a segment: the chunks that they may find (``None``: all), what to count over, and how many
    versions there are of each language, all of what they see alone."""

    mask: Mask | None
    statistics: Statistics
    languages: Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A segment as readers see it: the chunks that they may find (``None``: all), what to count over, and how many
    versions there are of each language: what they may not read counts nowhere."""

    number: int
    members: Members
    mask: Mask | None
    statistics: Statistics
    languages: Mapping[str, int]


class InView(NamedTuple):
    """The segments of what was asked of, as readers see them, and whether they may read anything that has no words."""

    views: list[View]
    lacks_words: bool


@dataclass(eq=False, slots=True)
class _Corpus:
    """A collection: its segments, what is in none, and since when changes are to be looked for."""

    tenant: str
    segments: dict[int, Held] = field(default_factory=dict)
    lacking: Lacking = field(default_factory=Lacking)
    since: int = 0

    def known(self, forgotten: int) -> bool:
        """Say whether all changes to what is held are still noted."""
        return forgotten < self.since

    def known_until(self, xmin: int) -> None:
        """Note that it holds what every transaction before this one did."""
        self.since = max(self.since, xmin)

    @property
    def chunks(self) -> int:
        return sum(len(held.members.chunk_ids) for held in self.segments.values())


class Corpora:
    """The collections that were asked of late, up to ``most_chunks`` chunks of them."""

    def __init__(self, database: Database, *, most_chunks: int = 20_000_000) -> None:
        self._database = database
        self._most_chunks = most_chunks
        self._corpora: OrderedDict[UUID, _Corpus] = OrderedDict()
        self._readers: dict[frozenset[str], int] = {}
        # One for each collection that is looked at anew just now, gone when nobody holds it or waits for it.
        self._refreshing: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    async def in_view(self, principal: Principal, collections: Sequence[str]) -> InView:
        """Return the segments of a principal's collections of these names (all, where none is named), as of now.

        Raises ``DamagedSegment``.
        """
        async with self._database.reading() as connection:
            looked = await self._look(connection, principal, collections)
        if not collections:
            self._forget_but(principal.tenant, {seen.collection for seen in looked})
        corpora = {seen.collection: self._corpora[seen.collection] for seen in looked if self._is_known(seen)}
        stale: set[UUID] = set()
        while len(corpora) < len(looked):
            stale |= {seen.collection for seen in looked} - corpora.keys()
            looked, corpora = await self._refreshed(principal, collections, stale)
        self._forget()
        held = [each for corpus in corpora.values() for each in corpus.segments.values()]
        views = (self._view(each, principal.readers) for each in held)
        lacking = [corpus.lacking for corpus in corpora.values() if corpus.lacking]
        lacks = any(each.any_for(self._allowed(principal.readers)) for each in lacking)
        return InView([view for view in views if view.statistics.chunks], lacks)

    async def _refreshed(
        self, principal: Principal, collections: Sequence[str], stale: AbstractSet[UUID]
    ) -> tuple[list[Seen], dict[UUID, _Corpus]]:
        """Look again, and return what is known of the collections once those that are ``stale`` are."""
        async with self._alone(stale), self._database.connection() as connection:
            await connection.execute("set transaction isolation level repeatable read, read only")
            looked = await self._look(connection, principal, collections)
            corpora = {}
            for seen in looked:
                if self._is_known(seen):
                    corpora[seen.collection] = self._corpora[seen.collection]
                elif seen.collection in stale:
                    corpora[seen.collection] = await self._refresh(connection, principal.tenant, seen)
        return looked, corpora

    @asynccontextmanager
    async def _alone(self, collections: AbstractSet[UUID]) -> AsyncIterator[None]:
        """Keep others from refreshing these collections; who refreshes others is not waited for."""
        async with AsyncExitStack() as stack:
            for each in sorted(collections):  # all in one order, so that none wait in a ring
                await stack.enter_async_context(self._refreshing.setdefault(each, asyncio.Lock()))
            yield

    async def _look(self, connection: Connection, principal: Principal, names: Sequence[str]) -> list[Seen]:
        known = {key: each.since for key, each in self._corpora.items() if each.tenant == principal.tenant}
        return await look(connection, principal, names, known)

    def _is_known(self, seen: Seen) -> bool:
        """Say whether what is held of a collection is what was seen."""
        corpus = self._corpora.get(seen.collection)
        if corpus is None or not corpus.known(seen.forgotten):
            return False
        if seen.changed or corpus.segments.keys() != seen.segments:
            return False
        self._corpora.move_to_end(seen.collection)
        corpus.known_until(seen.xmin)
        return True

    async def _refresh(self, connection: Connection, tenant: str, seen: Seen) -> _Corpus:
        """Return, and hold, what was seen of a collection; ``connection`` sees the same until its transaction ends."""
        corpus = self._corpora.get(seen.collection) or _Corpus(tenant)
        held = {number: each for number, each in corpus.segments.items() if number in seen.segments}
        gone = [each for number, each in corpus.segments.items() if number not in seen.segments]
        fresh = sorted(seen.segments - held.keys())
        if fresh:
            held |= {number: Held(number, *each) for number, each in (await load(connection, fresh)).items()}
        if corpus.known(seen.forgotten):
            lost = _lost(gone, [held[number] for number in fresh])
            shown = await shown_in(connection, fresh) + await shown_of(connection, [*seen.changed, *lost])
            settled = [ids_of([*seen.changed, *lost]), *(held[number].members.version_ids for number in fresh)]
            lacking = corpus.lacking.without(settled)
        else:
            fresh, lacking = sorted(held), Lacking()
            shown = await shown_in(connection, fresh) + await in_none(connection, seen.collection)
        # At one go from here: others may look at what is held whenever we wait.
        for number, each in held.items():
            each.hide(None if number in fresh else seen.changed)
        for segment, readers, versions in shown:
            if segment is None:
                lacking = lacking.with_more(versions, self._number_of(readers))
            elif segment in held:
                held[segment].show(versions, self._number_of(readers))
        corpus.segments, corpus.lacking = held, lacking
        corpus.known_until(seen.xmin)
        self._corpora[seen.collection] = corpus
        return corpus

    def _number_of(self, readers: frozenset[str]) -> int:
        return self._readers.setdefault(readers, len(self._readers))

    def _allowed(self, readers: frozenset[str]) -> list[int]:
        return [number for each, number in self._readers.items() if each & readers]

    def _view(self, held: Held, readers: frozenset[str]) -> View:
        made = held.masks.pop(readers, None)
        if made is None:
            made = held.shown_to(self._allowed(readers))
        held.masks[readers] = made
        if len(held.masks) > _MOST_MASKS:
            del held.masks[next(iter(held.masks))]  # that of those who have not asked for the longest
        return View(held.number, held.members, *made)

    def _forget(self) -> None:
        """Let go of the collections that were asked the longest ago, where there are too many."""
        while len(self._corpora) > _MOST_COLLECTIONS or (
            len(self._corpora) > 1 and sum(each.chunks for each in self._corpora.values()) > self._most_chunks
        ):
            self._corpora.popitem(last=False)

    def _forget_but(self, tenant: str, there: AbstractSet[UUID]) -> None:
        """Let go of a tenant's collections that are not there any more."""
        gone = [key for key, each in self._corpora.items() if each.tenant == tenant and key not in there]
        for key in gone:
            del self._corpora[key]


def _lost(gone: Iterable[Held], fresh: Iterable[Held]) -> list[UUID]:
    """Return the versions of segments that are gone which no fresh one has: they were deleted, or their words lost."""
    there = [each.members.version_ids for each in fresh]
    versions = (each.members.version_ids for each in gone)
    return [UUID(bytes=each.tobytes()) for those in versions for each in those[in_none_of(those, there)]]
