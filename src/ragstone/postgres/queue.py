"""The queue: procrastinate's, in the same database, so that a wake-up joins the caller's transaction.

An entry says only "look at this version": what is to be done stands in the version's row, and an entry that
is lost, doubled or late does no harm.
"""

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

import procrastinate
import psycopg_pool
from procrastinate import exceptions
from procrastinate.types import JSONValue

from ragstone.domain.documents import State
from ragstone.domain.errors import DatabaseUnavailable
from ragstone.postgres.database import Connection

Step = Callable[[UUID], Awaitable[None]]

_POLL_SECONDS = 1.0


class Stage(StrEnum):
    """The steps of the offline flow that a worker takes; each is a queue of its own."""

    PARSE = "parse"
    EMBED = "embed"

    @property
    def states(self) -> tuple[State, ...]:
        """The states from which this stage starts."""
        return (State.SEARCHABLE,) if self is Stage.EMBED else (State.ACCEPTED, State.PARSING)

    @classmethod
    def of(cls, state: State) -> "Stage":
        """Return the stage that a version in ``state`` waits for."""
        return next(stage for stage in cls if state in stage.states)


class Queue:
    """Wakes workers, and runs the steps they are woken for."""

    def __init__(self) -> None:
        self._app = procrastinate.App(connector=procrastinate.PsycopgConnector())
        self._pool: psycopg_pool.AsyncConnectionPool[Any] | None = None

    async def open(self, pool: psycopg_pool.AsyncConnectionPool[Any]) -> None:
        """Use the connections of ``pool``."""
        self._pool = pool
        await self._app.open_async(pool)

    async def wake(self, connection: Connection, stage: Stage, version_ids: Sequence[UUID]) -> None:
        """Enqueue versions for ``stage`` within the transaction of ``connection``. Raises ``DatabaseUnavailable``."""
        if not version_ids:
            return
        task = self._app.configure_task(_task_name(stage), queue=stage, connection=connection)
        entries: list[dict[str, JSONValue]] = [{"version_id": str(version_id)} for version_id in version_ids]
        try:
            await task.batch_defer_async(*entries)
        except exceptions.ConnectorException as error:
            raise DatabaseUnavailable("PostgreSQL was lost while enqueuing.", retry_after=5) from error

    async def work(self, stage: Stage, step: Step, *, concurrency: int, once: bool = False) -> None:
        """Take ``step`` for every entry of ``stage`` until cancelled, or until none is left if ``once``.

        Raises ``DatabaseUnavailable`` when PostgreSQL is lost. Steps end their own errors: one that raises
        is logged by procrastinate, and its work is found again by the sweep. On cancellation steps are cancelled too.
        """

        async def run(version_id: str) -> None:
            await step(UUID(version_id))

        # An app of its own for every call: a task can be registered once only, and a worker may begin again.
        app = procrastinate.App(connector=procrastinate.PsycopgConnector())
        app.task(name=_task_name(stage))(run)
        try:
            await app.open_async(self._pool)
            await app.run_worker_async(
                queues=[stage],
                concurrency=concurrency,
                wait=not once,
                fetch_job_polling_interval=_POLL_SECONDS,
                delete_jobs="always",
                shutdown_graceful_timeout=0,
                install_signal_handlers=False,
            )
        except exceptions.ConnectorException as error:
            raise DatabaseUnavailable("PostgreSQL was lost while working.") from error


def _task_name(stage: Stage) -> str:
    return f"ragstone.{stage}"
