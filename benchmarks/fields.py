"""What titles and headings should weigh in the search by words: BM25F with each of many weights, in memory.

    python -m benchmarks.fields --cache DIR [--sets adi scifact ... fastapi_en powershell] [--questions 600]
        [--titles 0 0.5 1 2 3] [--headings 0 0.5 1 2] [--out benchmarks/results/fields.json]

A term's frequency in a chunk is the sum over title, headings and text of weight times frequency (Robertson, Zaragoza
and Taylor, CIKM 2004), and its length likewise; with `text` behind the weights, the length is that of the text alone.
nDCG@10 of words alone and of the default fusion, beside weights of 1, by a paired bootstrap over questions. Vectors are
kept in DIR.
"""

import argparse
import asyncio
import json
import shlex
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from benchmarks.answer_sets import SHARED_DATA, CachedEmbedder
from benchmarks.fields_sets import BEIR, SITES, Passage, Set, sets
from ragstone.adapters.embedders.minilm import MiniLM
from ragstone.domain.queries import Ranked
from ragstone.learn.judged_sets import JudgedSet
from ragstone.learn.measures import measured
from ragstone.learn.questions import JudgedQuestion
from ragstone.learn.significance import differences
from ragstone.ports.lexical_index import Matches
from ragstone.retrieve.analysis import count_terms, detect, question_terms
from ragstone.retrieve.fusion import Fusion, Near
from ragstone.retrieve.lexical.blocks import Posting
from ragstone.retrieve.lexical.scoring import Formula, Part, Statistics, best
from ragstone.retrieve.lexical.segment import ids_of

_DEPTH = 100
_FIELDS = 3
Numbers = NDArray[np.float32]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weights:
    """What a word weighs in the title and in headings, 1 in the text; ``text_length``: only the text has a length."""

    title: float = 1.0
    headings: float = 1.0
    text_length: bool = False

    @property
    def row(self) -> Numbers:
        """The weight of each field."""
        return np.array([self.title, self.headings, 1.0], np.float32)

    @property
    def name(self) -> str:
        """How the tables call them."""
        return f"{self.title:g} / {self.headings:g}{' text' if self.text_length else ''}"


class Words:
    """The words of passages, counted by field, and ranked by any weights."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._ids = ids_of([UUID(int=number) for number in range(len(passages))])
        self.language = max(spoken := [detect(each.body) for each in passages], key=spoken.count) or "en"
        self._lengths = np.zeros((len(passages), _FIELDS), np.float32)
        counted: defaultdict[str, list[tuple[int, int, int]]] = defaultdict(list)
        for place, passage in enumerate(passages):
            for number, text in enumerate((passage.title, passage.headings, passage.body)):
                terms = count_terms(text, self.language)
                self._lengths[place, number] = terms.total()
                for term, frequency in terms.items():
                    counted[term].append((place, number, frequency))
        self._postings = {term: _by_field(found) for term, found in counted.items()}

    def search(self, question: str, weights: Weights, within: NDArray[np.bool_] | None) -> Matches:
        """Return the best passages."""
        asked = question_terms(question, [self.language])
        groups = [[self._posting(term, weights) for term in group] for group in asked.groups]
        lengths = self._lengths[:, 2] if weights.text_length else self._lengths @ weights.row
        counted = Statistics(len(lengths), float(lengths.sum(dtype=np.float64)))
        part = Part(self._ids, lengths, None, groups, within)  # type: ignore[arg-type]
        found = best([part], asked.weights, counted, Formula(), _DEPTH)
        ranked = [Ranked(UUID(bytes=bytes(chunk_id)), score) for chunk_id, score in found.found]
        return Matches(ranked, found.attainable, asked.language or self.language)

    def _posting(self, term: str, weights: Weights) -> Posting:
        places, frequencies = self._postings.get(term, _NOTHING)
        weighed = frequencies @ weights.row
        there = weighed > 0
        return Posting(places[there], weighed[there])  # type: ignore[arg-type]


_NOTHING = (np.empty(0, np.uint16), np.empty((0, _FIELDS), np.float32))


def _by_field(found: Sequence[tuple[int, int, int]]) -> tuple[NDArray[np.uint16], Numbers]:
    """Return the places that a term stands at, and how often in each field; shape ``(places, fields)``."""
    rows = np.array(found)
    places, at = np.unique(rows[:, 0], return_inverse=True)
    frequencies = np.zeros((len(places), _FIELDS), np.float32)
    frequencies[at, rows[:, 1]] = rows[:, 2]
    return places.astype(np.uint16), frequencies


@dataclass(frozen=True)
class Searched:
    """A set whose questions are asked: ``vectors`` of its passages, ``asked`` those of its questions."""

    of: Set
    words: Words
    vectors: Numbers
    asked: Numbers
    languages: frozenset[str]

    @cached_property
    def _near(self) -> list[Near]:
        return [self._nearest(question, vector) for question, vector in zip(self.of.questions, self.asked, strict=True)]

    def _nearest(self, question: JudgedQuestion, vector: Numbers) -> Near:
        cosines = self.vectors @ vector
        if (within := self._within(question)) is not None:
            cosines[~within] = -2
        order = np.argsort(-cosines, kind="stable")[:_DEPTH]
        return Near([Ranked(UUID(int=int(at)), float(cosines[at])) for at in order if cosines[at] > -2], self.languages)

    def _within(self, question: JudgedQuestion) -> NDArray[np.bool_] | None:
        if not (question.metadata or question.excluded):
            return None
        wanted = question.metadata.get("title")
        return np.array(
            [
                (wanted is None or each.site == wanted) and each.uris[0] not in question.excluded
                for each in self.of.passages
            ]
        )

    def values(self, weights: Weights) -> Values:
        """Return nDCG@10 of each question by words and by the default fusion; shape ``(questions, 2)``."""
        words, fused = {}, {}
        for question, near in zip(self.of.questions, self._near, strict=True):
            found = self.words.search(question.question, weights, self._within(question))
            words[question.id] = self._uris(question, found.ranked)
            fused[question.id] = self._uris(question, [each for each, _ in Fusion().of(found, near)])
        return np.hstack([measured(self.of.questions, run, ["nDCG@10"]) for run in (words, fused)])

    def _uris(self, question: JudgedQuestion, ranked: Sequence[Ranked]) -> list[str]:
        """Return what was found, once each: documents, or the innermost sections that are not asked for."""
        found: dict[str, None] = {}
        for each in ranked:
            uris = self.of.passages[each.chunk_id.int].uris
            there = [uri for uri in uris[1:] if uri in question.uris] if self.of.sections else uris[:1]
            found[(there or uris)[-1]] = None
        return list(found)


async def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of every set, by the names of the weights."""
    embedder = CachedEmbedder(inner := MiniLM(data_dir=given.cache), given.cache)
    found: dict[str, Any] = {}
    for each in sets(inner, given.sets):
        begun = time.monotonic()
        drawn = JudgedSet(each.name, tuple(each.questions)).sample(given.questions).questions
        found[each.name] = await _measured(replace(each, questions=drawn), embedder, given)
        print(f"{each.name}: {time.monotonic() - begun:.0f} s", flush=True)
        await embedder.close()
    return found


