"""How a provider is asked: retries, Retry-After, circuit, probes. The embedder misbehaves in memory."""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from tests.unit.scripted_embedder import DOWN, FAST, Noted, Scripted, documents, vectors

from ragstone.domain.errors import (
    LONGEST_WAIT,
    ConfigurationError,
    EmbedderBusy,
    EmbedderDenied,
    EmbedderUnavailable,
    EmbeddingRefused,
    TooManyRequests,
)
from ragstone.ingest.embedding import Circuit, DocumentEmbedder, Outcome, Provider, QuestionEmbedder
from ragstone.ports.embedder import Vectors


async def test_what_may_pass_is_tried_again_up_to_five_times() -> None:
    noted = Noted()
    embedder = Scripted(DOWN, DOWN, DOWN, DOWN)
    np.testing.assert_array_equal(await documents(embedder, noted=noted).embed(["a"]), await vectors("a"))
    assert noted.outcomes == [Outcome.FAILED] * 4 + [Outcome.OK]
    assert (noted.retries, noted.states) == (4, [])


async def test_a_provider_that_is_down_opens_the_circuit_and_closes_it_by_a_probe() -> None:
    noted = Noted()
    embedder = Scripted()
    embedder.fault = lambda _: DOWN
    service = documents(embedder, noted=noted)
    with pytest.raises(EmbedderUnavailable, match=r"It is down\. Start it\.") as first:
        await service.embed(["a"])
    assert first.value.retry_after
    assert 0.1 < first.value.retry_after <= 0.2
    asked = len(embedder.calls)
    assert asked == 6  # five attempts and the probe
    began = time.monotonic()
    refusals = await asyncio.gather(*(service.embed(["b"]) for _ in range(20)), return_exceptions=True)
    assert time.monotonic() - began < 0.1
    assert all(isinstance(each, EmbedderUnavailable) and each.retry_after for each in refusals)
    assert len(embedder.calls) == asked
    await asyncio.sleep(0.2)
    embedder.fault = lambda _: None
    embedder.wait = 0.02
    await asyncio.gather(*(service.embed([f"c{number}"]) for number in range(20)))
    assert embedder.calls[asked] == embedder.calls[asked - 1]  # one probe, and it alone
    assert embedder.times[asked + 1] - embedder.times[asked] >= 0.019
    assert noted.states == [Circuit.OPEN, Circuit.HALF_OPEN, Circuit.OPEN, Circuit.HALF_OPEN, Circuit.CLOSED]


async def test_a_probe_that_fails_keeps_the_circuit_open_for_longer() -> None:
    embedder = Scripted()
    embedder.fault = lambda _: DOWN
    service = documents(embedder)
    waits = []
    for _ in range(2):
        with pytest.raises(EmbedderUnavailable) as caught:
            await service.embed(["a"])
        assert caught.value.retry_after
        waits.append(caught.value.retry_after)
        await asyncio.sleep(caught.value.retry_after + 0.01)
    assert waits[1] > 1.3 * waits[0]
    assert len(embedder.calls) == 7


async def test_everybody_obeys_a_retry_after() -> None:
    embedder = Scripted(EmbedderBusy("Slower.", retry_after=0.2))
    provider = Provider(embedder, replace(FAST, concurrency=4))
    service, questions = DocumentEmbedder(provider, batch_texts=1), QuestionEmbedder(provider)
    held = asyncio.gather(*(service.embed([f"text {number}"]) for number in range(8)))
    await asyncio.sleep(0.05)
    sent = len(embedder.calls)
    with pytest.raises(EmbedderBusy, match="Slower") as caught:
        await questions.embed(["question"])
    assert caught.value.retry_after
    assert 0.1 < caught.value.retry_after < 0.2
    await held
    assert embedder.times[sent] - embedder.times[0] >= 0.2
    assert len(embedder.calls) == 9


@pytest.mark.parametrize("asked", [1e9, 1e13, math.inf])
def test_an_absurd_retry_after_stops_nobody_for_longer_than_an_hour(asked: float) -> None:
    assert EmbedderBusy("Slower.", retry_after=asked).retry_after == LONGEST_WAIT == 3600
    assert TooManyRequests("Slower.", retry_after=asked).retry_after == LONGEST_WAIT


async def test_a_retry_after_beyond_its_patience_is_the_jobs_matter() -> None:
    embedder = Scripted(EmbedderBusy("Slower.", retry_after=3600))
    service = documents(embedder)
    for _ in range(3):
        with pytest.raises(EmbedderBusy, match="Slower") as caught:
            await service.embed(["a"])
        assert caught.value.retry_after
        assert 3590 < caught.value.retry_after <= 3600
    assert len(embedder.calls) == 1


