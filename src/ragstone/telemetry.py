"""Logs and metrics. Neither ever holds a secret, a question or a document's text."""

import logging
import sys

import structlog
from prometheus_client import Counter, Gauge, Histogram

from ragstone.settings import Settings

QUESTIONS = Counter("ragstone_questions_total", "Questions answered, by how the answer was made.", ["mode"])
ANSWER_SECONDS = Histogram("ragstone_answer_seconds", "Seconds from a question to its whole answer, by step.", ["step"])
RETRIEVALS = Counter("ragstone_retrievals_total", "Searches, by mode.", ["mode"])
MODEL_TOKENS = Counter("ragstone_model_tokens_total", "Tokens of the language model, by direction.", ["direction"])
DOCUMENTS = Counter("ragstone_documents_accepted_total", "Documents accepted, by whether they were new.", ["outcome"])
ERRORS = Counter("ragstone_errors_total", "Requests that ended in an error, by its code.", ["code"])
STREAMS = Gauge("ragstone_streams_open", "Answers that are being streamed at this moment.")
REQUEST_SECONDS = Histogram(
    "ragstone_request_seconds", "Seconds that HTTP requests took, by route and status.", ["route", "status"]
)


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
