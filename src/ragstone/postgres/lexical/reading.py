"""What the record says of collections: their segments, who may read what is in them, and what is in none."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import LiteralString, NamedTuple
from uuid import UUID

import numpy as np

from ragstone.domain.access import Principal
from ragstone.postgres.database import Connection
from ragstone.postgres.lexical.segments import load_members
from ragstone.retrieve.lexical.segment import Ids, Members

ANSWERS = """(v.state in ('searchable', 'ready')
    or exists (select from documents d where d.current_version = v.id))"""
"""That a version ``v`` answers questions, or is to: one that could not be embedded goes on answering by its words."""

LACKS_WORDS = """v.chunk_count > 0
    and not exists (select from lexical_members m where m.version_id = v.id)
    and exists (select from chunks c where c.version_id = v.id)"""
"""That nothing of a version ``v``, which has text, is in any segment. Both come with one transaction, or not at all."""

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

_SHOWN_IN = """
    select m.segment_id, v.readers, string_agg(uuid_send(v.id), ''::bytea)
    from lexical_members m join versions v on v.id = m.version_id join documents d on d.current_version = v.id
    where m.segment_id = any(%s)
    group by m.segment_id, v.readers
"""

_SHOWN_OF = f"""
    select m.segment_id, v.readers, string_agg(uuid_send(v.id), ''::bytea)
    from versions v join documents d on d.current_version = v.id
    left join lexical_members m on m.version_id = v.id
    where v.id = any(%s) and (m.segment_id is not null or {LACKS_WORDS})
    group by m.segment_id, v.readers
"""  # noqa: S608 (no input)

_IN_NONE = f"""
    select null::bigint, v.readers, string_agg(uuid_send(v.id), ''::bytea)
    from documents d join versions v on v.id = d.current_version
    where d.collection_id = any(%s) and {LACKS_WORDS}
    group by v.readers
"""  # noqa: S608 (no input)

_LANGUAGES = """
    select segment_id, language, string_agg(uuid_send(version_id), ''::bytea) from lexical_members
    where segment_id = any(%s) group by 1, 2
"""


class Seen(NamedTuple):
    """A collection as a question finds it: its segments, the versions of it that were noted since what is known, the
    transaction from which on others may still be under way, and the newest one of which the notes were forgotten."""

    collection: UUID
    segments: frozenset[int]
    changed: Sequence[UUID]
    xmin: int
    forgotten: int


class Shown(NamedTuple):
    """Versions that answer these readers, of one segment, or of those whose words are in none (``None``)."""

    segment: int | None
    readers: frozenset[str]
    versions: Ids


class Loaded(NamedTuple):
    """What a segment holds, and the versions of each language."""

    members: Members
    languages: Mapping[str, Ids]


async def look(
    connection: Connection, principal: Principal, names: Sequence[str], known: Mapping[UUID, int]
) -> list[Seen]:
    """Return a principal's collections of these names (all, where none is named), in the order of their ids.

    ``known``: of which collections all is known that transactions before this one did.
    """
    cursor = await connection.execute(
        _LOOK,
        {"tenant": principal.tenant, "names": list(names), "known": list(known), "since": list(known.values())},
    )
    return [Seen(row[0], frozenset(row[1]), *row[2:]) for row in await cursor.fetchall()]


async def shown_in(connection: Connection, segments: Sequence[int]) -> list[Shown]:
    """Return the versions in these segments that answer."""
    return await _shown(connection, _SHOWN_IN, segments)


async def shown_of(connection: Connection, versions: Sequence[UUID]) -> list[Shown]:
    """Return those of the versions that answer, also where their words are in no segment."""
    return await _shown(connection, _SHOWN_OF, versions)


async def in_none(connection: Connection, collection: UUID) -> list[Shown]:
    """Return the versions of a collection that answer, and whose words are in no segment."""
    return await _shown(connection, _IN_NONE, [collection])


async def _shown(connection: Connection, query: LiteralString, of: Sequence[int | UUID]) -> list[Shown]:
    if not of:
        return []
    cursor = await connection.execute(query, (list(of),), binary=True)
    return [
        Shown(number, frozenset(readers), np.frombuffer(versions, "V16"))
        for number, readers, versions in await cursor.fetchall()
    ]


async def load(connection: Connection, numbers: Sequence[int]) -> dict[int, Loaded]:
    """Return those of the segments that are there. Raises ``DamagedSegment``."""
    stored = await load_members(connection, numbers)
    languages: defaultdict[int, dict[str, Ids]] = defaultdict(dict)
    cursor = await connection.execute(_LANGUAGES, (list(numbers),), binary=True)
    for number, language, versions in await cursor.fetchall():
        languages[number][language] = np.frombuffer(versions, "V16")
    return {number: Loaded(each.members, languages[number]) for number, each in stored.items()}
