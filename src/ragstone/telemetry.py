"""Logs and metrics. Neither ever holds a secret, a question or a document's text."""

import logging
import sys
from collections.abc import Sequence
from typing import ClassVar

import structlog
from prometheus_client import Counter, Gauge, Histogram

from ragstone.domain.found import Step
from ragstone.ingest.embedding import Circuit, Outcome
from ragstone.retrieve.course import RERANK
from ragstone.settings import Settings

QUESTIONS = Counter("ragstone_questions_total", "Questions answered, by how the answer was made.", ["mode"])
ANSWER_SECONDS = Histogram("ragstone_answer_seconds", "Seconds from a question to its whole answer, by step.", ["step"])
RETRIEVALS = Counter("ragstone_retrievals_total", "Searches, by mode.", ["mode"])
SEARCH_CACHE = Counter(
    "ragstone_search_cache_total", "Searches, by whether what they find was kept in memory.", ["outcome"]
)
SEARCH_CACHE_BYTES = Gauge("ragstone_search_cache_bytes", "Bytes of what searches found that are kept in memory.")
SEARCH_SECONDS = Histogram(
    "ragstone_search_seconds",
    "Seconds that searches took, by step.",
    ["step"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)
RERANKINGS = Counter("ragstone_rerankings_total", "Searches, by what became of their reranking.", ["outcome"])
MODEL_TOKENS = Counter("ragstone_model_tokens_total", "Tokens of the language model, by direction.", ["direction"])
DOCUMENTS = Counter("ragstone_documents_accepted_total", "Documents accepted, by whether they were new.", ["outcome"])
ERRORS = Counter("ragstone_errors_total", "Requests that ended in an error, by its code.", ["code"])
STREAMS = Gauge("ragstone_streams_open", "Answers that are being streamed at this moment.")
REQUEST_SECONDS = Histogram(
    "ragstone_request_seconds", "Seconds that HTTP requests took, by route and status.", ["route", "status"]
)

EMBEDDER_REQUESTS = Counter(
    "ragstone_embedder_requests_total", "Requests to the embedding model, by how they ended.", ["outcome"]
)
EMBEDDER_RETRIES = Counter("ragstone_embedder_retries_total", "Requests to the embedding model that were made again.")
EMBEDDER_TEXTS = Counter("ragstone_embedder_texts_total", "Texts that were embedded.")
EMBEDDER_TOKENS = Counter("ragstone_embedder_tokens_total", "Tokens that the embedding endpoint says it has read.")
EMBEDDER_COST = Counter("ragstone_embedder_cost_total", "What those tokens cost, at the price that is set.")
EMBEDDER_CIRCUIT = Gauge("ragstone_embedder_circuit", "The embedding model: 0 is asked, 1 is being tried, 2 is down.")
EMBEDDER_SECONDS = Histogram("ragstone_embedder_request_seconds", "Seconds that requests to the embedding model took.")


def count_steps(steps: Sequence[Step]) -> None:
    """Count the steps of a search."""
    for step in steps:
        SEARCH_SECONDS.labels(step.name).observe(step.milliseconds / 1000)
        if step.name == RERANK:
            RERANKINGS.labels(step.details["outcome"]).inc()


class EmbedderMeter:
    """Counts what goes to the embedding model. ``price`` is that of a million tokens."""

    _CIRCUITS: ClassVar = {Circuit.CLOSED: 0, Circuit.HALF_OPEN: 1, Circuit.OPEN: 2}

    def __init__(self, price: float) -> None:
        self._price = price

    def requested(self, outcome: Outcome, texts: int, seconds: float) -> None:
        """Count a request of so many texts."""
        EMBEDDER_REQUESTS.labels(outcome).inc()
        EMBEDDER_SECONDS.observe(seconds)
        if outcome is Outcome.OK:
            EMBEDDER_TEXTS.inc(texts)

    def retried(self) -> None:
        """Count a request that is made again."""
        EMBEDDER_RETRIES.inc()

    def circuit(self, state: Circuit) -> None:
        """Show the state of the circuit."""
        EMBEDDER_CIRCUIT.set(self._CIRCUITS[state])

    def tokens(self, count: int) -> None:
        """Count the tokens of one reply, and what they cost."""
        EMBEDDER_TOKENS.inc(count)
        EMBEDDER_COST.inc(count * self._price / 1e6)


# They tell at length of lost connections, which are waited for and logged here in one line.
_LOST_CONNECTIONS = ("procrastinate.manager", "procrastinate.utils", "psycopg")


def configure_logging(settings: Settings) -> None:
    """Write log lines to standard error, at the level and in the form that the settings ask for."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr, format="%(message)s")
    for name in _LOST_CONNECTIONS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    renderer = (
        structlog.processors.JSONRenderer()
        if settings.log_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
