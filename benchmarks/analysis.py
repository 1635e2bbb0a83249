"""What the analysis of words is worth: nDCG@10 of exact BM25 over public sets, and its speed.

    python -m benchmarks.analysis [--json] [--sets medline xquad/de ...] [--variants now pairs ...]

Each variant indexes every document whole (title and text), in the language detected for it, and ranks with BM25
(k1 1.2, b 0.75; a group of alternatives scores as the best of them) in memory with NumPy; nothing is approximate.
At most the first 1,000 judged questions of a set. `mixed` is the four languages of xquad in one index, `identifiers`
asks two documentation sites for names such as `asyncpg.Pool` that at most five of their passages hold.
"""

import argparse
import json
import math
import random
import re
import statistics
import sys
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
from numpy.typing import NDArray

from ragstone.retrieve.analysis import STOP_WORDS, QuestionTerms, detect, question_terms, terms
from ragstone.retrieve.analysis.function_words import FUNCTION_WORDS
from ragstone.retrieve.analysis.stems import stem

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SETS = (
    *("medline", "cranfield", "cisi", "adi", "squad_4k", "scifact", "clapnq", "tatqa/dev", "policyqa/dev"),
    *("xquad/en", "xquad/de", "xquad/es", "xquad/zh", "mixed", "identifiers"),
)
K1, B = 1.2, 0.75
MOST_QUESTIONS = 1_000
PASSAGE = 1_500  # characters, of the documentation sites
NDCG = ir_measures.nDCG @ 10

Index = Callable[[str, str], list[str]]
Ask = Callable[[str, Sequence[str]], QuestionTerms]


@dataclass(slots=True)
class Set:
    """Documents by id, their languages, judged questions as (id, text, title that answers must have)."""

    documents: dict[str, str]
    titles: dict[str, str] = field(default_factory=dict)
    questions: list[tuple[str, str, str | None]] = field(default_factory=list)
    judged: dict[str, dict[str, int]] = field(default_factory=dict)
    excluded: dict[str, set[str]] = field(default_factory=dict)
    languages: list[str] = field(default_factory=list)


def read_set(name: str) -> Set:
    """Return a set by name; raises ``FileNotFoundError`` where it is absent."""
    found = {"mixed": _mixed, "identifiers": _identifiers}.get(name, lambda: _beir(SHARED_DATA / name))()
    found.questions = found.questions[:MOST_QUESTIONS]
    if not found.languages:
        found.languages = [detect(text) for text in found.documents.values()]
    return found


def _beir(folder: Path) -> Set:
    found = Set({})
    for row in _rows(folder / "corpus.jsonl"):
        found.titles[row["_id"]] = row.get("title") or ""
        found.documents[row["_id"]] = f"{row.get('title') or ''}\n{row['text']}".strip()
    judged: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for question, document, grade in _columns(folder / "qrels.tsv"):
        judged[question][document] = int(grade)
    found.judged = dict(judged)
    excluded: defaultdict[str, set[str]] = defaultdict(set)
    if (folder / "exclude.tsv").exists():
        for question, document in _columns(folder / "exclude.tsv"):
            excluded[question].add(document)
    found.excluded = dict(excluded)
    rows = [row for row in _rows(folder / "queries.jsonl") if row["_id"] in judged]
    found.questions = [(row["_id"], row["text"], (row.get("filter") or {}).get("title")) for row in rows]
    return found


def _mixed() -> Set:
    found = Set({})
    for language in ("en", "de", "es", "zh"):
        part = _beir(SHARED_DATA / "xquad" / language)
        found.documents |= {f"{language}/{key}": text for key, text in part.documents.items()}
        found.questions += [(f"{language}/{key}", text, None) for key, text, _ in part.questions[::5]]
        for key, grades in part.judged.items():
            found.judged[f"{language}/{key}"] = {f"{language}/{document}": grade for document, grade in grades.items()}
    return found


