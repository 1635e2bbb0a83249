"""The ``Changes`` port: triggers note each change in the transaction that makes it; a snapshot says who has seen it.

Whatever a snapshot does not show is a change since then, however long ago its transaction began.
"""

from collections.abc import Sequence

from ragstone.domain.access import Principal
from ragstone.ports.changes import Moment
from ragstone.postgres.database import Database
from ragstone.postgres.visibility import principal_parameters

FORGOTTEN_SECONDS = 3600.0
"""How long a change is noted, about. What is older than that is no longer known to be unchanged, and is searched for
anew: forgetting too early costs time, and no truth."""

_MOMENT = """
    select pg_current_snapshot()::text, ({named}),
        coalesce((select id from embedding_spaces where role = 'active'), 0),
        %(since)s::text is not null
        and (select newest from reply_changes_forgotten) < pg_snapshot_xmin(%(since)s::pg_snapshot)
        and not exists (
            select from reply_changes c
            where {within} and c.xid >= pg_snapshot_xmin(%(since)s::pg_snapshot)
              and not pg_visible_in_snapshot(c.xid, %(since)s::pg_snapshot)
              and (c.readers is null or %(readers)s::text[] && c.readers))
"""
_OF_TENANT = _MOMENT.format(named="null", within="c.tenant = %(tenant)s")
_OF_COLLECTIONS = _MOMENT.format(
    named="select array_agg(id order by id) from collections where tenant = %(tenant)s and name = any(%(names)s)",
    within="c.collection_id = any(%(collections)s)",
)

# Only what every snapshot from now on shows; so it is enough to know the newest of them.
_FORGET = """
    with gone as (
        delete from reply_changes
        where noted_at < now() - make_interval(secs => %s) and xid < pg_snapshot_xmin(pg_current_snapshot())
        returning xid)
    update reply_changes_forgotten set newest = greatest(newest, (select xid from gone order by xid desc limit 1))
    where exists (select from gone)
"""


class PostgresChanges:
    """Looks for changes in the record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def moment(self, principal: Principal, collections: Sequence[str], since: Moment | None = None) -> Moment:
        """Return ``since`` itself if nothing has changed from then on, else the moment of now."""
        asked = {
            **principal_parameters(principal),
            "names": list(collections),
            "since": since.snapshot if since else None,
            "collections": list(since.collections or ()) if since else [],
        }
        async with self._database.reading() as connection:
            cursor = await connection.execute(_OF_COLLECTIONS if collections else _OF_TENANT, asked)
            snapshot, named, space, unchanged = (await cursor.fetchall())[0]
        if since and unchanged and space == since.space:
            return since
        return Moment(snapshot, tuple(named or ()) if collections else None, space)

    async def forget(self, seconds: float = FORGOTTEN_SECONDS) -> None:
        """Forget changes that were noted longer ago than this. Raises ``DatabaseUnavailable``."""
        async with self._database.connection() as connection:
            await connection.execute(_FORGET, (seconds,))
