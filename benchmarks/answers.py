"""How good are answers without a language model, and do they refuse what the documents do not hold?

    python -m benchmarks.answers [--sets squad_4k clapnq fastapi_en] [--questions 1000] [--show 5] [--fit] [--json]

For each set: how often the reference answer stands inside the first cited quote (squad_4k), how often a sentence that
was selected by hand does (clapnq) and how often the page that answers is cited (fastapi_en); refusals counted as
failures. Then balanced accuracy of refusal, the latency of extraction, and whether every quote is verbatim.

`--fit` fits the weights of `ragstone.answer.ranking` and `ragstone.answer.confidence` and prints them, with figures
from folds that were not fitted on; they are copied there by hand.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.answer_sets import SHARED_DATA, CachedEmbedder, Index, Question, QuestionSet, load
from ragstone.adapters.embedders.minilm import MiniLM
from ragstone.answer.extract import Extract, Extractor
from ragstone.domain.answers import Context
from ragstone.ports.embedder import Embedder
from ragstone.retrieve.packing import pack
from ragstone.settings import Settings

SETS = ("squad_4k", "clapnq", "fastapi_en")
SEED = 7
TIMED = 100
"""Questions whose extraction is timed, with nothing read from the cache."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured on one set. Shares are of the answerable (``refused`` of the others); times in ms."""

    name: str
    answerable: int
    unanswerable: int
    first_quote: float
    any_quote: float
    first_quote_before_refusal: float
    answered: float
    refused: float
    balanced_accuracy: float
    quotes: float
    first_quote_characters: float
    median_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with what was found for it and the answer that was made of it."""

    question: Question
    context: Context
    extract: Extract

    @property
    def answered(self) -> bool:
        """Whether it is not refused."""
        threshold: float = Settings.model_fields["refusal_threshold"].default
        return self.extract.confidence >= threshold

    def right(self, count: int | None = None) -> bool:
        """Say whether one of the first ``count`` quotes holds the answer."""
        return any(holds(self.question, quote.text, quote.passage.hit.uri) for quote in self.extract.quotes[:count])


def holds(question: Question, quote: str, uri: str) -> bool:
    """Say whether a quote answers a question, by the best reference that the set has."""
    said = folded(quote)
    if question.answers:
        return any(folded(answer) in said for answer in question.answers)
    if question.sentences:
        return any(folded(sentence) in said or said in folded(sentence) for sentence in question.sentences)
    return question.is_gold(uri)


def folded(text: str) -> str:
    """Return a text in one case and spacing."""
    return " ".join(text.casefold().split())


def packed(question: str, index: Index, vector: object, embedder: Embedder, without: Sequence[str] = ()) -> Context:
    """Search and pack as the settings' defaults do."""
    fields = Settings.model_fields
    spans = embedder.tokenizer.spans
    return pack(
        index.search(question, vector, without),  # type: ignore[arg-type]  # rows of an array
        budget_tokens=fields["context_tokens"].default,
        max_passages=fields["context_passages"].default,
        count_tokens=lambda text: len(spans(text)),
    )


async def ask(questions: Sequence[Question], index: Index, embedder: CachedEmbedder) -> list[Asked]:
    """Search, pack and extract for each question, checking that each quote is verbatim."""
    extractor = Extractor(embedder)
    vectors = await embedder.embed_questions([question.text for question in questions])
    asked = []
    for question, vector in zip(questions, vectors, strict=True):
        context = packed(question.text, index, vector, embedder.inner)
        extract = await extractor.extract(question.text, context)
        for quote in extract.quotes:
            check_verbatim(quote.passage.hit.uri, quote.start, quote.end, quote.text, index)
        asked.append(Asked(question, context, extract))
    return asked


def check_verbatim(uri: str, start: int, end: int, text: str, index: Index) -> None:
    """Raise where a quote is not what the document says there."""
    if index.content(uri)[start:end] != text:
        raise AssertionError(f"{uri}[{start}:{end}] is not {text!r}")


