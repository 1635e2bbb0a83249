"""What is told of the index of words: its segments, their size, and what waits for upkeep."""

from collections.abc import Sequence
from dataclasses import dataclass

from ragstone.postgres.database import Connection
from ragstone.postgres.lexical.reading import ANSWERS
from ragstone.postgres.lexical.upkeep import FULL

_STATUS = f"""
    select count(*), coalesce(sum(s.chunk_count), 0), coalesce(sum(s.version_count), 0),
        (select coalesce(sum(pg_total_relation_size(name::regclass)), 0) from unnest(
            array['lexical_segments', 'lexical_blocks', 'lexical_members']) name),
        (select count(*) from versions v where {ANSWERS} and v.chunk_count > 0
            and not exists (select from lexical_members m join lexical_segments o on o.id = m.segment_id
                where m.version_id = v.id and o.made_by = %(made_by)s)),
        coalesce(sum(s.version_count), 0) - (select count(*) from lexical_members),
        count(*) filter (where s.made_by <> %(made_by)s)
    from lexical_segments s
"""  # noqa: S608 (no input)

# Nothing is read of the blocks but how long each is: they are stored uncompressed, apart from their rows.
_COLLECTIONS = f"""
    select l.tenant, l.name, count(*), sum(s.chunk_count), sum(octet_length(s.members) + parts.bytes),
        case when count(*) filter (where small) > 1 then count(*) filter (where small) else 0 end
    from lexical_segments s join collections l on l.id = s.collection_id
    cross join lateral (select s.chunk_count < {FULL} as small) size
    cross join lateral (
        select coalesce(sum(octet_length(b.data)), 0) as bytes from lexical_blocks b where b.segment_id = s.id) parts
    group by l.id order by l.tenant, l.name
"""  # noqa: S608 (no input)


@dataclass(frozen=True, slots=True)
class WordsOfCollection:
    """The segments of one collection; ``unmerged`` ones are so small that they become one when there is no more news.

    ``bytes`` are those of the segments themselves, without what PostgreSQL adds.
    """

    tenant: str
    collection: str
    segments: int
    chunks: int
    bytes: int
    unmerged: int


@dataclass(frozen=True, slots=True)
class WordsStatus:
    """The segments of all collections, with the chunks and versions that they were made of, and the bytes they take.

    ``waiting`` versions are to be indexed, for the first time or anew; ``deleted`` ones still stand in a segment, where
    they are not found; ``outdated`` segments were made otherwise than now.
    """

    segments: int
    chunks: int
    versions: int
    bytes: int
    waiting: int
    deleted: int
    outdated: int
    collections: Sequence[WordsOfCollection]


async def words_status(connection: Connection, made_by: str) -> WordsStatus:
    """Return the state of the index of words, whose segments are marked with ``made_by`` now."""
    cursor = await connection.execute(_STATUS, {"made_by": made_by})
    segments, chunks, versions, size, waiting, deleted, outdated = map(int, (await cursor.fetchall())[0])
    cursor = await connection.execute(_COLLECTIONS)
    collections = [WordsOfCollection(*row[:2], *map(int, row[2:])) for row in await cursor.fetchall()]
    return WordsStatus(segments, chunks, versions, size, waiting, deleted, outdated, collections)
