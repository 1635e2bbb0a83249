"""The documents that search over HTTP is measured on: public sets in one index, and pages of a real documentation.

`../shared/data/mix_public` has 14,093 documents of eight judged sets; passages of PowerShell's documentation bring them
to 18,450. Each is one chunk, whole; its vector is of the first 64 tokens, as in the peers' figures.
"""

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from ragstone.container import Container, open_container
from ragstone.domain.access import EVERYONE, LOCAL
from ragstone.domain.errors import NotFound
from ragstone.ingest.importing import GivenVectors
from ragstone.ingest.intake import Intake, Label, ReadyChunk, ReadyDocument
from ragstone.learn.judged_sets import JudgedSet, read_set
from ragstone.ports.embedder import ModelInput, Tokenizer
from ragstone.settings import Settings

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
MIX = SHARED / "mix_public"
PAGES = SHARED / "docs" / "powershell"
DOCUMENTS = 18_450
PASSAGE = 800
"""Least characters of a passage but for the last of its page."""
HEAD_TOKENS = 64
COLLECTION = "mixture"
BATCH = 250


def questions(count: int) -> JudgedSet:
    """Return so many of the judged questions, the same each time."""
    return read_set(MIX).sample(count)


def documents() -> Iterator[ReadyDocument]:
    """Yield the documents, each as one chunk."""
    count = 0
    for uri, title, text in _texts():
        if count == DOCUMENTS:
            return
        if not text.strip():
            continue
        count += 1
        yield ReadyDocument(Label(COLLECTION, uri, title=title or " ", readers=(EVERYONE,)), [ReadyChunk(text)])


def _texts() -> Iterator[tuple[str, str, str]]:
    with (MIX / "corpus.jsonl").open(encoding="utf-8") as file:
        for line in file:
            read = json.loads(line)
            yield read["_id"], read["title"], read["text"] or read["title"]
    for number, (title, text) in enumerate(_passages()):
        yield f"powershell:{number}", title, text


def _passages() -> Iterator[tuple[str, str]]:
    """Yield page and text of passages of the documentation: whole paragraphs, so many that they have some length."""
    for path in sorted(PAGES.rglob("*.md")):
        gathered: list[str] = []
        for paragraph in re.split(r"\n\s*\n", path.read_text(encoding="utf-8", errors="replace")):
            gathered.append(paragraph)
            if sum(map(len, gathered)) >= PASSAGE:
                yield path.stem, "\n\n".join(gathered)
                gathered = []
        if gathered:
            yield path.stem, "\n\n".join(gathered)


@dataclass(frozen=True, slots=True)
class Head:
    """The first tokens of a text, which stand for it."""

    tokenizer: Tokenizer
    most: int

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        """Return ``(start, end)`` of each."""
        return self.tokenizer.spans(text)[: self.most]


async def prepare(settings: Settings) -> int:
    """Bring the documents into the record, unless they are there; return how many there are."""
    async with open_container(settings) as container:
        await container.embedders.prepare()
        await container.embedders.active()
        if await _count(container) < DOCUMENTS:
            async with container.record.transaction() as transaction:
                await transaction.collections.create(LOCAL, COLLECTION)
            waiting = documents()
            while batch := list(islice(waiting, BATCH)):
                await _store(container, batch)
        # As a worker does.
        await container.embedders.tune()
        while await container.upkeep.tend():
            pass
        return await _count(container)


async def _count(container: Container) -> int:
    async with container.record.transaction() as transaction:
        try:
            return (await transaction.collections.get(LOCAL, COLLECTION)).documents
        except NotFound:
            return 0


async def _store(container: Container, batch: Sequence[ReadyDocument]) -> None:
    """Take documents in with the vectors of their heads. What is there already is not embedded again."""
    head = Head(container.embedder.tokenizer, HEAD_TOKENS)

    async def read_by() -> ModelInput:
        return replace(await container.embedders.input(), tokenizer=head)

    def beginning(text: str) -> str:
        spans = head.spans(text[: 20 * HEAD_TOKENS])
        return text[: spans[-1][1]] if spans else text

    model = container.embedder.model
    given = GivenVectors(container.vectors, container.embedders, model.name, model.version)
    intake = Intake(container.record, container.parser, container.lexical, read_by, max_bytes=1 << 30)
    heads = await asyncio.to_thread(lambda: [beginning(each.chunks[0].text) for each in batch])
    vectors = await container.embedder.embed(heads)
    made: list[Any] = [
        replace(each, chunks=[replace(each.chunks[0], vector=vector)])
        for each, vector in zip(batch, vectors, strict=True)
    ]
    await intake.accept_documents(LOCAL, made, given)
