"""What ``ragstone reembed`` does: begins, follows, judges, swaps, goes back, drops."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragstone.cli import output
from ragstone.cli.local import LocalClient, quiet_settings
from ragstone.cli.replies import EmbeddingSpaces, Reembedding, SpaceState
from ragstone.container import Container, open_container
from ragstone.domain.access import LOCAL
from ragstone.domain.errors import Conflict, EmbeddingRefused
from ragstone.learn.evaluation import JudgedQuestion, ndcg_by_meaning, read_questions, unknown_uris
from ragstone.ports.embedder import EmbeddingModel
from ragstone.ports.embedding_spaces import EmbeddingSpace, Role
from ragstone.ports.record import despite_others
from ragstone.registry import embedder_spec

_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Wanted:
    """The model to go to; the configured one where ``model`` is ``None``."""

    model: str | None
    base_url: str | None
    dimensions: int | None
    chunks_per_second: float | None
    gate: Path | None
    skip_refused: bool

    def spec(self, container: Container) -> Mapping[str, Any]:
        """Return the settings that name it."""
        if self.model is None:
            return embedder_spec(container.settings)
        given = {
            "embedder": self.model,
            "embedder_base_url": self.base_url,
            "embedder_dimensions": self.dimensions,
        }
        return {name: value for name, value in given.items() if value is not None}


async def begin(wanted: Wanted, *, wait: bool) -> Reembedding:
    """Have everything embedded by another model. Raises ``Conflict`` where that is going on by a third."""
    questions = read_questions(wanted.gate) if wanted.gate else None
    async with open_container(quiet_settings()) as container:
        if questions:
            await _check_questions(container, questions)
        await container.embedders.prepare()
        spec = wanted.spec(container)
        embedder = container.embedders.by_spec(spec)
        await embedder.warm()
        active = await _of_role(container, Role.ACTIVE)
        if active and active.holds(embedder.model):
            return await _outcome(container, active, "unchanged")
        await _check_length(container, embedder.model)
        await container.vectors.ensure(embedder.model)
        async with container.record.transaction() as transaction:
            space = await transaction.spaces.begin(
                embedder.model,
                spec,
                chunks_per_second=wanted.chunks_per_second,
                swap_when_full=questions is None,
                skip_refused=wanted.skip_refused,
            )
        if space.role is Role.ACTIVE:  # swapped in this moment
            return await _outcome(container, space, "unchanged")
        return await _follow(container, space, questions, wait=wait)


async def roll_back(*, wait: bool, skip_refused: bool) -> Reembedding:
    """Go back to the previous space; what was added since is embedded into it first. Raises ``Conflict``."""
    async with open_container(quiet_settings()) as container:
        previous = await _of_role(container, Role.PREVIOUS) or await _of_role(container, Role.FILLING)
        if previous is None or (previous.role is Role.FILLING and not previous.was_previous):
            raise Conflict("There is no previous model to go back to.", remedy="`ragstone reembed --status` shows all.")
        embedder = await container.embedders.of(previous)
        async with container.record.transaction() as transaction:
            space = await transaction.spaces.begin(
                embedder.model,
                previous.spec,
                chunks_per_second=None,
                swap_when_full=True,
                skip_refused=skip_refused,
            )
        return await _follow(container, space, None, wait=wait)


async def status() -> EmbeddingSpaces:
    """Return the spaces that there are."""
    async with open_container(quiet_settings()) as container:
        return await _all(container)


async def stop() -> EmbeddingSpaces:
    """End the filling of a space."""
    async with open_container(quiet_settings()) as container:
        async with container.record.transaction() as transaction:
            await transaction.spaces.stop()
        return await _all(container)


async def drop() -> EmbeddingSpaces:
    """Remove the spaces that are not in use."""
    async with open_container(quiet_settings()) as container:
        for space in await despite_others(container.record, lambda transaction: transaction.spaces.drop_unused()):
            output.note(f"Dropped the vectors of {space.model} {space.version}.")
        return await _all(container)


def show(spaces: EmbeddingSpaces, *, as_json: bool) -> None:
    """Print the spaces."""
    if as_json:
        output.print_json(spaces)
        return
    for each in spaces.spaces:
        output.say(f"{each.role or 'unused':<9} {each.model}  {each.embedded:,} of {each.chunks:,} chunks")
        output.say(f"    {each.version}", style="dim")
        if each.trouble:
            output.say(f"    {each.trouble}")


async def _follow(
    container: Container, space: EmbeddingSpace, questions: list[JudgedQuestion] | None, *, wait: bool
) -> Reembedding:
    if not wait:
        return await _outcome(container, space, "filling")
    await _fill_here(container, space)
    if questions is None:
        return await _outcome(container, space, "swapped")
    return await _judge(container, space, questions)


async def _fill_here(container: Container, space: EmbeddingSpace) -> None:
    async with _shown(container, space), LocalClient(container).working():
        await _until_filled(container, space)


async def _until_filled(container: Container, space: EmbeddingSpace) -> None:
    """Return when a space is full or answers. Raise ``EmbeddingRefused`` where that needs the user's word."""
    while True:
        async with container.record.transaction() as transaction:
            found = next((each for each in await transaction.spaces.all() if each.id == space.id), None)
            if found is None or found.role not in (Role.FILLING, Role.ACTIVE):
                raise Conflict("The filling was stopped.", remedy="Begin again with `ragstone reembed`.")
            missing = await transaction.spaces.unfilled(found, None, 1)
        trouble = found.trouble
        if missing is None and trouble and trouble.code == EmbeddingRefused.code:
            raise EmbeddingRefused(trouble.message, remedy=trouble.remedy)
        if found.role is Role.ACTIVE or (missing is None and not found.swap_when_full):
            return
        await asyncio.sleep(_LOOK_SECONDS)


