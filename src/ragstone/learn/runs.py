"""Asking a set of questions: what is found for each, and how long it takes."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ragstone.domain.queries import Hit
from ragstone.learn.questions import JudgedQuestion

_TOLD = 5
_TOLD_CHARACTERS = 160


@dataclass(frozen=True, slots=True)
class Answered:
    """What a question found: the uris of documents, best first, each once; in so many seconds.

    ``told`` says how the best of them begin.
    """

    ranking: tuple[str, ...]
    told: Mapping[str, str]
    seconds: float


Ask = Callable[[JudgedQuestion, int], Awaitable[Sequence[Hit]]]
"""Returns so many passages for a question, best first."""


async def ask_all(
    ask: Ask, questions: Sequence[JudgedQuestion], *, depth: int, clients: int, asked: Callable[[int], None]
) -> dict[str, Answered]:
    """Ask every question, ``clients`` at a time, for ``depth`` passages; call ``asked`` with how many are.

    Raises what ``ask`` raises first.
    """
    run: dict[str, Answered] = {}
    waiting = iter(questions)

    async def take_turns() -> None:
        for question in waiting:
            run[question.id] = await _ask_one(ask, question, depth)
            asked(len(run))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(take_turns())
    except ExceptionGroup as several:
        raise several.exceptions[0] from several
    return run


async def _ask_one(ask: Ask, question: JudgedQuestion, depth: int) -> Answered:
    begun = time.perf_counter()
    hits = await ask(question, depth + len(question.excluded))
    seconds = time.perf_counter() - begun
    best: dict[str, Hit] = {}
    for hit in hits:
        if hit.uri not in question.excluded:
            best.setdefault(hit.uri, hit)
    ranking = tuple(best)[:depth]
    return Answered(ranking, {uri: _told(best[uri]) for uri in ranking[:_TOLD]}, seconds)


def _told(hit: Hit) -> str:
    return " ".join(f"{hit.title} · {hit.chunk.text}".strip(" ·").split())[:_TOLD_CHARACTERS]


def write_run(path: Path, questions: Sequence[JudgedQuestion], run: Mapping[str, Answered], tag: str) -> None:
    """Write the rankings as TREC does: question, Q0, document, rank, score, tag. Blocks."""
    path.write_text("".join(_run_lines(questions, run, tag)), encoding="utf-8")


def write_qrels(path: Path, questions: Sequence[JudgedQuestion]) -> None:
    """Write what answers each question as TREC does: question, 0, document, grade. Blocks."""
    lines = (
        f"{_field(question.id)} 0 {_field(uri)} {grade}\n"
        for question in questions
        for uri, grade in sorted(question.judgements.items())
    )
    path.write_text("".join(lines), encoding="utf-8")


def _run_lines(questions: Sequence[JudgedQuestion], run: Mapping[str, Answered], tag: str) -> Iterator[str]:
    for question in questions:
        ranking = run[question.id].ranking
        for rank, uri in enumerate(ranking, 1):
            yield f"{_field(question.id)} Q0 {_field(uri)} {rank} {len(ranking) - rank + 1} {_field(tag)}\n"


def _field(name: str) -> str:
    """Return a name without white space, which parts the fields of TREC's lines."""
    return re.sub(r"[\s%]", lambda found: quote(found.group()), name)