def _identifiers() -> Set:
    """Return names of several pieces, asked for in four ways; relevant is a passage that holds one, however joined."""
    name = re.compile(r"(?<![\w.\-/:@])(?:--?)?[A-Za-z][A-Za-z0-9]*(?:[._\-:][A-Za-z0-9]+)+(?![\w\-/:@]|\.\w)")
    found = Set({})
    written: set[str] = set()
    for site in ("fastapi_en", "powershell"):
        for path in sorted((SHARED_DATA / "docs" / site).rglob("*.md")):
            text = path.read_text(encoding="utf-8")
            language = detect(text)
            for start in range(0, len(text), PASSAGE):
                passage = text[start : start + PASSAGE]
                found.documents[f"{path.name}-{len(found.documents)}"] = passage
                found.languages.append(language)
                written.update(name.findall(passage))
    joined = {key: _joined(passage) for key, passage in found.documents.items()}
    ways = ("What does {} do?", "{}", "How do I use {} here", "error with {} in my script")
    for number, asked in enumerate(random.Random(5).sample(sorted(written), 1_000)):
        sought = re.compile(rf"(?<![a-z0-9]){re.escape(_joined(asked))}(?![a-z0-9])")
        held = {key: 1 for key, passage in joined.items() if sought.search(passage)}
        if 1 <= len(held) <= 5:
            found.questions.append((asked, ways[number % 4].format(asked), None))
            found.judged[asked] = held
    return found


def _joined(text: str) -> str:
    return re.sub("[-_]", "", text.lower())


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _columns(path: Path) -> Iterator[list[str]]:
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        yield line.split("\t")


# -- the variants


_FIRST_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_FIRST_TERM = re.compile(
    rf"(?P<run>[{_FIRST_UNSPACED}]+)|[^\W{_FIRST_UNSPACED}]+(?:[.\-/:@'’][^\W{_FIRST_UNSPACED}]+)*"
)
_FIRST_PIECE = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+(?![a-z])|\d+")


def first_terms(text: str) -> list[str]:
    """Return the terms of Ragstone's first analysis: English for every language, function words dropped."""
    found: list[str] = []
    for match in _FIRST_TERM.finditer(unicodedata.normalize("NFKC", text)):
        word = match.group()
        if match.group("run"):
            found += [a + b for a, b in pairwise(word)] or [word]
            continue
        pieces = _FIRST_PIECE.findall(word)
        found += [stem(piece, "en") for piece in pieces if piece.casefold() not in STOP_WORDS]
        found += [word.casefold()] if len(pieces) > 1 else []
    return found


def first_question(question: str, _languages: Sequence[str]) -> QuestionTerms:
    """Ask for each term as often as it stands in the question."""
    counted = Counter(first_terms(question))
    return QuestionTerms(tuple((term,) for term in counted), tuple(map(float, counted.values())), ())


def without_function_words(text: str, language: str) -> list[str]:
    """Return the terms as they would be if the index held no function words."""
    dropped = FUNCTION_WORDS.get(language, frozenset())
    return [term for term in terms(text, language) if term not in dropped]


def characters(text: str, language: str) -> list[str]:
    """Return single characters for scripts without spaces."""
    return [term for term in with_characters(text, language) if len(term) == 1 or not _is_pair(term)]


def with_characters(text: str, language: str) -> list[str]:
    """Return the terms, and each pair's first character besides."""
    found = terms(text, language)
    return found + [term[0] for term in found if _is_pair(term)]


def _is_pair(term: str) -> bool:
    return len(term) == 2 and term > "\u3000"


def asking(index: Index) -> Ask:
    """Return a question side that asks for the terms of ``index`` where the question is without spaces."""

    def ask(question: str, languages: Sequence[str]) -> QuestionTerms:
        asked = question_terms(question, languages)
        if not any(map(_is_pair, (group[0] for group in asked.groups))):
            return asked
        counted = Counter(index(question, ""))
        return QuestionTerms(tuple((term,) for term in counted), tuple(map(float, counted.values())), ())

    return ask


def english_only(question: str, _languages: Sequence[str]) -> QuestionTerms:
    """Ask in English whatever the documents are in."""
    return question_terms(question, ["en"])


VARIANTS: dict[str, tuple[Index, Ask]] = {
    "first": (lambda text, _: first_terms(text), first_question),
    "now": (terms, question_terms),
    "no function words": (without_function_words, question_terms),
    "no stemming": (lambda text, _: terms(text, ""), lambda question, _: question_terms(question, [""])),
    "english only": (lambda text, _: terms(text, "en"), english_only),
    "characters": (characters, asking(characters)),
    "pairs and characters": (with_characters, asking(with_characters)),
}


# -- BM25


