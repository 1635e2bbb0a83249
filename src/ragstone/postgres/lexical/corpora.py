"""What a process knows of the segments of collections: read once, and kept true by what has changed since.

A segment never changes. Which of its versions answer, and for whom, does: each such change is noted in the record in
the transaction that makes it, and each question begins with what was noted since the one before.
"""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import LiteralString, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from ragstone.domain.access import Principal
from ragstone.postgres.database import Connection, Database
from ragstone.postgres.lexical.segments import load_members
from ragstone.retrieve.lexical.scoring import Mask, Statistics
from ragstone.retrieve.lexical.segment import Ids, Members, ids_of

FORGOTTEN_SECONDS = 3600.0
"""How long a change is noted, about. Who has not looked for longer than that looks at everything anew."""

_LOOK = """
    select l.id, coalesce((select array_agg(s.id) from lexical_segments s where s.collection_id = l.id), '{}'),
        coalesce((select array_agg(distinct c.version_id) from visibility_changes c
            where c.collection_id = l.id and c.xid >= known.since::text::xid8), '{}'),
        pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
        (select newest::text::bigint from visibility_changes_forgotten)
    from collections l
    left join unnest(%(known)s::uuid[], %(since)s::bigint[]) known (id, since) on known.id = l.id
    where l.tenant = %(tenant)s and (cardinality(%(names)s::text[]) = 0 or l.name = any(%(names)s::text[]))
    order by l.id
"""

_SHOWN = """
    select m.segment_id, v.readers, string_agg(uuid_send(v.id), ''::bytea)
    from lexical_members m join versions v on v.id = m.version_id join documents d on d.current_version = v.id
    where {}
    group by m.segment_id, v.readers
"""
_SHOWN_IN = _SHOWN.format("m.segment_id = any(%s)")
_SHOWN_OF = _SHOWN.format("v.id = any(%s)")

_LANGUAGES = """
    select segment_id, language, string_agg(uuid_send(version_id), ''::bytea) from lexical_members
    where segment_id = any(%s) group by 1, 2
"""

_HIDDEN = -1
_MOST_MASKS = 64
"""Sets of readers whose view of a segment is kept."""


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


class _Seen(NamedTuple):
    """A collection as a question finds it: its segments, the versions of it that were noted since what is known, the
    transaction from which on others may still be under way, and the newest one of which the notes were forgotten."""

    collection: UUID
    segments: frozenset[int]
    changed: Sequence[UUID]
    xmin: int
    forgotten: int


@dataclass(eq=False, slots=True)
class _Corpus:
    """A collection: its segments, and since when changes are to be looked for."""

    segments: dict[int, Held] = field(default_factory=dict)
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
        self._refreshing = asyncio.Lock()

    async def views(self, principal: Principal, collections: Sequence[str]) -> list[View]:
        """Return the segments of a principal's collections of these names (all, where none is named), as of now.

        Raises ``DamagedSegment``.
        """
        async with self._database.reading() as connection:
            looked = await self._look(connection, principal, collections)
        if all(self._is_known(seen) for seen in looked):
            corpora = [self._corpora[seen.collection] for seen in looked]
        else:
            async with self._refreshing, self._database.connection() as connection:
                await connection.execute("set transaction isolation level repeatable read, read only")
                looked = await self._look(connection, principal, collections)
                corpora = [await self._refresh(connection, seen) for seen in looked]
        self._forget()
        held = [each for corpus in corpora for each in corpus.segments.values()]
        views = (self._view(each, principal.readers) for each in held)
        return [view for view in views if view.statistics.chunks]

    async def _look(self, connection: Connection, principal: Principal, names: Sequence[str]) -> list[_Seen]:
        known = {key: corpus.since for key, corpus in self._corpora.items()}
        cursor = await connection.execute(
            _LOOK,
            {
                "tenant": principal.tenant,
                "names": list(names),
                "known": list(known),
                "since": list(known.values()),
            },
        )
        return [_Seen(row[0], frozenset(row[1]), *row[2:]) for row in await cursor.fetchall()]

    def _is_known(self, seen: _Seen) -> bool:
        """Say whether what is held of a collection is what was seen."""
        corpus = self._corpora.get(seen.collection)
        if corpus is None or not corpus.known(seen.forgotten):
            return False
        if seen.changed or corpus.segments.keys() != seen.segments:
            return False
        self._corpora.move_to_end(seen.collection)
        corpus.known_until(seen.xmin)
        return True

    async def _refresh(self, connection: Connection, seen: _Seen) -> _Corpus:
        """Return, and hold, what was seen of a collection; ``connection`` sees the same until its transaction ends."""
        corpus = self._corpora.get(seen.collection) or _Corpus()
        held = {number: each for number, each in corpus.segments.items() if number in seen.segments}
        fresh = sorted(seen.segments - held.keys())
        if fresh:
            held |= await _load(connection, fresh)
        if not corpus.known(seen.forgotten):
            fresh = sorted(held)
        shown = await _shown(connection, _SHOWN_IN, fresh) + await _shown(connection, _SHOWN_OF, seen.changed)
        # At one go from here: others may look at what is held whenever we wait.
        for number, each in held.items():
            each.hide(None if number in fresh else seen.changed)
        for number, readers, versions in shown:
            if number in held:
                held[number].show(versions, self._number_of(readers))
        corpus.segments = held
        corpus.known_until(seen.xmin)
        self._corpora[seen.collection] = corpus
        return corpus

    def _number_of(self, readers: frozenset[str]) -> int:
        return self._readers.setdefault(readers, len(self._readers))

    def _view(self, held: Held, readers: frozenset[str]) -> View:
        made = held.masks.pop(readers, None)
        if made is None:
            allowed = [number for each, number in self._readers.items() if each & readers]
            made = held.shown_to(allowed)
        held.masks[readers] = made
        if len(held.masks) > _MOST_MASKS:
            del held.masks[next(iter(held.masks))]  # that of those who have not asked for the longest
        return View(held.number, held.members, *made)

    def _forget(self) -> None:
        """Let go of the collections that were asked the longest ago, where there are too many."""
        while len(self._corpora) > 1 and sum(each.chunks for each in self._corpora.values()) > self._most_chunks:
            self._corpora.popitem(last=False)


async def _shown(
    connection: Connection, query: LiteralString, of: Sequence[int | UUID]
) -> list[tuple[int, frozenset[str], Ids]]:
    """Return versions that answer, by segment and readers."""
    if not of:
        return []
    cursor = await connection.execute(query, (list(of),), binary=True)
    return [
        (number, frozenset(readers), np.frombuffer(versions, "V16"))
        for number, readers, versions in await cursor.fetchall()
    ]


async def _load(connection: Connection, numbers: Sequence[int]) -> dict[int, Held]:
    stored = await load_members(connection, numbers)
    languages: defaultdict[int, dict[str, Ids]] = defaultdict(dict)
    cursor = await connection.execute(_LANGUAGES, (list(numbers),), binary=True)
    for number, language, versions in await cursor.fetchall():
        languages[number][language] = np.frombuffer(versions, "V16")
    return {number: Held(number, each.members, languages[number]) for number, each in stored.items()}
