"""How the rankings of a question and of its variants are best merged, told without a language model.

    python -m benchmarks.merging [--data-dir DIR] [--sets xquad/en ...] [--most 300] [--seed 1]

`parts`: two questions of a set asked as one, "A and B", with A and B for variants, as a perfect decomposition would
have them; both their documents count. `spoilt`: a question as it is, with another question of the set for a variant,
as a model that went astray would have it. nDCG@10 of the hybrid search, for each way to merge.
"""

import argparse
import asyncio
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import UUID

from benchmarks.quality import DATA
from ragstone.cli import eval_corpus
from ragstone.container import open_container
from ragstone.domain.access import LOCAL
from ragstone.domain.queries import Mode, Ranked, Scope
from ragstone.learn.judged_sets import read_set
from ragstone.learn.measures import measured
from ragstone.learn.questions import JudgedQuestion
from ragstone.retrieve.fusion import RANK_CONSTANT, Fused, Fusion
from ragstone.retrieve.legs import Legs
from ragstone.retrieve.merging import merged
from ragstone.settings import Settings

Merge = Callable[[Fused, Sequence[Fused]], Fused]
SETS = ("xquad/en", "xquad/de", "medline")
DEPTH = 100


def by_reciprocal_ranks(question: Fused, variants: Sequence[Fused], weight: float) -> Fused:
    """Merge by ``1 / (60 + rank)``, that of variants times ``weight``."""
    return _sums([(question, 1.0), *((each, weight) for each in variants)], lambda rank, _: 1 / (RANK_CONSTANT + rank))


def by_sums(question: Fused, variants: Sequence[Fused], weight: float) -> Fused:
    """Merge by the sum of scores, that of variants times ``weight``."""
    return _sums([(question, 1.0), *((each, weight) for each in variants)], lambda _, score: score)


def by_best(question: Fused, variants: Sequence[Fused], weight: float) -> Fused:
    """Merge by the best score, that of variants times ``weight``."""
    best: dict[UUID, float] = {}
    for ranking, worth in [(question, 1.0), *((each, weight) for each in variants)]:
        for ranked, _ in ranking:
            best[ranked.chunk_id] = max(best.get(ranked.chunk_id, 0.0), worth * ranked.score)
    return [(Ranked(key, score), {}) for key, score in sorted(best.items(), key=lambda each: (-each[1], each[0]))]


def _sums(rankings: Sequence[tuple[Fused, float]], worth: Callable[[int, float], float]) -> Fused:
    totals: defaultdict[UUID, float] = defaultdict(float)
    for ranking, weight in rankings:
        for rank, (ranked, _) in enumerate(ranking, 1):
            totals[ranked.chunk_id] += weight * worth(rank, ranked.score)
    return [(Ranked(key, score), {}) for key, score in sorted(totals.items(), key=lambda each: (-each[1], each[0]))]


WAYS: dict[str, Merge] = {
    "question alone": lambda question, _: question,
    **{f"ranks, {weight}": partial(by_reciprocal_ranks, weight=weight) for weight in (0.25, 0.5, 1.0)},
    **{f"sums, {weight}": partial(by_sums, weight=weight) for weight in (0.25, 0.5, 1.0)},
    **{f"best, {weight}": partial(by_best, weight=weight) for weight in (0.3, 0.4, 0.5, 0.6, 0.8, 1.0)},
    **{f"question + best, {weight}": partial(merged, weight=weight) for weight in (0.1, 0.2, 0.3, 0.4, 0.5)},
}


async def run(settings: Settings, name: str, most: int, seed: int) -> dict[str, dict[str, float]]:
    """Return nDCG@10 of each way to merge, for parts and for spoilt variants."""
    judged = read_set(DATA / name)
    assert judged.corpus is not None
    collection = eval_corpus.collection_of(judged.name, judged.corpus)
    scope = Scope(replace(LOCAL, readers=LOCAL.readers | {collection}), (collection,))
    chosen = list(judged.questions)
    random.Random(seed).shuffle(chosen)
    chosen = chosen[:most]
    pairs = list(zip(chosen, chosen[1:] + chosen[:1], strict=True))
    async with open_container(settings) as container:
        await eval_corpus.ensure(container, judged.corpus, collection)
        legs, fusion = Legs(container.embedders.active, container.vectors, container.lexical), Fusion()
        uris: dict[UUID, str] = {}

        async def fused(question: str) -> Fused:
            work = await legs.search(question, scope, Mode.HYBRID, DEPTH)
            found = fusion.of(work.words, work.near)
            unknown = [ranked.chunk_id for ranked, _ in found if ranked.chunk_id not in uris]
            async with container.record.transaction() as transaction:
                uris.update({each.chunk.id: each.uri for each in await transaction.chunks.load(scope, unknown)})
            return found

        alone = {each.id: await fused(each.question) for each in chosen}
        both = {a.id: await fused(joined(a, b).question) for a, b in pairs}
    return {
        way: {
            "parts": _ndcg(
                [joined(a, b) for a, b in pairs],
                {a.id: merge(both[a.id], [alone[a.id], alone[b.id]]) for a, b in pairs},
                uris,
            ),
            "spoilt": _ndcg(chosen, {a.id: merge(alone[a.id], [alone[b.id]]) for a, b in pairs}, uris),
        }
        for way, merge in WAYS.items()
    }


def joined(one: JudgedQuestion, other: JudgedQuestion) -> JudgedQuestion:
    """Return two questions as one; what answers either answers it."""
    text = f"{one.question.rstrip(' ?.')}, {other.question[:1].lower()}{other.question[1:]}"
    return replace(one, question=text, uris=one.uris | other.uris, grades={**other.grades, **one.grades})


def _ndcg(questions: Sequence[JudgedQuestion], found: dict[str, Fused], uris: dict[UUID, str]) -> float:
    rankings = {
        key: list(dict.fromkeys(uris[ranked.chunk_id] for ranked, _ in each))[:10] for key, each in found.items()
    }
    return float(measured(questions, rankings, ("nDCG@10",)).mean())


def main() -> int:
    """Run the sets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=Path.home() / ".cache" / "ragstone-quality")
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--most", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if not DATA.is_dir():
        print("needs ../shared/data, which is not here")
        return 1
    settings = Settings(data_dir=arguments.data_dir, log_level="warning")
    for name in arguments.sets:
        found = asyncio.run(run(settings, name, arguments.most, arguments.seed))
        for way, row in found.items():
            print(f"{name:<10} {way:<20} parts {row['parts']:.4f}  spoilt {row['spoilt']:.4f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
