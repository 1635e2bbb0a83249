"""Question sets for the answer benchmark, each with an index in memory: real chunks, exact search, the same fusion."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from ragstone.domain.documents import Chunk, ParsedDocument, embedding_text
from ragstone.domain.queries import Hit, LegRank, Ranked
from ragstone.ingest.chunking import chunk
from ragstone.ports.embedder import Embedder, EmbeddingModel, ModelInput, Tokenizer, Vectors
from ragstone.ports.lexical_index import Matches
from ragstone.postgres.lexical.making import count_fields
from ragstone.retrieve.analysis import question_terms
from ragstone.retrieve.fusion import Fusion, Near
from ragstone.retrieve.lexical.blocks import NO_POSTING, Posting
from ragstone.retrieve.lexical.fields import FieldWeights
from ragstone.retrieve.lexical.scoring import Formula, Part, Statistics, best
from ragstone.retrieve.lexical.segment import MOST_CHUNKS, Counted, segment_of, term_key

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
DEPTH, HITS = 100, 20
LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class Source:
    """One document of a set."""

    uri: str
    title: str
    text: str
    media_type: str = "text/plain"


@dataclass(frozen=True, slots=True)
class Question:
    """A question and what is known of its answer.

    ``gold``: the ``uri`` of documents that answer it, or a folder of them (``a/b/``); empty where none does.
    ``answers``: texts one of which the answer must hold; ``sentences``: sentences that answer.
    """

    text: str
    gold: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()

    @property
    def answerable(self) -> bool:
        """Whether the corpus holds the answer."""
        return bool(self.gold)

    def is_gold(self, uri: str) -> bool:
        """Say whether the document answers."""
        return any(uri == gold or (gold.endswith("/") and uri.startswith(gold)) for gold in self.gold)


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """A corpus and questions asked of it."""

    name: str
    sources: tuple[Source, ...]
    questions: tuple[Question, ...]


class CachedEmbedder:
    """An ``Embedder`` that keeps on disk what it has embedded, so that a second run takes seconds."""

    def __init__(self, inner: Embedder, directory: Path) -> None:
        self.inner = inner
        self._known: dict[bytes, NDArray[np.float16]] = {}
        self._path = directory / f"vectors-{inner.model.version}.npz"
        if self._path.exists():
            with np.load(self._path) as stored:
                self._known = dict(zip((bytes(key) for key in stored["keys"]), stored["vectors"], strict=True))

    @property
    def model(self) -> EmbeddingModel:
        """The model behind the cache."""
        return self.inner.model

    @property
    def tokenizer(self) -> Tokenizer:
        """Its tokenizer."""
        return self.inner.tokenizer

    async def input(self) -> ModelInput:
        """Return what the model behind the cache reads."""
        return await self.inner.input()

    async def warm(self) -> None:
        """Load the model behind the cache."""
        await self.inner.warm()

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed what is not known yet."""
        keys = [hashlib.sha256(text.encode()).digest()[:16] for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if missing:
            vectors = await self.inner.embed(list(missing.values()))
            self._known.update(zip(missing, vectors.astype(np.float16), strict=True))
        return np.array([self._known[key] for key in keys], dtype=np.float32)

    async def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Embed, and keep nothing: it is soon done."""
        return await self.inner.embed_questions(texts)

    async def close(self) -> None:
        """Write what is known to disk."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        keys = np.array([np.void(key) for key in self._known])
        np.savez(self._path, keys=keys, vectors=np.array(list(self._known.values())))


class Index:
    """Chunks of a corpus, searched exactly by cosine and by BM25, and fused."""

    def __init__(
        self,
        sources: Sequence[Source],
        chunks: Sequence[tuple[int, Chunk]],
        vectors: Vectors,
        languages: frozenset[str] = frozenset(),
    ) -> None:
        self._sources = sources
        self._languages = languages
        self._contents = {source.uri: source.text for source in sources}
        self._chunks = [each for _, each in chunks]
        self._source_of = np.array([number for number, _ in chunks])
        self._vectors = vectors
        self._at = {each.id: at for at, each in enumerate(self._chunks)}
        counted = [count_fields(FieldWeights().of(sources[number].title, each), LANGUAGE) for number, each in chunks]
        if len(counted) > MOST_CHUNKS:
            raise ValueError(f"One segment holds {MOST_CHUNKS:,} chunks; the set has {len(counted):,}.")
        segment = segment_of([Counted(UUID(int=0), [each.id for each in self._chunks], counted)])
        self._members, postings = segment.members, segment.postings
        ends = np.cumsum(postings.counts, dtype=np.int64)
        self._postings = {
            int(term): Posting(postings.places[end - count : end], postings.frequencies[end - count : end])
            for term, count, end in zip(postings.terms, postings.counts.astype(np.int64), ends, strict=True)
        }

    @classmethod
    async def of(cls, sources: Sequence[Source], embedder: CachedEmbedder) -> "Index":
        """Chunk and embed a corpus as ingestion does."""
        chunks = [(number, each) for number, source in enumerate(sources) for each in _chunked(source, embedder.inner)]
        return cls(
            sources,
            chunks,
            await embedder.embed([_told(sources[n], each) for n, each in chunks]),
            embedder.model.languages,
        )

    def content(self, uri: str) -> str:
        """Return a document's text."""
        return self._contents[uri]

    def search(self, question: str, vector: NDArray[np.float32], without: Iterable[str] = ()) -> list[Hit]:
        """Return the fused hits, as if the documents ``without`` were not in the corpus."""
        gone = [number for number, source in enumerate(self._sources) if source.uri in set(without)]
        allowed = ~np.isin(self._source_of, gone)
        fused = Fusion().of(self._words(question, allowed), Near(self._nearest(vector, allowed), self._languages))
        return [self._hit(ranked, places) for ranked, places in fused[:HITS]]

    def _nearest(self, vector: NDArray[np.float32], allowed: NDArray[np.bool_]) -> list[Ranked]:
        scores = np.where(allowed, self._vectors @ vector, -2.0)
        order = np.argsort(-scores, kind="stable")[:DEPTH]
        return [Ranked(self._chunks[at].id, float(scores[at])) for at in order if allowed[at]]

    def _words(self, question: str, allowed: NDArray[np.bool_]) -> Matches:
        asked = question_terms(question, [LANGUAGE])
        groups = [[self._postings.get(term_key(term), NO_POSTING) for term in group] for group in asked.groups]
        lengths = self._members.lengths
        part = Part(self._members.chunk_ids, lengths, allowed, groups)
        counted = Statistics(int(allowed.sum()), int(lengths[allowed].sum()))
        found = best([part], asked.weights, counted, Formula(), DEPTH)
        ranked = [Ranked(UUID(bytes=bytes(chunk_id)), score) for chunk_id, score in found.found]
        return Matches(ranked, found.attainable, asked.language or LANGUAGE)

    def _hit(self, ranked: Ranked, legs: dict[str, LegRank]) -> Hit:
        at = self._at[ranked.chunk_id]
        number = int(self._source_of[at])
        source = self._sources[number]
        document_id = UUID(int=number + 1)
        return Hit(self._chunks[at], document_id, source.title, source.uri, "default", ranked.score, legs)


def load(name: str) -> QuestionSet:
    """Return the set of that name. Raises ``FileNotFoundError`` where the shared data is not there."""
    return {"squad_4k": _squad, "clapnq": _clapnq, "fastapi_en": _fastapi}[name]()


def _chunked(source: Source, embedder: Embedder) -> list[Chunk]:
    parsed = ParsedDocument(source.text, source.media_type, source.title or None)
    most = embedder.model.max_tokens
    return chunk(parsed, embedder.tokenizer, max_tokens=200, overlap=0.15, model_max_tokens=most, title=source.title)


def _told(source: Source, each: Chunk) -> str:
    return embedding_text(source.title, each.heading_path, each.text)


def _squad() -> QuestionSet:
    folder = SHARED_DATA / "squad_4k"
    answers = {line["_id"]: tuple(line["answers"]) for line in _lines(folder / "answers.jsonl")}
    gold = _gold(folder)
    sources = tuple(Source(line["_id"], line["title"], line["text"]) for line in _lines(folder / "corpus.jsonl"))
    questions = tuple(
        Question(line["text"], gold[line["_id"]], answers[line["_id"]]) for line in _lines(folder / "queries.jsonl")
    )
    return QuestionSet("squad_4k", sources, questions)


def _clapnq() -> QuestionSet:
    folder = SHARED_DATA / "clapnq"
    outputs = {line["_id"]: line for line in _lines(folder / "answers.jsonl")}
    gold = _gold(folder)
    sources = tuple(Source(line["_id"], line["title"], line["text"]) for line in _lines(folder / "corpus.jsonl"))
    questions = []
    for line in _lines(folder / "queries.jsonl"):
        output = outputs[line["_id"]]
        selected = tuple(sentence for each in output["output"] for sentence in each["selected_sentences"])
        questions.append(Question(line["text"], gold[line["_id"]] if output["answerable"] else (), sentences=selected))
    return QuestionSet("clapnq", sources, tuple(questions))


def _fastapi() -> QuestionSet:
    folder = SHARED_DATA / "docs" / "fastapi_en"
    sources = tuple(_page(path, folder) for path in sorted(folder.rglob("*.md")))
    asked = json.loads((Path(__file__).parent / "fastapi_questions.json").read_text(encoding="utf-8"))
    questions = [Question(text, tuple(pages)) for text, pages in asked["answered"].items()]
    questions += [Question(text) for text in asked["not_answered"]]
    return QuestionSet("fastapi_en", sources, tuple(questions))


def _page(path: Path, folder: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    heading = next((line for line in text.splitlines() if line.startswith("# ")), f"# {path.stem}")
    title = heading.removeprefix("# ").partition(" {")[0]
    return Source(str(path.relative_to(folder)), title, text, "text/markdown")


def _gold(folder: Path) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        question, document, _ = line.split("\t")
        found[question] += (document,)
    return found


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
