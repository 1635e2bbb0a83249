"""Fits the two models of extraction: which sentence answers best, and whether anything answers at all.

Sentences: a softmax over the sentences of one question, so that one that holds the answer comes first. Answering: a
logistic regression, each set and each of its two classes weighing the same, but an answerable question COSTLIER times
as much. Cross-validated; then once more on everything.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.answer_sets import CachedEmbedder, Index, Question, QuestionSet, load
from benchmarks.answers import SEED, folded, packed
from ragstone.adapters.embedders.minilm import MiniLM
from ragstone.answer import ranking
from ragstone.answer.confidence import Signs
from ragstone.answer.evidence import read
from ragstone.answer.extract import Extractor
from ragstone.answer.ruler import Ruler
from ragstone.ports.embedder import Vectors

FOLDS = 5
COSTLIER = 1.7
SQUAD_QUESTIONS = 1200
FOREIGN_QUESTIONS = 120
SET_WEIGHTS = {"squad_4k": 1.0, "clapnq": 1.5, "fastapi_en": 1.0, "foreign": 1.0}

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Choice:
    """The sentences of one question: their features, and which of them answer."""

    features: Floats
    answers: NDArray[np.bool_]
    weight: float


@dataclass(frozen=True, slots=True)
class Case:
    """A question asked of a corpus: what speaks for an answer, and whether there is one."""

    signs: Signs
    answerable: bool


class Bench:
    """The three sets with their indexes."""

    def __init__(self, sets: Mapping[str, QuestionSet], indexes: Mapping[str, Index], embedder: CachedEmbedder) -> None:
        self.sets = sets
        self._indexes = indexes
        self._embedder = embedder
        self._extractor = Extractor(embedder)

    async def choice(self, name: str, question: Question, weight: float) -> Choice:
        """Measure every sentence that is packed for a question."""
        vector = (await self._embedder.embed([question.text]))[0]
        context = packed(question.text, self._indexes[name], vector, self._embedder.inner)
        reading = read(question.text, context.passages)
        cosines = (await self._embedder.embed([each.text for each in reading.sentences])) @ vector
        features = [
            each._replace(cosine=float(cosine))
            for each, cosine in zip(ranking.features_by_words(reading, Ruler()), cosines, strict=True)
        ]
        answers = [
            answers_by(question, each.text, context.passages[each.position].hit.uri) for each in reading.sentences
        ]
        return Choice(np.array(features), np.array(answers), weight)

    async def case(self, name: str, question: Question, *, without: Sequence[str] = ()) -> Case | None:
        """Ask, with documents taken out or not; ``None`` where what is left holds the answer all the same."""
        vector: Vectors = (await self._embedder.embed([question.text]))[0]
        context = packed(question.text, self._indexes[name], vector, self._embedder.inner, without)
        text = folded(" ".join(passage.hit.chunk.text for passage in context.passages))
        if without and any(folded(answer) in text for answer in question.answers):
            return None
        found = (await self._extractor.extract(question.text, context)).signs
        return Case(found, question.answerable and not without) if found is not None else None


def answers_by(question: Question, sentence: str, uri: str) -> bool:
    """Say whether a sentence is one that answers."""
    if not question.is_gold(uri):
        return False
    said = folded(sentence)
    if question.answers:
        return any(folded(answer) in said for answer in question.answers)
    if question.sentences:
        return len(said) > 15 and any(said in folded(each) or folded(each) in said for each in question.sentences)
    return True


async def fit(cache: Path) -> None:
    """Fit everything and print it."""
    inner = MiniLM(data_dir=cache)
    await inner.warm()
    embedder = CachedEmbedder(inner, cache)
    sets = {name: load(name) for name in ("squad_4k", "clapnq", "fastapi_en")}
    indexes = {name: await Index.of(found.sources, embedder) for name, found in sets.items()}
    bench = Bench(sets, indexes, embedder)
    _fit_sentences(await _choices(bench))
    _fit_confidence(await _cases(bench))
    await embedder.close()
    await inner.close()


async def _choices(bench: Bench) -> list[Choice]:
    choices = []
    for name, weight, count in (("squad_4k", 1.0, SQUAD_QUESTIONS), ("clapnq", 3.0, 300), ("fastapi_en", 1.0, 200)):
        questions = [question for question in bench.sets[name].questions if question.answerable]
        random.Random(SEED + 1).shuffle(questions)
        choices += [await bench.choice(name, question, weight) for question in questions[:count]]
    random.Random(SEED).shuffle(choices)
    return [each for each in choices if each.answers.any() and not each.answers.all()]


def _fit_sentences(choices: Sequence[Choice]) -> None:
    for label, names in (
        ("WEIGHTS", ranking.Features._fields),
        ("WEIGHTS_BY_WORDS", tuple(name for name in ranking.Features._fields if name != "cosine")),
    ):
        columns = [ranking.Features._fields.index(name) for name in names]
        right = []
        for fold in range(FOLDS):
            weights = softmax_weights([each for i, each in enumerate(choices) if i % FOLDS != fold], columns)
            right += [
                bool(each.answers[np.argmax(each.features[:, columns] @ weights)])
                for i, each in enumerate(choices)
                if i % FOLDS == fold
            ]
        weights = softmax_weights(choices, columns)
        print(f"{label}: " + ", ".join(f"{name}={value:.2f}" for name, value in zip(names, weights, strict=True)))
        print(f"  a sentence that answers comes first: {np.mean(right):.3f} (folds not fitted on)")


def softmax_weights(choices: Sequence[Choice], columns: Sequence[int], steps: int = 400, rate: float = 0.1) -> Floats:
    """Return the weights that make an answering sentence the likeliest, by Adam (Kingma & Ba, 2015)."""
    features = np.concatenate([each.features[:, columns] for each in choices])
    spread = features.std(axis=0) + 1e-9
    scaled = features / spread
    answers = np.concatenate([each.answers for each in choices]).astype(float)
    of = np.repeat(np.arange(len(choices)), [len(each.answers) for each in choices])
    worth = np.array([each.weight for each in choices])[of]
    weights, momentum, power = (np.zeros(len(columns)) for _ in range(3))
    for step in range(1, steps + 1):
        scores = scaled @ weights
        raised = np.exp(scores - scores.max())
        likely = raised / np.bincount(of, raised)[of]
        wanted = raised * answers / np.bincount(of, raised * answers)[of]
        slope = scaled.T @ (worth * (likely - wanted)) / worth.sum() * len(answers) / len(choices) + 1e-3 * weights
        momentum = 0.9 * momentum + 0.1 * slope
        power = 0.999 * power + 0.001 * slope**2
        weights = weights - rate * (momentum / (1 - 0.9**step)) / (np.sqrt(power / (1 - 0.999**step)) + 1e-9)
    found: Floats = weights / spread
    return found


async def _cases(bench: Bench) -> dict[str, list[Case]]:
    """Ask each set its own questions, squad_4k also without the paragraph that answers, and each the others'."""
    draw = random.Random(SEED + 2)
    squad = draw.sample(bench.sets["squad_4k"].questions, SQUAD_QUESTIONS)
    asked = {
        "squad_4k": [await bench.case("squad_4k", each) for each in squad]
        + [await bench.case("squad_4k", each, without=each.gold) for each in squad],
        "clapnq": [await bench.case("clapnq", each) for each in bench.sets["clapnq"].questions],
        "fastapi_en": [await bench.case("fastapi_en", each) for each in bench.sets["fastapi_en"].questions],
        "foreign": [],
    }
    for corpus, other in (("squad_4k", "clapnq"), ("fastapi_en", "squad_4k"), ("clapnq", "squad_4k")):
        for each in draw.sample(bench.sets[other].questions, FOREIGN_QUESTIONS):
            asked["foreign"].append(await bench.case(corpus, Question(each.text)))
    cases = {name: [each for each in found if each is not None] for name, found in asked.items()}
    for found in cases.values():
        draw.shuffle(found)
    return cases