async def test_one_who_asks_for_fewer_requests_is_not_down() -> None:
    noted = Noted()
    service = documents(Scripted(*[EmbedderBusy("Slower.")] * 14), noted=noted)
    for _ in range(2):
        with pytest.raises(EmbedderBusy):
            await service.embed(["a"])
    await service.embed(["a"])
    assert noted.states == []


async def test_a_denial_is_tried_once_and_opens_the_circuit() -> None:
    embedder = Scripted(EmbedderDenied("Wrong key.", remedy="Check it."))
    service = documents(embedder)
    for _ in range(3):
        with pytest.raises(EmbedderDenied, match=r"Wrong key\. Check it\.") as caught:
            await service.embed(["a"])
    assert caught.value.retry_after
    assert len(embedder.calls) == 1
    await asyncio.sleep(caught.value.retry_after + 0.01)
    assert (await service.embed(["a"])).shape == (1, 16)


async def test_a_fault_of_the_set_up_is_not_hidden() -> None:
    service = documents(Scripted(ConfigurationError("No weights.")))
    with pytest.raises(ConfigurationError, match="No weights"):
        await service.embed(["a"])
    assert (await service.embed(["a"])).shape == (1, 16)


async def test_no_more_requests_are_under_way_than_lanes() -> None:
    embedder = Scripted()
    embedder.wait = 0.01
    under_way = most = 0
    plain = embedder.embed

    async def counted(texts: Sequence[str]) -> Vectors:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await plain(texts)
        finally:
            under_way -= 1

    embedder.embed = counted  # type: ignore[method-assign]
    service = DocumentEmbedder(Provider(embedder, replace(FAST, concurrency=3)), batch_texts=2)
    await asyncio.gather(*(service.embed(["a", "b", "c"]) for _ in range(10)))
    assert most == 3


async def test_limits_of_requests_hold_for_documents_and_questions_together() -> None:
    embedder = Scripted(DOWN)
    provider = Provider(embedder, replace(FAST, concurrency=4, requests=5, window=0.25))
    service, questions = DocumentEmbedder(provider, batch_texts=1), QuestionEmbedder(provider)
    asked = [service.embed([f"text {number}"]) for number in range(9)]
    answers = await asyncio.gather(*asked, questions.embed(["question"]))
    assert all(each.shape == (1, 16) for each in answers)
    assert len(embedder.calls) == 11
    for first, sixth in zip(embedder.times, embedder.times[5:], strict=False):
        assert sixth - first >= 0.25


async def test_a_question_does_not_wait_behind_documents() -> None:
    embedder = Scripted()
    embedder.wait = 0.2
    provider = Provider(embedder, FAST)
    batches = asyncio.gather(*(DocumentEmbedder(provider, batch_texts=1).embed([str(number)]) for number in range(5)))
    await asyncio.sleep(0.05)
    began = time.monotonic()
    await QuestionEmbedder(provider).embed(["question"])
    assert time.monotonic() - began < 0.35
    assert not batches.done()
    batches.cancel()
    with pytest.raises(asyncio.CancelledError):
        await batches


async def test_a_question_waits_little_for_a_probe() -> None:
    embedder = Scripted()
    embedder.fault = lambda _: DOWN
    provider = Provider(embedder, FAST)
    with pytest.raises(EmbedderUnavailable):
        await DocumentEmbedder(provider, batch_texts=1).embed(["a"])
    await asyncio.sleep(0.2)
    embedder.wait = 5.0
    began = time.monotonic()
    with pytest.raises(EmbedderUnavailable, match="It is down"):
        await QuestionEmbedder(provider).embed(["question"])
    assert time.monotonic() - began < 0.5
    await provider.close()


async def test_a_refused_question_is_answered_without_vectors() -> None:
    embedder = Scripted()
    embedder.fault = lambda texts: EmbeddingRefused("Not allowed.") if "question" in texts else None
    with pytest.raises(EmbedderUnavailable, match="Not allowed"):
        await QuestionEmbedder(Provider(embedder, FAST)).embed(["question"])


async def test_warming_asks_once() -> None:
    class Unknown(Scripted):
        warmed = 0

        async def warm(self) -> None:
            self.warmed += 1
            if self.warmed == 1:
                raise DOWN

    embedder = Unknown()
    provider = Provider(embedder, FAST)
    for _ in range(3):
        await provider.warm()
    assert embedder.warmed == 2