async def timed(asked: Sequence[Asked], embedder: Embedder) -> tuple[float, float]:
    """Return median and 95th percentile of extraction in milliseconds."""
    extractor = Extractor(embedder)
    await extractor.extract(asked[0].question.text, asked[0].context)
    took = []
    for each in asked[:TIMED]:
        began = time.perf_counter()
        await extractor.extract(each.question.text, each.context)
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took), statistics.quantiles(took, n=20)[-1]


def figures(name: str, asked: Sequence[Asked], times: tuple[float, float]) -> Figures:
    """Count."""
    yes = [each for each in asked if each.question.answerable]
    no = [each for each in asked if not each.question.answerable]
    answered = _share([each.answered for each in yes])
    refused = _share([not each.answered for each in no])
    return Figures(
        name=name,
        answerable=len(yes),
        unanswerable=len(no),
        first_quote=_share([each.answered and each.right(1) for each in yes]),
        any_quote=_share([each.answered and each.right() for each in yes]),
        first_quote_before_refusal=_share([each.right(1) for each in yes]),
        answered=answered,
        refused=refused,
        balanced_accuracy=(answered + refused) / 2,
        quotes=statistics.mean(len(each.extract.quotes) for each in asked),
        first_quote_characters=statistics.mean(len(each.extract.quotes[0].text) for each in yes if each.extract.quotes),
        median_ms=times[0],
        p95_ms=times[1],
    )


def _share(marks: Sequence[bool]) -> float:
    return sum(marks) / len(marks) if marks else float("nan")


def sample(found: QuestionSet, count: int) -> list[Question]:
    """Draw questions, always the same."""
    questions = list(found.questions)
    random.Random(SEED).shuffle(questions)
    return questions[:count]


def show(asked: Sequence[Asked], count: int) -> None:
    """Print some answers as a reader sees them."""
    for each in asked[:count]:
        verdict = f"{each.extract.confidence:.2f}" + ("" if each.answered else ", refused")
        print(f"\n  {each.question.text} ({verdict})")
        for quote in each.extract.quotes:
            print("    > " + quote.text.replace("\n", "\n      ") + f"\n      -- {quote.passage.hit.uri}")


def table(rows: Sequence[Figures]) -> str:
    """Return the figures as text."""
    lines = []
    for row in rows:
        lines.append(f"{row.name} ({row.answerable} with an answer, {row.unanswerable} without)")
        lines.append(
            f"  answer in the first quote {row.first_quote:.3f}, in any {row.any_quote:.3f}"
            f" (first, had nothing been refused: {row.first_quote_before_refusal:.3f})"
        )
        lines.append(
            f"  answered {row.answered:.3f}, rightly refused {row.refused:.3f}, balanced {row.balanced_accuracy:.3f};"
            f" {row.quotes:.1f} quotes, the first of {row.first_quote_characters:.0f} characters"
        )
        lines.append(f"  extraction {row.median_ms:.0f} ms median, {row.p95_ms:.0f} ms p95; every quote verbatim")
    return "\n".join(lines)


async def run(arguments: argparse.Namespace) -> list[Figures]:
    """Measure the sets that were asked for."""
    inner = MiniLM(data_dir=arguments.cache)
    await inner.warm()
    rows = []
    for name in arguments.sets:
        found = load(name)
        embedder = CachedEmbedder(inner, arguments.cache)
        index = await Index.of(found.sources, embedder)
        asked = await ask(sample(found, arguments.questions), index, embedder)
        rows.append(figures(name, asked, await timed(asked, inner)))
        if arguments.show:
            show(asked, arguments.show)
        await embedder.close()
    await inner.close()
    return rows


def main() -> int:
    """Run from the command line. Returns 2 where the shared data is not there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--show", type=int, default=0, help="print so many answers of each set")
    parser.add_argument("--fit", action="store_true", help="fit the weights instead of measuring")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "ragstone-bench")
    arguments = parser.parse_args()
    if not SHARED_DATA.exists():
        print(f"skipped: {SHARED_DATA} is not there", file=sys.stderr)
        return 2
    if arguments.fit:
        from benchmarks.answer_fit import fit

        asyncio.run(fit(arguments.cache))
        return 0
    rows = asyncio.run(run(arguments))
    print(json.dumps([asdict(row) for row in rows], indent=2) if arguments.json else table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
