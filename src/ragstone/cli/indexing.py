"""What ``ragstone index`` does: reads the state of the indexes, keeps them up, builds them anew."""

import asyncio
import time
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from ragstone.cli.local import quiet_settings
from ragstone.container import Container, open_container
from ragstone.ports.embedding_spaces import EmbeddingSpace
from ragstone.postgres.leases import TENDING, sole
from ragstone.postgres.lexical.status import words_status
from ragstone.postgres.nearest.building import Built
from ragstone.postgres.nearest.status import Progress, indexes_of_spaces

_LOOK_SECONDS = 0.5


class IndexOfVectors(BaseModel):
    """An index of a space. A ``broken`` one was broken off while it was built; the next building clears it away."""

    name: str
    kind: str
    parameters: dict[str, int]
    bytes: int
    state: Literal["valid", "building", "broken"]
    phase: str | None = None
    done: float | None = None


class IndexedSpace(BaseModel):
    """An embedding space, the bytes of its vectors, and its indexes; without any it is read whole."""

    model: str
    version: str
    role: str | None
    dimensions: int
    vectors: int
    bytes: int
    indexes: list[IndexOfVectors]


class WordsOfCollection(BaseModel):
    """The segments of a tenant's collection; ``unmerged`` ones are to become one when there is no more news."""

    tenant: str
    collection: str
    segments: int
    chunks: int
    bytes: int
    unmerged: int


class IndexOfWords(BaseModel):
    """The segments of words. ``waiting`` documents are to be indexed, ``deleted`` ones to be cleared away."""

    segments: int
    chunks: int
    versions: int
    bytes: int
    waiting: int
    deleted: int
    outdated: int
    collections: list[WordsOfCollection]


class IndexStatus(BaseModel):
    """All indexes."""

    spaces: list[IndexedSpace]
    words: IndexOfWords


class TunedSpace(BaseModel):
    """A space, and whether its index was built just now."""

    model: str
    version: str
    built: bool


class IndexWork(BaseModel):
    """What was done at each space in use, and how many documents were indexed anew by words (``null``: not asked)."""

    spaces: list[TunedSpace]
    words: int | None
    seconds: float


async def status() -> IndexStatus:
    """Return the state of all indexes."""
    async with open_container(quiet_settings()) as container, container.database.connection() as connection:
        spaces = [
            IndexedSpace(
                model=each.model,
                version=each.version,
                role=each.role,
                dimensions=each.dimensions,
                vectors=each.vectors,
                bytes=each.bytes,
                indexes=[_index(built, progress) for built, progress in each.indexes],
            )
            for each in await indexes_of_spaces(connection)
        ]
        words = await words_status(connection, container.lexical.made_by)
        return IndexStatus(spaces=spaces, words=IndexOfWords.model_validate(words, from_attributes=True))


async def tune() -> IndexWork:
    """Build what is due, and keep up the words, unless a worker is at it."""
    begun = time.monotonic()
    async with open_container(quiet_settings()) as container:
        spaces = []
        for each in await _spaces_in_use(container):
            built = await container.vectors.build(each.model, each.version)
            spaces.append(TunedSpace(model=each.model, version=each.version, built=built))
        words = await _tended(container)
    return IndexWork(spaces=spaces, words=words or 0, seconds=round(time.monotonic() - begun, 2))


async def rebuild(*, vectors: bool, words: bool) -> IndexWork:
    """Build indexes anew."""
    begun = time.monotonic()
    spaces: list[TunedSpace] = []
    made = None
    async with open_container(quiet_settings()) as container:
        for each in await _spaces_in_use(container) if vectors else ():
            built = await container.vectors.build(each.model, each.version, anew=True)
            spaces.append(TunedSpace(model=each.model, version=each.version, built=built))
        if words:
            made = await _words_anew(container)
    return IndexWork(spaces=spaces, words=made, seconds=round(time.monotonic() - begun, 2))


async def _words_anew(container: Container) -> int:
    """Have all words indexed anew, here or by a worker that is at it already; return of how many documents."""
    await container.upkeep.outdate()
    async with container.database.connection() as connection:
        waiting = (await words_status(connection, container.lexical.made_by)).waiting
    while await _tended(container) is None:
        async with container.database.connection() as connection:
            if (await words_status(connection, container.lexical.made_by)).waiting == 0:
                break
        await asyncio.sleep(_LOOK_SECONDS)
    return waiting


async def _tended(container: Container) -> int | None:
    """Mend and merge the words; return of how many documents they were indexed, ``None`` where a worker does it."""
    async with sole(container.database, TENDING) as alone:
        if not alone:
            return None
        made = await container.upkeep.mend()
        while await container.upkeep.tend():
            pass
        return made


async def _spaces_in_use(container: Container) -> Sequence[EmbeddingSpace]:
    async with container.record.transaction() as transaction:
        return [each for each in await transaction.spaces.all() if each.role]


def _index(built: Built, progress: Progress | None) -> IndexOfVectors:
    return IndexOfVectors(
        name=built.name,
        kind=built.kind,
        parameters=dict(built.parameters),
        bytes=built.bytes,
        state="valid" if built.valid else "building" if progress else "broken",
        phase=progress.phase if progress else None,
        done=progress.share if progress else None,
    )
