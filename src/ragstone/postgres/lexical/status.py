"""What is told of the index of words: its segments, their size, and what waits for upkeep."""

from dataclasses import dataclass

from ragstone.postgres.database import Connection
from ragstone.postgres.lexical.making import MADE_BY

_STATUS = """
    select count(*), coalesce(sum(s.chunk_count), 0), coalesce(sum(s.version_count), 0),
        (select coalesce(sum(pg_total_relation_size(name::regclass)), 0) from unnest(
            array['lexical_segments', 'lexical_blocks', 'lexical_members']) name),
        (select count(*) from versions v where v.state in ('searchable', 'ready') and v.chunk_count > 0
            and not exists (select from lexical_members m join lexical_segments o on o.id = m.segment_id
                where m.version_id = v.id and o.made_by = %(made_by)s)),
        coalesce(sum(s.version_count), 0) - (select count(*) from lexical_members),
        count(*) filter (where s.made_by <> %(made_by)s)
    from lexical_segments s
"""


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


async def words_status(connection: Connection) -> WordsStatus:
    """Return the state of the index of words."""
    cursor = await connection.execute(_STATUS, {"made_by": MADE_BY})
    return WordsStatus(*map(int, (await cursor.fetchall())[0]))
