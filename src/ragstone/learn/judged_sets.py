"""Sets of judged questions: folders as BEIR lays them out, and files of a user's own questions.

Thakur et al., BEIR, NeurIPS 2021: ``corpus.jsonl`` holds documents, ``queries.jsonl`` questions, and ``qrels`` which
documents answer which. ``exclude.tsv``, beside them, names documents that a question is not to find: its own source.
"""

import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ragstone.domain.errors import InvalidRequest
from ragstone.ingest.intake import Label, ReadyChunk, ReadyDocument
from ragstone.learn.questions import JudgedQuestion, filter_on, numbered_lines, read_questions, to_object

_LAYOUT = b"1"
"""How documents are brought into the record: another way of it makes other collections."""
_UNTITLED = " "
"""A document without a title would be called by its id, which would be embedded and indexed with its text."""
_SEED = 0


@dataclass(frozen=True, slots=True)
class Corpus:
    """The documents of a set. ``digest``: of their file and of how they are brought into the record, in hex."""

    path: Path
    digest: str

    def documents(self, collection: str) -> Iterator[ReadyDocument]:
        """Yield each document that holds text, as one chunk, its id as uri, for the reader ``collection`` alone.

        So no other search finds it. Blocks. Raises ``InvalidRequest`` for a line that holds no document.
        """
        for number, line in numbered_lines(self.path):
            read = to_object(line)
            if not isinstance(read, dict) or "_id" not in read:
                raise InvalidRequest(f"Line {number} of {self.path} is no document.", remedy="It needs _id and text.")
            title, text = (str(read.get(name) or "").replace("\0", "").strip() for name in ("title", "text"))
            if not (title or text):
                continue
            label = Label(
                collection=collection,
                uri=str(read["_id"]),
                title=title if title and text else _UNTITLED,
                metadata=_metadata(title, read.get("metadata")),
                readers=(collection,),
            )
            yield ReadyDocument(label, [ReadyChunk(text or title)])

    def beginnings(self, ids: frozenset[str], characters: int) -> dict[str, str]:
        """Return how these documents begin, by id. Blocks."""
        found = {}
        for _, line in numbered_lines(self.path):
            read = to_object(line)
            if isinstance(read, dict) and str(read.get("_id")) in ids:
                whole = " · ".join(filter(None, (read.get("title"), read.get("text"))))
                found[str(read["_id"])] = " ".join(whole.split())[:characters]
        return found


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """Questions, and the documents they are asked of: those of ``corpus``, or else what is in the record."""

    name: str
    questions: tuple[JudgedQuestion, ...]
    corpus: Corpus | None = None

    def sample(self, most: int) -> "JudgedSet":
        """Return the set with at most so many of its questions, drawn by chance, the same each time."""
        if len(self.questions) <= most:
            return self
        chosen = set(random.Random(_SEED).sample(sorted(each.id for each in self.questions), most))  # noqa: S311
        return replace(self, questions=tuple(each for each in self.questions if each.id in chosen))


def read_set(path: Path, *, split: str = "test") -> JudgedSet:
    """Read a BEIR folder or a file of questions. Blocks. Raises ``InvalidRequest``.

    Questions without a document that answers them tell nothing of a ranking, and are left out.
    """
    if not path.is_dir():
        return JudgedSet(path.stem, tuple(read_questions(path)))
    excluded = _pairs(path / "exclude.tsv") if (path / "exclude.tsv").exists() else {}
    judged = _judgements(_qrels(path, split))
    questions = []
    for number, line in numbered_lines(path / "queries.jsonl"):
        question = _to_question(path, number, line)
        out = excluded.get(question.id, frozenset())
        grades = {uri: grade for uri, grade in judged.get(question.id, {}).items() if uri not in out}
        if grades:
            questions.append(replace(question, uris=frozenset(grades), grades=grades, excluded=out))
    if not questions:
        raise InvalidRequest(f"{path} has no question with a document that answers it.")
    corpus = path / "corpus.jsonl"
    return JudgedSet(path.resolve().name, tuple(questions), Corpus(corpus, _digest(corpus)))


def _to_question(path: Path, number: int, line: str) -> JudgedQuestion:
    match to_object(line):
        case {"_id": name, "text": str(text), **others} if text.strip():
            wanted = others.get("filter", {})
            if isinstance(wanted, dict):
                return JudgedQuestion(text, frozenset(), str(name), metadata=wanted)
            return JudgedQuestion(
                text, frozenset(), str(name), filter=filter_on(path / "queries.jsonl", number, wanted)
            )
    raise InvalidRequest(f"Line {number} of {path / 'queries.jsonl'} is no question.", remedy="It needs _id and text.")


def _qrels(path: Path, split: str) -> Path:
    for file in (path / "qrels" / f"{split}.tsv", path / "qrels.tsv"):
        if file.is_file():
            return file
    raise InvalidRequest(
        f"{path} has neither qrels.tsv nor qrels/{split}.tsv.", remedy="--split names another file of qrels/."
    )


def _judgements(path: Path) -> dict[str, dict[str, int]]:
    """Return the documents that answer each question, with their grades above 0."""
    judged: dict[str, dict[str, int]] = {}
    for number, line in numbered_lines(path):
        parts = line.split("\t")
        try:
            question, document, grade = parts[0], parts[1], int(float(parts[2]))
        except (ValueError, IndexError) as error:
            if number == 1:  # the names of the columns
                continue
            raise InvalidRequest(
                f"Line {number} of {path} is no judgement.", remedy="It reads query-id, corpus-id and score, by tabs."
            ) from error
        if grade > 0:
            judged.setdefault(question, {})[document] = grade
    return judged


def _pairs(path: Path) -> Mapping[str, frozenset[str]]:
    pairs: dict[str, set[str]] = {}
    for _, line in numbered_lines(path)[1:]:
        question, _, document = line.strip().partition("\t")
        pairs.setdefault(question, set()).add(document)
    return {question: frozenset(documents) for question, documents in pairs.items()}


def _metadata(title: str, given: object) -> dict[str, Any]:
    others = given if isinstance(given, dict) else {}
    return {**({"title": title} if title else {}), **others}


def _digest(corpus: Path) -> str:
    digest = hashlib.sha256(_LAYOUT)
    try:
        with corpus.open("rb") as file:
            while part := file.read(1 << 20):
                digest.update(part)
    except OSError as error:
        raise InvalidRequest(f"{corpus} cannot be read: {error.strerror}.") from error
    return digest.hexdigest()