async def _judge(container: Container, space: EmbeddingSpace, questions: list[JudgedQuestion]) -> Reembedding:
    """Swap unless the new space is worse on the questions. Raise ``Conflict`` where it is no more to be judged."""
    await _check_filled(container, space)
    before, after = [
        await ndcg_by_meaning(container.record, container.vectors, embedder, questions, LOCAL)
        for embedder in (await container.embedders.active(), await container.embedders.of(space))
    ]
    await _check_filled(container, space)
    swapped = after >= before
    while swapped:
        async with container.record.transaction() as transaction:
            if await transaction.spaces.swap(space):
                break
        await _fill_here(container, space)  # documents came meanwhile
    outcome = await _outcome(container, space, "swapped" if swapped else "refused")
    return outcome.model_copy(update={"ndcg_before": before, "ndcg_after": after})


async def _check_questions(container: Container, questions: list[JudgedQuestion]) -> None:
    """Say which documents cannot be found. Raise ``InvalidRequest`` where that is all of them: nothing is judged."""
    unknown = await unknown_uris(container.record, questions, LOCAL)
    if unknown:
        output.note(f"{len(unknown):,} documents to be found are not in the record: {unknown[0]}, for one.")


async def _check_filled(container: Container, space: EmbeddingSpace) -> None:
    """Raise ``Conflict`` where a space was swapped in, or stopped, without our judgement."""
    filling = await _of_role(container, Role.FILLING)
    if filling is None or filling.id != space.id:
        raise Conflict(
            f"Another command has swapped to {space.model}, or stopped it, before it was judged.",
            remedy="`ragstone reembed --status` shows which; `--rollback` goes back.",
        )


@asynccontextmanager
async def _shown(container: Container, space: EmbeddingSpace) -> AsyncIterator[None]:
    """Show how far filling is while the block lasts."""

    async def report() -> None:
        while True:
            await asyncio.sleep(4 * _LOOK_SECONDS)
            async with container.record.transaction() as transaction:
                filled, total = await transaction.spaces.fill_state(space)
            output.note(f"{filled:,} of {total:,} chunks embedded by {space.model}")

    reporting = asyncio.create_task(report())
    try:
        yield
    finally:
        reporting.cancel()
        await asyncio.wait({reporting})


async def _check_length(container: Container, model: EmbeddingModel) -> None:
    """Raise ``Conflict`` where chunks are longer than the model reads: it would see the begin of them only."""
    async with container.record.transaction() as transaction:
        longest = await transaction.chunks.longest()
    if longest > model.max_tokens:
        raise Conflict(
            f"{model.name} reads {model.max_tokens} tokens; the longest chunk has {longest}.",
            remedy="Set RAGSTONE_CHUNK_TOKENS lower and ingest the documents again first.",
        )


async def _of_role(container: Container, role: Role) -> EmbeddingSpace | None:
    async with container.record.transaction() as transaction:
        return await transaction.spaces.of_role(role)


async def _outcome(container: Container, space: EmbeddingSpace, outcome: str) -> Reembedding:
    async with container.record.transaction() as transaction:
        embedded, chunks = await transaction.spaces.fill_state(space)
    return Reembedding(
        outcome=outcome, model=space.model, version=space.version, chunks=chunks, embedded=embedded, seconds=0.0
    )


async def _all(container: Container) -> EmbeddingSpaces:
    states = []
    async with container.record.transaction() as transaction:
        for space in await transaction.spaces.all():
            embedded, chunks = await transaction.spaces.fill_state(space)
            states.append(
                SpaceState(
                    model=space.model,
                    version=space.version,
                    role=space.role,
                    embedded=embedded,
                    chunks=chunks,
                    trouble=f"{space.trouble.message} {space.trouble.remedy}".strip() if space.trouble else None,
                )
            )
    return EmbeddingSpaces(spaces=states)
