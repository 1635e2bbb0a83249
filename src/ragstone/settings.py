"""Every setting, with its default, type and one line of documentation.

Read from ``RAGSTONE_*`` environment variables, then from ``ragstone.toml`` in the working directory
(or the file that ``RAGSTONE_CONFIG`` names); built once, at the door, and passed on.
"""

import json
import os
import pwd
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import Field, IPvAnyNetwork, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from ragstone.domain.errors import ConfigurationError


def default_data_dir() -> Path:
    """Where Ragstone keeps its record: the user's data directory, or ``/var/lib/ragstone`` for root at home.

    PostgreSQL refuses to run as root, so root's record must lie where another user may pass, and root's own
    home should not be opened for that. A ``HOME`` that root was given on purpose is taken.
    """
    if os.geteuid() == 0 and Path.home() == Path(pwd.getpwuid(0).pw_dir):
        return Path("/var/lib/ragstone")
    return platformdirs.user_data_path("ragstone", appauthor=False)


class Settings(BaseSettings):
    """The settings of one Ragstone process."""

    model_config = SettingsConfigDict(
        env_prefix="RAGSTONE_", extra="ignore", frozen=True, validate_default=True, env_ignore_empty=True
    )

    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Directory of the embedded PostgreSQL and of the models built on this machine.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="URL of a PostgreSQL (15 or later, with pgvector 0.8 or later) to use instead of the embedded one.",
    )
    database_schema: str = Field(
        default="ragstone",
        pattern="^[a-z_][a-z0-9_]{0,62}$",
        description="Schema of the database that holds the record.",
    )
    database_pool_size: int = Field(
        default=10, ge=2, le=200, description="Most connections of one process to PostgreSQL."
    )
    search_timeout: float = Field(
        default=10.0,
        ge=0,
        le=3600,
        description="Seconds that PostgreSQL may take for one step of a search; 0 sets no limit.",
    )
    host: str = Field(
        default="127.0.0.1", description="Address to serve on. Any but a loopback address needs API keys."
    )
    port: int = Field(default=8000, ge=0, le=65535, description="Port to serve on.")
    allowed_hosts: list[str] = Field(
        default_factory=list,
        description="Host names that requests may be addressed to, beside loopback ones; empty allows all with a key.",
    )
    embedder: str = Field(
        default="minilm",
        description="Embedding model: `minilm`, or `openai:MODEL` for any endpoint of OpenAI's protocol.",
    )
    embedder_base_url: str | None = Field(
        default=None, description="Base URL of the embedding endpoint (`https://api.openai.com/v1` if not set)."
    )
    embedder_api_key: SecretStr | None = Field(
        default=None, description="API key of the embedding endpoint (for OpenAI itself `OPENAI_API_KEY` if not set)."
    )
    embedder_dimensions: int | None = Field(
        default=None,
        ge=1,
        le=4000,
        description="Dimensions to ask of the embedding endpoint; its own default if not set.",
    )
    embedder_threads: int = Field(
        default=0, ge=0, le=256, description="Threads of the local embedding model; 0 takes every core."
    )
    embedder_timeout: float = Field(
        default=30.0, gt=0, le=3600, description="Seconds to wait for one reply of the embedding endpoint."
    )
    embedder_concurrency: int = Field(
        default=0,
        ge=0,
        le=64,
        description="Batches that are embedded at a time; 0 takes 2 for the local model and 4 for an endpoint.",
    )
    embedder_requests_per_minute: int = Field(
        default=0, ge=0, le=10_000, description="Most requests per minute to the embedding endpoint; 0 is no limit."
    )
    embedder_tokens_per_minute: int = Field(
        default=0,
        ge=0,
        description="Most tokens per minute to the embedding endpoint, by an upper estimate; 0 is no limit.",
    )
    embedder_price_per_million_tokens: float = Field(
        default=0.0,
        ge=0.0,
        description="Price of a million tokens at the embedding endpoint, for the metric of its cost.",
    )
    minilm_path: Path | None = Field(
        default=None, description="Folder of the all-MiniLM-L6-v2 weights; found by itself if not set."
    )
    embedding_cache_hours: float = Field(
        default=24.0,
        ge=0,
        le=24 * 366,
        description="Hours that the vectors of texts a document no longer has are kept, in case they come back.",
    )
    question_cache: int = Field(
        default=4096, ge=0, le=1_000_000, description="Questions whose vectors a process keeps in memory."
    )
    vector_index: Literal["hnsw", "ivfflat"] = Field(
        default="hnsw",
        description="Index of an embedding space: `hnsw`, or `ivfflat`, smaller and built sooner, which misses more of"
        " the nearest.",
    )
    vector_index_memory_mb: int = Field(
        default=0,
        ge=0,
        le=1_048_576,
        description="Most MiB that PostgreSQL takes to build one; 0 is a quarter of this machine's memory for the"
        " embedded PostgreSQL, else 512.",
    )
    chunk_tokens: int = Field(
        default=200, ge=32, le=8000, description="Most tokens of a chunk, in the embedder's own tokens."
    )
    chunk_overlap: float = Field(
        default=0.15, ge=0.0, le=0.5, description="Share of a chunk that repeats the end of the one before."
    )
    chat_model: str | None = Field(
        default=None,
        description="Language model, `provider:name` as pydantic-ai spells it; without one, answers are quoted.",
    )
    chat_base_url: str | None = Field(
        default=None, description="Base URL of an endpoint of OpenAI's protocol for the language model."
    )
    chat_api_key: SecretStr | None = Field(
        default=None, description="API key of the language model (the provider's own variable if not set)."
    )
    chat_timeout: float = Field(
        default=60.0, gt=0, le=3600, description="Seconds to wait for the language model's next piece."
    )
    chat_fallback: bool = Field(
        default=True,
        description="Quote the answer from the documents when the language model fails; else reply with 503.",
    )
    answer_tokens: int = Field(default=800, ge=16, le=32000, description="Most tokens of a written answer.")
    context_tokens: int = Field(
        default=3000, ge=200, le=1_000_000, description="Token budget of the context of an answer."
    )
    retrieve_depth: int = Field(
        default=100, ge=10, le=1000, description="Chunks that each leg of a search brings to the fusion."
    )
    fusion: Literal["scores", "ranks"] = Field(
        default="scores",
        description="How words and meaning become one ranking: by `scores` or by `ranks`.",
    )
    fusion_meaning: float = Field(
        default=0.33, ge=0.0, le=1.0, description="Weight of the meaning in the fusion by scores; words have the rest."
    )
    fusion_meaning_foreign: float = Field(
        default=0.12,
        ge=0.0,
        le=1.0,
        description="That weight for questions in a language that the embedding model was not made for.",
    )
    words_k1: float = Field(
        default=1.2, ge=0.0, le=10.0, description="BM25's k1: how much a word counts that stands there again."
    )
    words_b: float = Field(default=0.75, ge=0.0, le=1.0, description="BM25's b: how much a passage's length counts.")
    words_title_weight: float = Field(
        default=2.0,
        ge=0.0,
        le=10.0,
        multiple_of=0.25,
        description="What a word of a document's title counts, where one of the text counts 1.",
    )
    words_heading_weight: float = Field(
        default=2.0,
        ge=0.0,
        le=10.0,
        multiple_of=0.25,
        description="What a word of the headings above a passage counts.",
    )
    spelling: Literal["off", "told", "searched"] = Field(
        default="searched",
        description="What is done about a word that no passage has, where one like it stands in some: nothing, tell it,"
        " or search for that one, too.",
    )
    words_cache_mb: int = Field(
        default=256, ge=8, le=65536, description="MiB of postings that a process keeps in memory."
    )
    reranker: str = Field(
        default="none",
        description="What orders the best hits anew: `none`, `proximity`, `fastembed:MODEL`, `cohere:MODEL`,"
        " `jina:MODEL`, `tei` or `chat`.",
    )
    reranker_base_url: str | None = Field(
        default=None, description="Base URL of the rerank endpoint (the vendor's own if not set; `tei` needs one)."
    )
    reranker_api_key: SecretStr | None = Field(
        default=None,
        description="API key of the rerank endpoint (for the vendors themselves `COHERE_API_KEY`, `JINA_API_KEY` if not"
        " set).",
    )
    rerank_depth: int = Field(default=20, ge=2, le=200, description="Hits that are reranked; those below stay.")
    rerank_timeout: float = Field(
        default=2.0,
        gt=0,
        le=3600,
        description="Seconds that a question waits for the reranker; late means that the fused order stands.",
    )
    rerank_weight: float | None = Field(
        default=None,
        ge=0.0,
        le=1.0,
        description="Share of the reranker's score in the order, beside the fused score (0.09 for `proximity` and 1 for"
        " all others if not set).",
    )
    rewrite: list[Literal["multi-query", "decomposition", "hyde"]] = Field(
        default_factory=list,
        description='What the language model makes of a question to be searched for, too, as `["multi-query"]`: the'
        " same in other words, the questions that it is made of (`decomposition`), a made-up passage that answers it"
        " (`hyde`).",
    )
    rewrite_variants: int = Field(default=3, ge=1, le=10, description="Most variants of each kind.")
    rewrite_timeout: float = Field(
        default=5.0, gt=0, le=600, description="Seconds that a question waits for its variants; late ones are left out."
    )
    recency_half_life_days: float | None = Field(
        default=None,
        gt=0,
        le=100_000,
        description="Days in which recency loses half of its weight; not set, age counts for nothing.",
    )
    recency_weight: float = Field(
        default=0.3, ge=0.0, le=1.0, description="Share of a score that recency decides, where it has a half-life."
    )
    recency_field: str | None = Field(
        default=None,
        description="Field whose time is a document's age, as in a filter: `published`, `@created_at`; its last change"
        " if not set.",
    )
    boosts: str = Field(
        default="",
        description='Filters, each with a factor for the scores of what it holds of: `type = "faq" => 1.2; draft = true'
        " => 0.5`.",
    )
    fold_duplicates: bool = Field(
        default=True, description="Give passages that say the same as one, which names the others."
    )
    max_per_document: int = Field(
        default=0, ge=0, le=100, description="Most passages of one document among the hits; 0 sets no bound."
    )
    join_neighbours: bool = Field(
        default=False, description="Give passages that follow one another in a document as one."
    )
    joined_tokens: int = Field(
        default=800, ge=32, le=100_000, description="Most tokens of a passage that is joined from several."
    )
    parent_chars: int = Field(
        default=0,
        ge=0,
        le=100_000,
        description="Most characters of a document, or section of one, that is given in place of its passages; 0 for"
        " none.",
    )
    search_cache_mb: int = Field(
        default=64, ge=0, le=65536, description="MiB of search results that a process keeps in memory; 0 keeps none."
    )
    search_cache_seconds: float = Field(
        default=300.0,
        gt=0,
        le=3600,
        description="Seconds that a search result is kept at most; a change to what it could show ends it at once.",
    )
    context_passages: int = Field(default=8, ge=1, le=100, description="Most passages that an answer is made from.")
    refusal_threshold: float = Field(
        default=0.5, ge=0.0, le=1.0, description="Confidence (0 to 1) below which a quoted answer is refused."
    )
    parse_timeout: float = Field(default=60.0, gt=0, le=3600, description="Seconds that parsing one file may take.")
    parse_memory_mb: int = Field(
        default=1024, ge=256, le=65536, description="MiB of memory that parsing one file may take."
    )
    parse_workers: int = Field(default=2, ge=1, le=64, description="Files that one worker parses at a time.")
    embed_workers: int = Field(default=8, ge=1, le=64, description="Documents that one worker embeds at a time.")
    embed_batch: int = Field(default=64, ge=1, le=2048, description="Chunks that are embedded and stored in one step.")
    max_upload_mb: int = Field(default=100, ge=1, le=1000, description="Largest file that is accepted, in MiB.")
    fetch_networks: list[IPvAnyNetwork] = Field(
        default_factory=list,
        description='Networks that pages may be fetched from beside public ones, as `["10.20.0.0/16"]`.',
    )
    max_open_documents: int = Field(
        default=100_000,
        ge=0,
        description="Documents of a tenant that may be on their way; more are refused with 429. 0 sets no bound.",
    )
    uploads_per_minute: int = Field(
        default=0, ge=0, description="Documents that one key may send to one server in a minute; 0 sets no bound."
    )
    max_question_chars: int = Field(default=8000, ge=100, le=100_000, description="Longest question, in characters.")
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = Field(
        default="info", description="Least severe log lines that are written: `debug`, `info`, `warning` or `error`."
    )
    log_json: bool = Field(default=False, description="Write log lines as JSON objects.")

    def dump(self) -> str:
        """Return all settings as JSON for another process of ours, the secrets too: never to be logged or stored."""
        return json.dumps(self.model_dump(), default=_plain)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the base class names them)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, then the TOML file."""
        path = Path(os.environ.get("RAGSTONE_CONFIG", "ragstone.toml"))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=path)


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def load_settings(**overrides: Any) -> Settings:
    """Build the settings, or raise ``ConfigurationError`` that names each wrong one without its value."""
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        wrong = "; ".join(
            f"RAGSTONE_{'_'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        )
        raise ConfigurationError(
            f"Settings are wrong: {wrong}.", remedy="Correct them; docs/reference/settings.md lists every setting."
        ) from error