class Bm25:
    """Postings in memory, each with its whole BM25 contribution."""

    def __init__(self, documents: Sequence[list[str]]) -> None:
        lengths = np.array([len(found) for found in documents], dtype=np.float64)
        held: defaultdict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for number, found in enumerate(documents):
            for term, frequency in Counter(found).items():
                held[term][0].append(number)
                held[term][1].append(frequency)
        self.count = len(documents)
        self.postings = sum(len(numbers) for numbers, _ in held.values())
        norm = K1 * (1 - B + B * lengths / max(lengths.mean(), 1.0))
        self._impacts = {
            term: self._impact(np.array(n), np.array(f, np.float64), norm) for term, (n, f) in held.items()
        }

    def _impact(
        self, numbers: NDArray[np.int64], frequencies: NDArray[np.float64], norm: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        idf = math.log(1 + (self.count - len(numbers) + 0.5) / (len(numbers) + 0.5))
        return numbers, idf * frequencies * (K1 + 1) / (frequencies + norm[numbers])

    def scores(self, asked: QuestionTerms) -> NDArray[np.float64]:
        """Return each document's score: over the groups, weight times the best alternative's contribution."""
        total = np.zeros(self.count)
        for group, weight in zip(asked.groups, asked.weights, strict=True):
            best = np.zeros(self.count)
            for numbers, impact in (self._impacts[term] for term in group if term in self._impacts):
                best[numbers] = np.maximum(best[numbers], impact)
            total += weight * best
        return total


def measure(of: Set, index: Index, ask: Ask) -> tuple[float, int]:
    """Return nDCG@10 and the number of postings."""
    keys = list(of.documents)
    engine = Bm25([index(text, spoken) for text, spoken in zip(of.documents.values(), of.languages, strict=True)])
    common = [spoken for spoken, _ in Counter(of.languages).most_common()]
    run = []
    for question, text, title in of.questions:
        scores = engine.scores(ask(text, common))
        best = (
            n for n in np.argsort(-scores, kind="stable") if scores[n] > 0 and _allowed(of, question, keys[n], title)
        )
        run += [
            ir_measures.ScoredDoc(question, keys[n], 1.0 / rank) for rank, n in zip(range(1, 11), best, strict=False)
        ]
    grades = [
        ir_measures.Qrel(question, document, grade)
        for question, _, _ in of.questions
        for document, grade in of.judged[question].items()
    ]
    return float(ir_measures.calc_aggregate([NDCG], grades, run)[NDCG]), engine.postings


def _allowed(of: Set, question: str, document: str, title: str | None) -> bool:
    return document not in of.excluded.get(question, ()) and (title is None or of.titles[document] == title)


# -- speed


def speed() -> dict[str, float]:
    """Return megabytes of English Markdown a second (first pass, then with its words known), and ms a question."""
    text = "\n".join(path.read_text("utf-8") for path in sorted((SHARED_DATA / "docs" / "fastapi_en").rglob("*.md")))
    asked = [row["text"] for row in _rows(SHARED_DATA / "squad_4k" / "queries.jsonl")][:MOST_QUESTIONS]
    passes = [_seconds(lambda: terms(text, "en")) for _ in range(4)]
    questions = [_seconds(lambda question=question: question_terms(question, ["en", "de", "fr"])) for question in asked]  # type: ignore[misc]
    size = len(text.encode()) / 1e6
    return {
        "megabytes_a_second": size / min(passes),
        "megabytes_a_second_words_new": size / passes[0],
        "question_ms_p50": 1e3 * statistics.median(questions),
        "question_ms_p95": 1e3 * statistics.quantiles(questions, n=20)[-1],
    }


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def main() -> int:
    """Print a table, or JSON; return 1 where the sets are absent."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    arguments = parser.parse_args()
    if not SHARED_DATA.exists():
        print("skipped: no public sets beside the checkout", file=sys.stderr)
        return 1
    took = speed()
    found = {name: _measured(name, arguments.variants) for name in arguments.sets}
    if arguments.json:
        print(json.dumps({"speed": took, "sets": found}))
        return 0
    print(" ".join(f"{name} {value:,.3f}" for name, value in took.items()))
    print(f"{'set':14}" + "".join(f"{name:>22}" for name in arguments.variants) + "   nDCG@10 (postings)")
    for name, by_variant in found.items():
        cells = (f"{ndcg:.4f} ({postings:,})" for ndcg, postings in by_variant.values())
        print(f"{name:14}" + "".join(f"{cell:>22}" for cell in cells))
    return 0


def _measured(name: str, variants: Sequence[str]) -> dict[str, tuple[float, int]]:
    of = read_set(name)
    return {variant: measure(of, *VARIANTS[variant]) for variant in variants}


if __name__ == "__main__":
    sys.exit(main())