async def _measured(of: Set, embedder: CachedEmbedder, given: argparse.Namespace) -> dict[str, Any]:
    words = await asyncio.to_thread(Words, of.passages)
    vectors = await embedder.embed([each.embedded for each in of.passages])
    asked = await embedder.embed([each.question for each in of.questions])
    searched = Searched(of, words, vectors, asked, embedder.model.languages)
    plain = searched.values(Weights())
    rows = {}
    for weights in _grid(given, headed=any(each.headings for each in of.passages)):
        values = searched.values(weights)
        words_apart, fused_apart = differences(plain, values)
        mean_words, mean_fused = map(float, values.mean(axis=0))
        rows[weights.name] = {
            "words": mean_words,
            "fused": mean_fused,
            "words_apart": asdict(words_apart),
            "fused_apart": asdict(fused_apart),
        }
    return {"passages": len(of.passages), "questions": len(of.questions), "weights": rows}


def _grid(given: argparse.Namespace, *, headed: bool) -> Iterator[Weights]:
    for text_length in (False, True):
        for title in given.titles:
            for headings in given.headings if headed else [1.0]:
                yield Weights(title, headings, text_length)


def show(found: dict[str, Any]) -> list[str]:
    """Return the tables, one of words alone and one of the fusion: a row a set, a column each weights."""
    lines = []
    for leg in ("words", "fused"):
        for headed in (False, True):
            those = {name: each for name, each in found.items() if (len(each["weights"]) > _headless(found)) == headed}
            if those:
                lines += ["", f"## {leg.capitalize()}", "", *_table(those, leg)]
    return lines


def _headless(found: dict[str, Any]) -> int:
    return min(len(each["weights"]) for each in found.values()) if len(found) > 1 else 0


def _table(found: dict[str, Any], leg: str) -> list[str]:
    names = list(found)
    weights = list(found[names[0]]["weights"])
    lines = [f"| title / headings | {' | '.join(names)} | mean |", f"|{'---|' * (len(names) + 2)}"]
    for each in weights:
        rows = [found[name]["weights"][each] for name in names]
        cells = [f"{row[leg]:.4f}{_star(row[f'{leg}_apart'])}" for row in rows]
        lines.append(f"| {each} | {' | '.join(cells)} | {fmean(row[leg] for row in rows):.4f} |")
    return lines


def _star(apart: dict[str, Any]) -> str:
    """Mark what would be so far from weights of 1 by chance in fewer than one of twenty cases."""
    if apart["p"] >= 0.05:
        return ""
    return " +" if apart["estimate"]["mean"] > 0 else " -"


def main() -> int:
    """Run, print, write down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", choices=[*BEIR, *SITES], default=[*BEIR, *SITES])
    parser.add_argument("--questions", type=int, default=600)
    parser.add_argument("--titles", type=float, nargs="+", default=[0.0, 0.5, 1.0, 2.0, 3.0])
    parser.add_argument("--headings", type=float, nargs="+", default=[0.0, 0.5, 1.0, 2.0])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/fields.json"))
    given = parser.parse_args()
    if not SHARED_DATA.is_dir():
        print("needs ../shared/data, which is not here")
        return 1
    found = asyncio.run(measure(given))
    told = {name: getattr(given, name) for name in ("sets", "titles", "headings", "questions")}
    others = {name: values for name, values in told.items() if values != parser.get_default(name)}
    options = [part for name, values in others.items() for part in (f"--{name}", *map(str, np.ravel(values)))]
    command = shlex.join(["python", "-m", "benchmarks.fields", *options])
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps({"command": command, "sets": found}, indent=1) + "\n", encoding="utf-8")
    lines = [f"# {given.out.stem}: nDCG@10", "", f"Made by `{command}`. + and -: p < 0.05 beside 1 / 1.", *show(found)]
    given.out.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
