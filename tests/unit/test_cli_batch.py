"""What becomes of the documents of an ``ingest``, against a client made by hand."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast
from uuid import UUID

import pytest

from ragstone.api.requests import DocumentForm
from ragstone.api.schemas import Accepted, Job
from ragstone.cli import batch
from ragstone.cli.batch import Batch
from ragstone.cli.client import BrokenOff, Client, ServerUnavailable, requested
from ragstone.cli.files import Finding, Item
from ragstone.cli.meter import Reading
from ragstone.cli.summary import IngestSummary
from ragstone.domain.documents import State
from ragstone.domain.errors import DatabaseUnavailable, Forbidden, TooLarge, UnsupportedMediaType
from ragstone.ports.jobs import Progress


class Scripted:
    """A client whose replies to each file are given; jobs are ready at the second look."""

    def __init__(self, replies: dict[str, Iterable[Exception]]) -> None:
        self._replies = {name: iter(errors) for name, errors in replies.items()}
        self._looks = 0
        self._made = 0

    async def accept_file(self, path: Path, described: DocumentForm) -> Accepted:
        for error in self._replies.get(path.name, ()):
            raise error
        self._made += 1
        return Accepted(document_id=UUID(int=self._made), job_id=UUID(int=self._made), created=True)

    async def progress(self, job_ids: Sequence[UUID]) -> Progress:
        self._looks += 1
        state = State.READY if self._looks > 1 else State.SEARCHABLE
        return Progress({state: len(job_ids)}, 2 * len(job_ids), 2 * len(job_ids))

    async def unfinished(self, job_ids: Sequence[UUID]) -> Sequence[Job]:
        return []

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        yield


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(batch, "_LOOK_SECONDS", 0.0)


async def ingested(replies: dict[str, Iterable[Exception]], *, named: bool = False) -> tuple[IngestSummary, Reading]:
    """Ingest ``good.md`` and a file for each reply; return the outcome and what was shown last."""
    finding = Finding([Item(Path("/docs") / name, named) for name in ("good.md", *replies)])
    run = Batch(cast(Client, Scripted(replies)), finding)
    shown: list[Reading] = []
    await run.complete(lambda item: requested(DocumentForm, uri=item.uri), shown.append)
    return await run.summary(1.0), shown[-1]


async def test_an_unknown_kind_of_a_folder_is_skipped() -> None:
    outcome, last = await ingested({"film.MP4": [UnsupportedMediaType("no")], "Makefile": [UnsupportedMediaType("no")]})
    assert (outcome.documents, outcome.ready, outcome.failed) == (1, 1, 0)
    assert outcome.skipped_kinds == {".mp4": 1, "Makefile": 1}
    assert (last.files, last.ended) == (1, 1)


async def test_an_unknown_kind_that_was_named_is_a_failure() -> None:
    outcome, last = await ingested({"film.mp4": [UnsupportedMediaType("no", remedy="Send text.")]}, named=True)
    (failure,) = outcome.failures
    assert (failure.uri, failure.code, failure.remedy) == (
        "file:///docs/film.mp4",
        "unsupported_media_type",
        "Send text.",
    )
    assert (outcome.failed, outcome.skipped, last.ended) == (1, 0, 2)


async def test_one_document_that_is_refused_leaves_the_others_alone() -> None:
    outcome, _ = await ingested(
        {"large.md": [TooLarge("Too large.")], "mine.md": [PermissionError(13, "Permission denied")]}
    )
    assert (outcome.ready, outcome.failed) == (1, 2)
    assert {(each.stage, each.code) for each in outcome.failures} == {("accept", "too_large"), ("read", "unreadable")}


async def test_what_is_wrong_with_all_of_them_ends_it() -> None:
    with pytest.raises(Forbidden):
        await ingested({"a.md": [Forbidden("This key may not write.")]})


async def test_who_is_away_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    away = [
        ServerUnavailable("The server is away."),
        DatabaseUnavailable("PostgreSQL is away."),
        BrokenOff("Broke off."),
    ]
    outcome, _ = await ingested({"a.md": away})
    assert (outcome.ready, outcome.failed) == (2, 0)


async def test_nobody_is_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "_PATIENCE_SECONDS", -1.0)
    with pytest.raises(ServerUnavailable):
        await ingested({"a.md": [ServerUnavailable("The server is away.")]})


async def test_a_document_that_always_breaks_off_fails_alone() -> None:
    outcome, _ = await ingested({"huge.md": [BrokenOff("Broke off.") for _ in range(3)]})
    assert (outcome.ready, outcome.failed) == (1, 1)
    assert outcome.failures[0].message == "Broke off."
