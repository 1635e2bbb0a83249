"""Batches across documents, and the search for the one bad text in them."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from tests.unit.scripted_embedder import DOWN, FAST, Scripted, documents, vectors

from ragstone.domain.errors import EmbedderBusy, EmbedderDenied, EmbedderUnavailable, EmbeddingRefused
from ragstone.ingest.embedding import DocumentEmbedder, Provider, QuestionEmbedder
from ragstone.ports.embedder import Vectors

REFUSED = EmbeddingRefused("Not allowed.", remedy="Change it.")


def refuses(*bad: str) -> Scripted:
    embedder = Scripted()
    embedder.fault = lambda texts: REFUSED if set(bad) & set(texts) else None
    return embedder


async def test_concurrent_calls_leave_as_full_batches_and_come_back_to_their_callers() -> None:
    embedder = Scripted()
    service = DocumentEmbedder(Provider(embedder, FAST), batch_texts=8)
    calls = [[f"text {call} {number}" for number in range(call % 5 + 1)] for call in range(16)]
    found = await asyncio.gather(*(service.embed(call) for call in calls))
    for call, rows in zip(calls, found, strict=True):
        np.testing.assert_array_equal(rows, await vectors(*call))
    sizes = [len(call) for call in embedder.calls]
    assert sizes == [8] * (sum(map(len, calls)) // 8) + [sum(map(len, calls)) % 8]


async def test_a_lone_caller_hardly_waits() -> None:
    embedder = Scripted()
    service = documents(embedder)
    await service.embed(["warm"])
    began = time.monotonic()
    await service.embed(["alone"])
    assert embedder.times[-1] - began < 0.02


async def test_batches_hold_to_their_tokens() -> None:
    embedder = Scripted()
    service = DocumentEmbedder(Provider(embedder, replace(FAST, batch_tokens=10)), batch_texts=64)
    await asyncio.gather(*(service.embed(["one two three four"]) for _ in range(5)), service.embed(["word " * 30]))
    assert sorted(len(call) for call in embedder.calls) == [1, 1, 2, 2]


@pytest.mark.parametrize("place", [0, 31, 63])
async def test_the_one_bad_text_is_found_and_all_others_succeed(place: int) -> None:
    texts = [f"text {number}" for number in range(64)]
    embedder = refuses(texts[place])
    service = DocumentEmbedder(Provider(embedder, FAST), batch_texts=64, linger=0.3)  # a busy machine is slow to ask
    calls = [texts[first : first + 4] for first in range(0, 64, 4)]
    found = await asyncio.gather(*(service.embed(call) for call in calls), return_exceptions=True)
    for number, (call, rows) in enumerate(zip(calls, found, strict=True)):
        if number == place // 4:
            assert isinstance(rows, EmbeddingRefused)
            assert (rows.index, rows.message, rows.remedy) == (place % 4, "Not allowed.", "Change it.")
        else:
            np.testing.assert_array_equal(rows, await vectors(*call))
    assert len(embedder.calls) <= 1 + 1 + 2 * 6  # the batch, the probe, two halves at each of six levels
    await service.embed(texts[:place])
    assert max(map(len, embedder.calls)) == 64  # a bad text does not make later batches smaller


async def test_several_bad_texts_are_each_found() -> None:
    service = documents(refuses("b", "f"))
    found = await asyncio.gather(*(service.embed([name]) for name in "abcdefgh"), return_exceptions=True)
    assert [name for name, rows in zip("abcdefgh", found, strict=True) if isinstance(rows, EmbeddingRefused)] == [
        "b",
        "f",
    ]


async def test_too_many_texts_at_once_are_halved_and_their_number_remembered() -> None:
    embedder = Scripted()
    embedder.fault = lambda texts: REFUSED if len(texts) > 10 else None
    provider = Provider(embedder, FAST)
    service = DocumentEmbedder(provider, batch_texts=64)
    texts = [f"text {number}" for number in range(64)]
    np.testing.assert_array_equal(await service.embed(texts), await vectors(*texts))
    before = len(embedder.calls)
    await service.embed(texts)
    await QuestionEmbedder(provider).embed(texts[:20])
    assert [len(call) for call in embedder.calls[before:]] == [8] * 8 + [8, 8, 4]


async def test_a_provider_that_refuses_everything_is_not_the_documents_fault() -> None:
    embedder = Scripted()
    embedder.fault = lambda _: EmbeddingRefused("Unknown parameter.")
    service = documents(embedder)
    with pytest.raises(EmbedderDenied, match="Unknown parameter") as caught:
        await service.embed(["a", "b"])
    assert caught.value.retry_after
    assert len(embedder.calls) == 2


async def test_a_text_that_the_model_always_breaks_on_does_not_stop_the_others() -> None:
    embedder = Scripted()
    embedder.fault = lambda texts: DOWN if "poison" in texts else None
    service = documents(embedder)
    calls = [["a", "b"], ["c", "poison"], ["d"]]
    found = await asyncio.gather(*(service.embed(call) for call in calls), return_exceptions=True)
    assert isinstance(found[1], EmbeddingRefused)
    assert found[1].index == 1
    assert "It is down." in found[1].message
    np.testing.assert_array_equal(found[0], await vectors("a", "b"))
    np.testing.assert_array_equal(found[2], await vectors("d"))


async def test_an_outage_right_after_each_attempt_is_nobodys_fault() -> None:
    # Five failures, the probe succeeds, and so does the text then.
    service = documents(Scripted(*[DOWN] * 5))
    assert (await service.embed(["a"])).shape == (1, 16)


async def test_however_the_provider_flickers_no_text_is_blamed() -> None:
    chance = random.Random(7)
    embedder = Scripted()
    embedder.fault = lambda _: chance.choice([None, DOWN, DOWN, EmbedderBusy("Slower.")])
    service = DocumentEmbedder(Provider(embedder, replace(FAST, concurrency=3, pause=0.01)), batch_texts=4)

    waits: list[float] = []

    async def persist(texts: Sequence[str]) -> Vectors:
        while True:
            try:
                return await service.embed(texts)
            except EmbedderUnavailable as error:
                waits.append(error.retry_after or 0.0)
                await asyncio.sleep(waits[-1])

    calls = [[f"text {call} {number}" for number in range(3)] for call in range(60)]
    for call, rows in zip(calls, await asyncio.gather(*map(persist, calls)), strict=True):
        np.testing.assert_array_equal(rows, await vectors(*call))
    assert waits
    assert min(waits) > 0


async def test_an_outage_while_halving_loses_nothing_that_was_done() -> None:
    embedder = refuses("bad")
    service = documents(embedder)
    calls = [["a"], ["b"], ["c"], ["bad"]]
    plain = embedder.fault

    def fault(texts: Sequence[str]) -> Exception | None:
        return DOWN if len(embedder.calls) > 3 else plain(texts)

    embedder.fault = fault
    found = await asyncio.gather(*(service.embed(call) for call in calls), return_exceptions=True)
    assert [type(each) for each in found[2:]] == [type(found[2])] * 2
    assert isinstance(found[2], EmbedderUnavailable)
    np.testing.assert_array_equal(found[0], await vectors("a"))
    np.testing.assert_array_equal(found[1], await vectors("b"))


async def test_a_caller_who_leaves_leaves_no_work_behind() -> None:
    embedder = Scripted()
    embedder.wait = 0.1
    service = DocumentEmbedder(Provider(embedder, FAST), batch_texts=4)
    leaving = asyncio.create_task(service.embed([str(number) for number in range(40)]))
    await asyncio.sleep(0.02)
    staying = asyncio.create_task(service.embed(["stays"]))
    await asyncio.sleep(0.02)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert (await staying).shape == (1, 16)
    assert embedder.calls == [["0", "1", "2", "3"], ["stays"]]
    assert [task for task in asyncio.all_tasks() if task.get_name() == "embed-batch"] == []


async def test_a_fault_of_ours_reaches_every_caller() -> None:
    service = documents(Scripted(ZeroDivisionError("ours")))
    found = await asyncio.gather(service.embed(["a"]), service.embed(["b"]), return_exceptions=True)
    assert [str(each) for each in found] == ["ours", "ours"]
