"""The one place that constructs adapters and hands them to the core. Doors open a container and call it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cached_property

from ragstone.adapters.parsers.kreuzberg import KreuzbergParser
from ragstone.answer.asking import Asking
from ragstone.domain.queries import Hit, Mode, Scope
from ragstone.ingest.embedding import DocumentEmbedder, Provider, QuestionEmbedder
from ragstone.ingest.intake import Intake
from ragstone.ingest.pipeline import Isolate, Pipeline
from ragstone.ingest.reembedding import Reembedding
from ragstone.ingest.space_embedders import SpaceEmbedders
from ragstone.ports.chat_model import ChatModel
from ragstone.ports.embedder import Embedder
from ragstone.ports.embedding_spaces import EmbeddingSpace
from ragstone.ports.fetcher import Fetcher
from ragstone.ports.reranker import Reranker
from ragstone.postgres.changes import PostgresChanges
from ragstone.postgres.database import Database
from ragstone.postgres.lexical.index import SegmentedLexicalIndex
from ragstone.postgres.lexical.spelling import Spelling
from ragstone.postgres.lexical.upkeep import Upkeep
from ragstone.postgres.nearest.kinds import Kind, building_memory_mb
from ragstone.postgres.queue import Queue
from ragstone.postgres.record import PostgresRecord
from ragstone.postgres.vector_index import PgVectorIndex
from ragstone.registry import (
    embedder_spec,
    embedding_policy,
    make_boosts,
    make_chat_model,
    make_embedder,
    make_reranker,
    make_rewriting,
    rerank_weight,
    settings_of_spec,
    shape_of,
)
from ragstone.retrieve.cached import CachedSearch, Outcome
from ragstone.retrieve.fusion import Fusion
from ragstone.retrieve.legs import Legs
from ragstone.retrieve.lexical.fields import FieldWeights
from ragstone.retrieve.lexical.scoring import Formula
from ragstone.retrieve.reranking import Reranking
from ragstone.retrieve.search import Search, Stages
from ragstone.retrieve.shaping import Shaping
from ragstone.settings import Settings
from ragstone.telemetry import SEARCH_CACHE, SEARCH_CACHE_BYTES, EmbedderMeter, count_steps


class Container:
    """Everything one process needs, made on first use. Any part may be replaced before it is used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._document_embedders: dict[Embedder, DocumentEmbedder] = {}

    @cached_property
    def database(self) -> Database:
        """The connection to PostgreSQL."""
        url = self.settings.database_url
        return Database(
            url=url.get_secret_value() if url else None,
            data_dir=self.settings.data_dir,
            schema=self.settings.database_schema,
            pool_size=self.settings.database_pool_size,
            search_timeout=self.settings.search_timeout,
        )

    @cached_property
    def queue(self) -> Queue:
        """What wakes workers."""
        return Queue()

    @cached_property
    def record(self) -> PostgresRecord:
        """The system of record."""
        return PostgresRecord(self.database, self.queue, vectors_kept_hours=self.settings.embedding_cache_hours)

    @cached_property
    def embedder(self) -> Embedder:
        """The embedding model, as questions use it."""
        return self._make_embedder(self.settings)

    def _make_embedder(self, settings: Settings) -> Embedder:
        meter = EmbedderMeter(settings.embedder_price_per_million_tokens)
        embedder = make_embedder(settings, meter.tokens)
        provider = Provider(embedder, embedding_policy(settings), meter)
        return QuestionEmbedder(provider, cached=settings.question_cache)

    @cached_property
    def embedders(self) -> SpaceEmbedders:
        """The embedding models of the record's vectors."""
        return SpaceEmbedders(
            self.record,
            self.vectors,
            lambda: self.embedder,
            embedder_spec(self.settings),
            lambda spec: self._make_embedder(settings_of_spec(self.settings, spec)),
        )

    async def document_embedder(self) -> Embedder:
        """Return the active embedding model as documents use it; the configured one becomes it where none is yet."""
        await self.embedders.prepare()
        return self._for_documents(await self.embedders.active())

    async def filling_embedder(self, space: EmbeddingSpace) -> Embedder:
        """Return the embedding model of a space that is filled."""
        return self._for_documents(await self.embedders.of(space))

    def _for_documents(self, embedder: Embedder) -> Embedder:
        """Wrap a model as documents use it. It shares with questions what is known of the provider."""
        if embedder not in self._document_embedders:
            self._document_embedders[embedder] = self._wrapped(embedder)
        return self._document_embedders[embedder]

    def _wrapped(self, embedder: Embedder) -> DocumentEmbedder:
        # One that was put in place of ours comes bare.
        provider = embedder.provider if isinstance(embedder, QuestionEmbedder) else Provider(embedder)
        return DocumentEmbedder(provider, batch_texts=self.settings.embed_batch)

    @cached_property
    def chat_model(self) -> ChatModel | None:
        """The language model, where one is configured."""
        return make_chat_model(self.settings)

    @cached_property
    def reranker(self) -> Reranker | None:
        """What orders the best hits anew, where one is configured."""
        return make_reranker(self.settings, lambda: self.chat_model)

    @cached_property
    def reranking(self) -> Reranking:
        """Has the reranker order hits, for as long as a question waits."""
        settings = self.settings
        return Reranking(
            self.reranker,
            depth=settings.rerank_depth,
            timeout=settings.rerank_timeout,
            weight=rerank_weight(settings),
        )

    @cached_property
    def parser(self) -> KreuzbergParser:
        """What reads files."""
        return KreuzbergParser(
            workers=self.settings.parse_workers,
            timeout=self.settings.parse_timeout,
            memory_mb=self.settings.parse_memory_mb,
        )

    @cached_property
    def fetcher(self) -> Fetcher:
        """What fetches documents from URLs."""
        # Its HTTP client would cost each search 0.1 s.
        from ragstone.adapters.fetchers.http import HttpFetcher, public_or_in

        return HttpFetcher(
            max_bytes=self.settings.max_upload_mb << 20, allowed=public_or_in(self.settings.fetch_networks)
        )

    @cached_property
    def lexical(self) -> SegmentedLexicalIndex:
        """Search by words."""
        settings = self.settings
        return SegmentedLexicalIndex(
            self.database,
            formula=Formula(settings.words_k1, settings.words_b),
            cache_bytes=settings.words_cache_mb << 20,
            spelling=Spelling(settings.spelling),
            weights=FieldWeights(settings.words_title_weight, settings.words_heading_weight),
        )

    @cached_property
    def upkeep(self) -> Upkeep:
        """Keeps the index of words."""
        return Upkeep(self.database, self.record, self.lexical)

    @cached_property
    def vectors(self) -> PgVectorIndex:
        """Search by meaning."""
        settings = self.settings
        return PgVectorIndex(
            self.database,
            kind=Kind(settings.vector_index),
            memory_mb=settings.vector_index_memory_mb or building_memory_mb(embedded=settings.database_url is None),
        )

    @cached_property
    def intake(self) -> Intake:
        """Takes documents in."""
        return Intake(
            self.record, self.parser, self.lexical, self.embedders.input, max_bytes=self.settings.max_upload_mb << 20
        )

    @cached_property
    def search(self) -> Search | CachedSearch:
        """Finds passages, and keeps what it found where the settings want that."""
        settings = self.settings
        legs = Legs(self.embedders.active, self.vectors, self.lexical)
        search = Search(self.record, legs, self._stages(), depth=settings.retrieve_depth, note=count_steps)
        if not settings.search_cache_mb:
            return search

        def noted(outcome: Outcome) -> None:
            SEARCH_CACHE.labels(outcome).inc()
            SEARCH_CACHE_BYTES.set(cached.kept_bytes)

        cached = CachedSearch(
            search.retrieve,
            PostgresChanges(self.database),
            max_bytes=settings.search_cache_mb << 20,
            seconds=settings.search_cache_seconds,
            noted=noted,
        )
        return cached

    def _stages(self) -> Stages:
        settings = self.settings
        return Stages(
            Fusion(
                settings.fusion_meaning, settings.fusion_meaning_foreign, reciprocal_ranks=settings.fusion == "ranks"
            ),
            self.reranking,
            Shaping(most_tokens=settings.joined_tokens),
            make_rewriting(settings, self.chat_model),
            make_boosts(settings),
            shape_of(settings),
        )

    @cached_property
    def asking(self) -> Asking:
        """Answers questions."""

        async def search(question: str, scope: Scope, mode: Mode, limit: int) -> Sequence[Hit]:
            return (await self.search.retrieve(question, scope, mode=mode, limit=limit)).hits

        return Asking(
            search,
            self.embedder,
            self.chat_model,
            context_tokens=self.settings.context_tokens,
            context_passages=self.settings.context_passages,
            answer_tokens=self.settings.answer_tokens,
            refusal_threshold=self.settings.refusal_threshold,
            fallback=self.settings.chat_fallback,
        )

    def pipeline(self, owner: int, isolate: Isolate | None = None) -> Pipeline:
        """Return the offline flow, for the worker of this number."""
        return Pipeline(
            self.record,
            self.parser,
            self.lexical,
            self.vectors,
            model_input=self.embedders.input,
            embedder=self.document_embedder,
            owner=owner,
            chunk_tokens=self.settings.chunk_tokens,
            chunk_overlap=self.settings.chunk_overlap,
            batch=self.settings.embed_batch,
            isolate=isolate,
        )

    def reembedding(self) -> Reembedding:
        """Return what fills another embedding space."""
        return Reembedding(self.record, self.vectors, self.filling_embedder, batch=self.settings.embed_batch)

    async def close(self) -> None:
        """Release what was made, the database last."""
        made = self.__dict__
        for name in ("parser", "embedders", "embedder", "reranker", "chat_model"):
            if made.get(name) is not None:
                await made[name].close()
        if "database" in made:
            await self.database.close()


@asynccontextmanager
async def open_container(settings: Settings, *, migrated: bool = True) -> AsyncIterator[Container]:
    """Open the database (with all migrations applied if ``migrated``) and yield the container.

    Raises ``ConfigurationError`` or ``DatabaseUnavailable``.
    """
    container = Container(settings)
    try:
        await container.database.open(migrated=migrated)
        await container.queue.open(container.database.pool)
        yield container
    finally:
        await container.close()