def _fit_confidence(cases: Mapping[str, Sequence[Case]]) -> None:
    verdicts: dict[str, list[tuple[bool, bool]]] = {name: [] for name in cases}
    for fold in range(FOLDS):
        kept = {name: [each for i, each in enumerate(found) if i % FOLDS != fold] for name, found in cases.items()}
        weights = logistic_weights(kept)
        for name, found in cases.items():
            verdicts[name] += [(accepts(weights, each), each.answerable) for each in found[fold::FOLDS]]
    weights = logistic_weights(cases)
    print("Signs: " + ", ".join(f"{name}={value:.2f}" for name, value in zip(Signs._fields, weights, strict=False)))
    print(f"BIAS: {weights[-1]:.2f}")
    for name, judged in verdicts.items():
        print(f"  {name}, folds not fitted on: {_accuracy(judged)}")
    for name in ("squad_4k", "clapnq", "fastapi_en"):
        others = logistic_weights({each: found for each, found in cases.items() if each != name})
        judged = [(accepts(others, each), each.answerable) for each in cases[name]]
        print(f"  {name}, fitted on the other sets: {_accuracy(judged)}")


def accepts(weights: Floats, case: Case) -> bool:
    """Say whether the question is answered."""
    return bool(np.dot(weights[:-1], case.signs) + weights[-1] > 0)


def _accuracy(verdicts: Sequence[tuple[bool, bool]]) -> str:
    answered = [accepted for accepted, answerable in verdicts if answerable]
    refused = [not accepted for accepted, answerable in verdicts if not answerable]
    if not answered:
        return f"refused {np.mean(refused):.3f}"
    balanced = (np.mean(answered) + np.mean(refused)) / 2
    return f"balanced {balanced:.3f} (answered {np.mean(answered):.3f}, refused {np.mean(refused):.3f})"


def logistic_weights(cases: Mapping[str, Sequence[Case]], ridge: float = 3e-4) -> Floats:
    """Return the weights of the signs and last the bias, by Newton's method."""
    rows = [(name, each) for name, found in cases.items() for each in found]
    signs = np.array([each.signs for _, each in rows])
    truth = np.array([each.answerable for _, each in rows], dtype=float)
    worth = np.array([_worth(cases[name], each.answerable) * SET_WEIGHTS[name] for name, each in rows])
    middle, spread = signs.mean(axis=0), signs.std(axis=0) + 1e-9
    scaled = np.c_[(signs - middle) / spread, np.ones(len(rows))]
    penalty = np.diag([ridge] * signs.shape[1] + [0.0])
    weights = np.zeros(scaled.shape[1])
    for _ in range(30):
        likely = 1 / (1 + np.exp(-scaled @ weights))
        slope = scaled.T @ (worth * (truth - likely)) - penalty @ weights
        curve = (scaled * (worth * likely * (1 - likely))[:, None]).T @ scaled + penalty
        weights = weights + np.linalg.solve(curve, slope)
    found: Floats = np.append(weights[:-1] / spread, weights[-1] - np.sum(middle * weights[:-1] / spread))
    return found


def _worth(found: Sequence[Case], answerable: bool) -> float:
    same = sum(each.answerable == answerable for each in found)
    return (COSTLIER if answerable else 1.0) * 0.5 / same
