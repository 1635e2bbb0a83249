"""One stage of one version in a process of its own: what takes it down takes nothing else with it.

Run as ``python -m ragstone.worker.isolation STAGE VERSION_ID OWNER`` with the settings as a line of JSON on standard
input; it leases the version as the worker with that number, and ends when its input does, that is, with its parent.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
from typing import BinaryIO
from uuid import UUID

import structlog

from ragstone.container import open_container
from ragstone.domain.errors import RagstoneError
from ragstone.ingest.pipeline import worker_died
from ragstone.ports.record import Record
from ragstone.postgres.leases import alive, new_owner
from ragstone.postgres.queue import Stage
from ragstone.settings import Settings
from ragstone.telemetry import configure_logging

log = structlog.get_logger(__name__)


class Isolation:
    """Takes stages in processes of their own, and sets aside what kills them."""

    def __init__(self, settings: Settings, record: Record) -> None:
        self._settings = settings
        self._record = record
        self._alone = asyncio.Lock()

    async def __call__(self, stage: str, version_id: UUID) -> None:
        """Take ``stage`` of a version. Its outcome is in the record, whichever way the process ends.

        One at a time: each process loads the embedding model, and a worker that died may have held many documents.
        """
        async with self._alone:
            await self._take(stage, version_id)

    async def _take(self, stage: str, version_id: UUID) -> None:
        owner = new_owner()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__, stage, str(version_id), str(owner), stdin=asyncio.subprocess.PIPE
        )
        log.info("isolated", stage=stage, version=str(version_id), pid=process.pid)
        try:
            if process.stdin:
                process.stdin.write(self._settings.dump().encode() + b"\n")
            code = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
            await _ended(process)
        if code < 0:
            log.warning("isolated_process_died", stage=stage, signal=signal.Signals(-code).name)
            async with self._record.transaction() as transaction:
                await transaction.versions.set_aside(version_id, owner, worker_died(stage))


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Wait for the end of a process that is killed, however often we are cancelled meanwhile."""
    ending = asyncio.ensure_future(process.wait())
    while not ending.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(ending)


async def _take(settings: Settings, stage: Stage, version_id: UUID, owner: int) -> None:
    async with open_container(settings, migrated=False) as container, alive(container.database, owner):
        pipeline = container.pipeline(owner)
        await (pipeline.parse if stage is Stage.PARSE else pipeline.embed)(version_id)


def _end_with(stream: BinaryIO) -> None:
    """End this process when ``stream`` does, even while native code is busy."""

    def watch() -> None:
        # Not by the stream: a thread that holds its lock when the interpreter ends makes it abort, and a process that
        # ended well would pass for one that its document killed.
        while os.read(stream.fileno(), 4096):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="watch-worker").start()


def main() -> None:
    """Take the stage that the arguments name."""
    stage, version_id, owner = Stage(sys.argv[1]), UUID(sys.argv[2]), int(sys.argv[3])
    settings = Settings(**json.loads(sys.stdin.buffer.readline()))
    _end_with(sys.stdin.buffer)
    configure_logging(settings)
    try:
        asyncio.run(_take(settings, stage, version_id, owner))
    except RagstoneError as error:
        log.warning("isolated_failed", stage=stage, cause=error.message)
        sys.exit(1)


if __name__ == "__main__":
    main()
