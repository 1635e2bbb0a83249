"""The embedders of the spaces that there are: the one that answers is not always the one that the settings name."""

from collections.abc import Callable, Mapping
from typing import Any

from ragstone.domain.errors import EmbedderUnavailable
from ragstone.ports.embedder import Embedder, ModelInput
from ragstone.ports.embedding_spaces import EmbeddingSpace, Role
from ragstone.ports.record import Record
from ragstone.ports.vector_index import VectorIndex


class SpaceEmbedders:
    """Gives each space its embedder.

    ``configured`` returns the embedder of the settings, whose ``spec`` is given, and ``build`` that of another spec.
    """

    def __init__(
        self,
        record: Record,
        vectors: VectorIndex,
        configured: Callable[[], Embedder],
        spec: Mapping[str, Any],
        build: Callable[[Mapping[str, Any]], Embedder],
    ) -> None:
        self._record = record
        self._vectors = vectors
        self._configured = configured
        self._spec = dict(spec)
        self._build = build
        self._prepared = False
        self._built: list[tuple[Mapping[str, Any], Embedder]] = []

    async def active(self) -> Embedder:
        """Return the embedder of the space that answers, ready for use; the configured one where there is none yet.

        Raises ``EmbedderUnavailable``.
        """
        async with self._record.reading() as transaction:
            space = await transaction.spaces.of_role(Role.ACTIVE)
        if space is None:
            embedder = self._configured()
            await embedder.warm()
            return embedder
        return await self.of(space)

    async def input(self) -> ModelInput:
        """Return what the model reads whose space answers, or will; its provider may be down.

        Raises ``ConfigurationError``.
        """
        async with self._record.transaction() as transaction:
            space = await transaction.spaces.of_role(Role.ACTIVE)
        return await (self.by_spec(space.spec) if space else self._configured()).input()

    async def of(self, space: EmbeddingSpace) -> Embedder:
        """Return the embedder whose vectors belong into ``space``. Raises ``EmbedderUnavailable``."""
        embedder = self.by_spec(space.spec)
        await embedder.warm()
        if not space.holds(embedder.model):
            raise EmbedderUnavailable(
                f"The vectors are of {space.model} {space.version}, and what is set up now is {embedder.model.name}"
                f" {embedder.model.version}.",
                remedy="`ragstone reembed` brings them over; the former model, set up again, answers until then.",
            )
        return embedder

    def by_spec(self, spec: Mapping[str, Any]) -> Embedder:
        """Return the embedder that ``spec`` names; it may not be warm yet."""
        if not spec or dict(spec) == self._spec:
            return self._configured()
        for known, embedder in self._built:
            if known == spec:
                return embedder
        embedder = self._build(spec)
        self._built.append((dict(spec), embedder))
        return embedder

    async def prepare(self) -> None:
        """Let the configured model's space answer, where none does yet. Raises ``EmbedderUnavailable``."""
        if self._prepared:  # there is one for good
            return
        async with self._record.transaction() as transaction:
            active = await transaction.spaces.of_role(Role.ACTIVE)
        if active is None:
            embedder = self._configured()
            await embedder.warm()
            await self._vectors.ensure(embedder.model)
            async with self._record.transaction() as transaction:
                await transaction.spaces.activate_first(embedder.model, self._spec)
        self._prepared = True

    async def tune(self) -> None:
        """Build what the spaces in use need to be searched fast."""
        async with self._record.transaction() as transaction:
            spaces = [each for each in await transaction.spaces.all() if each.role]
        for space in spaces:
            await self._vectors.tune(space.model, space.version)

    async def close(self) -> None:
        """Close those that were built here; the configured one is its owner's."""
        for _, embedder in self._built:
            await embedder.close()
