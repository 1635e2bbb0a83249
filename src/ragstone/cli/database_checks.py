"""What ``doctor`` asks the database."""

from typing import Any, LiteralString

from ragstone.api.guard import is_loopback
from ragstone.cli.db import database_status
from ragstone.cli.replies import Check
from ragstone.container import Container
from ragstone.ports.embedding_spaces import Role
from ragstone.postgres.versions import WORKERS

_OPEN = "select count(*) from versions where state in ('accepted', 'parsing', 'searchable')"
_WORKERS_LIVE = f"select {WORKERS}"
_READY = "select count(*) from versions where state = 'ready'"


async def database(container: Container) -> Check:
    """Reach the server, or start the embedded one."""
    await container.database.open(migrated=False)
    status = await database_status(container)
    detail = f"PostgreSQL {status.postgresql}, pgvector {status.pgvector}, {status.server}"
    return Check(name="database", status="ok", detail=detail)


async def schema(container: Container) -> Check:
    """See that the migrations are applied."""
    status = await database_status(container)
    if status.pending:
        detail = f"{status.database_schema} lacks {', '.join(status.pending)}"
        remedy = "`ragstone db migrate` applies them; so does the next command that opens the record."
        return Check(name="schema", status="warning", detail=detail, remedy=remedy)
    return Check(name="schema", status="ok", detail=f"{status.database_schema}, all migrations are applied")


async def queue(container: Container) -> Check:
    """See that somebody works on what waits."""
    waiting, workers = await _number(container, _OPEN), await _number(container, _WORKERS_LIVE)
    detail = f"{waiting:,} documents wait, {workers:,} workers work"
    if waiting and not workers:
        return Check(
            name="queue", status="warning", detail=detail, remedy="Start one: `ragstone worker`, or `ragstone up`."
        )
    return Check(name="queue", status="ok", detail=detail)


async def keys(container: Container) -> Check:
    """See that there is a key where one is needed."""
    async with container.record.transaction() as transaction:
        there = await transaction.keys.any()
    host = container.settings.host
    if there:
        return Check(name="keys", status="ok", detail="there are API keys")
    if is_loopback(host):
        return Check(name="keys", status="ok", detail=f"none, and none is needed on {host}")
    return Check(
        name="keys",
        status="failed",
        detail=f"none, and {host} is no loopback address",
        remedy="Make one with `ragstone keys create`, or serve on 127.0.0.1.",
    )


async def spaces(container: Container) -> Check:
    """See that the model that is configured, which must be warm, is the one whose vectors answer."""
    model = container.embedder.model
    async with container.record.transaction() as transaction:
        active = await transaction.spaces.of_role(Role.ACTIVE)
    ready = await _number(container, _READY)
    if active and not active.holds(model):
        return Check(
            name="vectors",
            status="warning",
            detail=f"{ready:,} documents are embedded by {active.model} {active.version};"
            f" the settings name {model.name} {model.version}",
            remedy="`ragstone reembed` brings them over.",
        )
    return Check(name="vectors", status="ok", detail=f"{ready:,} documents, all embedded by this model")


async def _number(container: Container, query: LiteralString, *parameters: Any) -> int:
    async with container.database.connection() as connection:
        cursor = await connection.execute(query, parameters)
        row = await cursor.fetchone()
        return int(row[0]) if row else 0
