"""One evaluation: the set is read, its documents brought in, and every configuration asked the same questions."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ragstone.cli import eval_corpus, output
from ragstone.cli.eval_configurations import Configuration, Plan
from ragstone.cli.live import Picture, live
from ragstone.container import Container, open_container
from ragstone.domain.access import LOCAL, Principal
from ragstone.domain.queries import Hit, Scope
from ragstone.learn.evaluation import unknown_uris
from ragstone.learn.judged_sets import JudgedSet, read_set
from ragstone.learn.measures import check_installed
from ragstone.learn.questions import JudgedQuestion
from ragstone.learn.results import Evaluation, Outcome, compare, outcome
from ragstone.learn.runs import Ask, ask_all
from ragstone.settings import Settings


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to evaluate, and how: ``depth`` documents a question, ``clients`` questions at a time.

    ``most`` questions are drawn of the set, ``None`` takes all; ``readers`` are held beside everyone.
    """

    path: Path
    plan: Plan
    split: str = "test"
    depth: int = 100
    clients: int = 1
    most: int | None = None
    readers: tuple[str, ...] = ()


async def evaluate(settings: Settings, wanted: Wanted) -> Evaluation:
    """Evaluate. Raises ``InvalidRequest`` and what a search raises."""
    check_installed()
    judged = await read(wanted)
    # What a search takes is measured, not what it takes to remember one.
    uncached = settings.model_copy(update={"search_cache_mb": 0})
    variants = [each.settings(uncached) for each in wanted.plan.configurations]
    async with open_container(settings) as container:
        principal = replace(LOCAL, readers=LOCAL.readers | set(wanted.readers))
        collection = None
        if judged.corpus:
            collection = eval_corpus.collection_of(judged.name, judged.corpus)
            await eval_corpus.ensure(container, judged.corpus, collection)
            principal = replace(principal, readers=principal.readers | {collection})
        else:
            await _note_unknown(container, principal, judged)
        outcomes = []
        for configuration, variant in zip(wanted.plan.configurations, variants, strict=True):
            # A container of its own, so that no configuration finds what another one has put into a cache.
            async with open_container(variant) as own:
                ask = _asker(own, principal, collection, configuration)
                outcomes.append(await _outcome(judged, configuration, ask, wanted))
    comparisons = await asyncio.to_thread(
        lambda: [compare(outcomes[before], outcomes[after]) for before, after in wanted.plan.pairs]
    )
    measures = tuple(outcomes[0].estimates)
    return Evaluation(judged, wanted.depth, wanted.clients, measures, outcomes, comparisons)


async def drop(settings: Settings, path: Path, split: str) -> tuple[str, int]:
    """Remove the documents of a set; return their collection and how many there were."""
    judged = await asyncio.to_thread(read_set, path, split=split)
    if judged.corpus is None:
        return "", 0
    collection = eval_corpus.collection_of(judged.name, judged.corpus)
    async with open_container(settings) as container:
        return collection, await eval_corpus.drop(container, collection)


async def read(wanted: Wanted) -> JudgedSet:
    """Return the set of questions, or those drawn of it. Raises ``InvalidRequest``."""
    judged = await asyncio.to_thread(read_set, wanted.path, split=wanted.split)
    return judged.sample(wanted.most) if wanted.most else judged


def _asker(container: Container, principal: Principal, collection: str | None, configuration: Configuration) -> Ask:
    """Return what asks the search of the product itself."""

    async def ask(question: JudgedQuestion, limit: int) -> Sequence[Hit]:
        collections = (collection,) if collection else question.collections
        scope = Scope(principal, collections, question.metadata, question.filter)
        found = await container.search.retrieve(question.question, scope, mode=configuration.mode, limit=limit)
        for leg, reason in found.missing.items():
            output.note(f"{configuration.name}: question {question.id} was searched without {leg}: {reason}")
        return found.hits

    return ask


async def _note_unknown(container: Container, principal: Principal, judged: JudgedSet) -> None:
    """Say which documents are to be found that are not there at all: a slip in the file looks like a bad search."""
    unknown = await unknown_uris(container.record, judged.questions, principal)
    if unknown:
        others = f" and {len(unknown) - 1:,} more" if len(unknown) > 1 else ""
        output.note(f"To be found, but not in the record, or not for you to read: {unknown[0]}{others}.")


async def _outcome(judged: JudgedSet, configuration: Configuration, ask: Ask, wanted: Wanted) -> Outcome:
    questions = judged.questions
    # The model is loaded and connections are open before the clock runs.
    await ask(questions[0], wanted.depth)
    begun = time.perf_counter()
    with live() as show:

        def asked(done: int) -> None:
            speed = done / (time.perf_counter() - begun)
            beside = f"{configuration.name}: {done:,}/{len(questions):,} questions · {speed:,.1f}/s"
            show(Picture(done, len(questions), beside))

        run = await ask_all(ask, questions, depth=wanted.depth, clients=wanted.clients, asked=asked)
    seconds = time.perf_counter() - begun
    changes = configuration.changes
    return await asyncio.to_thread(
        outcome, judged, configuration.name, changes, run, seconds=seconds, depth=wanted.depth
    )
