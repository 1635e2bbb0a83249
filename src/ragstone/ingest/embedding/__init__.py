"""The embedding model as a service: one provider, and everybody who asks it.

questions ─▶ QuestionEmbedder ─┐
                               ├─▶ Provider (circuit, pace, lanes, retries) ─▶ the bare Embedder
documents ─▶ DocumentEmbedder ─┘
             (full batches, halved until the bad text is found)
"""

from ragstone.ingest.embedding.documents import DocumentEmbedder
from ragstone.ingest.embedding.observer import Circuit, EmbeddingObserver, Outcome
from ragstone.ingest.embedding.policy import Patience, Policy
from ragstone.ingest.embedding.provider import Provider
from ragstone.ingest.embedding.questions import QuestionEmbedder

__all__ = [
    "Circuit",
    "DocumentEmbedder",
    "EmbeddingObserver",
    "Outcome",
    "Patience",
    "Policy",
    "Provider",
    "QuestionEmbedder",
]
