"""Questions that come at once are embedded together, and those that came before are not embedded again."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from tests.unit.scripted_embedder import DOWN, FAST, Scripted, vectors

from ragstone.domain.errors import ConfigurationError, EmbedderUnavailable, EmbeddingRefused
from ragstone.ingest.embedding import Provider, QuestionEmbedder
from ragstone.ingest.embedding.policy import Policy


def questions(embedder: Scripted, policy: Policy = FAST, *, cached: int = 100) -> QuestionEmbedder:
    return QuestionEmbedder(Provider(embedder, policy), cached=cached)


async def test_what_comes_while_one_is_embedded_goes_together() -> None:
    embedder = Scripted()
    embedder.wait = 0.05
    service = questions(embedder)
    first = asyncio.create_task(service.embed(["q0"]))
    await asyncio.sleep(0.01)
    found = await asyncio.gather(*(service.embed([f"q{number}"]) for number in range(1, 10)))
    assert embedder.calls == [["q0"], [f"q{number}" for number in range(1, 10)]]
    for number, each in enumerate([await first, *found]):
        np.testing.assert_array_equal(each, await vectors(f"q{number}"))


async def test_questions_of_the_same_moment_need_no_one_under_way() -> None:
    embedder = Scripted()
    service = questions(embedder, replace(FAST, concurrency=2))
    await asyncio.gather(*(service.embed([f"q{number}"]) for number in range(5)))
    assert embedder.calls == [[f"q{number}" for number in range(5)]]


@pytest.mark.parametrize("lanes", [1, 2])
async def test_eight_at_once_take_fewer_calls_than_eight(lanes: int) -> None:
    """They come one after the other, as those of eight clients do, while the model is at work."""
    embedder = Scripted()
    embedder.wait = 0.02
    service = questions(embedder, replace(FAST, concurrency=lanes))

    async def client(number: int) -> None:
        for turn in range(4):
            await service.embed([f"client {number} asks {turn}"])

    await asyncio.gather(*map(client, range(8)))
    assert sum(map(len, embedder.calls)) == 32
    assert len(embedder.calls) <= 8


async def test_one_alone_does_not_wait() -> None:
    """No time passes between a question and its call: the event loop runs no timer before."""
    embedder = Scripted()
    service = questions(embedder)
    asked = asyncio.create_task(service.embed(["alone"]))
    turns = 0
    while not embedder.calls:
        await asyncio.sleep(0)
        turns += 1
        assert turns < 20
    assert embedder.calls == [["alone"]]
    await asked


async def test_no_more_calls_at_once_than_the_provider_takes() -> None:
    embedder = Scripted()
    embedder.wait = 0.03
    service = questions(embedder, replace(FAST, concurrency=2))
    asked = []
    for number in range(6):
        asked.append(asyncio.create_task(service.embed([f"q{number}"])))
        await asyncio.sleep(0.002)
    await asyncio.gather(*asked)
    assert embedder.calls == [["q0"], ["q1"], ["q2", "q3", "q4", "q5"]]


async def test_long_questions_do_not_go_together() -> None:
    embedder = Scripted()
    service = questions(embedder)
    await asyncio.gather(service.embed(["short"]), service.embed(["long " * 200]), service.embed(["brief"]))
    assert [len(call) for call in embedder.calls] == [1, 1, 1]


async def test_the_same_question_is_embedded_once() -> None:
    embedder = Scripted()
    embedder.wait = 0.02
    service = questions(embedder)
    together = await asyncio.gather(*(service.embed(["same"]) for _ in range(5)))
    again = await service.embed(["same", "other", "same"])
    assert embedder.calls == [["same"], ["other"]]
    for each in [*together, again[:1], again[2:]]:
        np.testing.assert_array_equal(each, await vectors("same"))


async def test_who_changes_a_vector_changes_his_own() -> None:
    service = questions(Scripted())
    mine = await service.embed(["question"])
    mine[:] = 0.0
    np.testing.assert_array_equal(await service.embed(["question"]), await vectors("question"))


async def test_the_ones_asked_for_the_longest_ago_are_forgotten() -> None:
    embedder = Scripted()
    service = questions(embedder, cached=2)
    for text in ("a", "b", "a", "c", "a", "b"):
        await service.embed([text])
    assert embedder.calls == [["a"], ["b"], ["c"], ["b"]]


async def test_nothing_is_kept_for_zero() -> None:
    embedder = Scripted()
    service = questions(embedder, cached=0)
    for _ in range(2):
        await service.embed(["a"])
    assert embedder.calls == [["a"], ["a"]]


async def test_another_model_has_other_vectors() -> None:
    embedder = Scripted()
    service = questions(embedder)
    await service.embed(["a"])
    changed = replace(embedder.model, version="another")
    type(embedder).model = property(lambda _: changed)  # type: ignore[method-assign, assignment]
    try:
        await service.embed(["a"])
    finally:
        del type(embedder).model
    assert embedder.calls == [["a"], ["a"]]


async def test_the_sentences_of_an_answer_go_alone_and_are_not_kept() -> None:
    embedder = Scripted()
    service = questions(embedder)
    texts = [f"sentence {number}" for number in range(9)]
    await asyncio.gather(service.embed(texts), service.embed(["question"]))
    await service.embed(texts)
    assert sorted(map(len, embedder.calls)) == [1, 9, 9]


async def test_a_refusal_is_for_the_refused_alone() -> None:
    embedder = Scripted()
    embedder.fault = lambda texts: EmbeddingRefused("Not this.") if "bad" in texts else None
    service = questions(embedder)
    good, bad, fine = await asyncio.gather(
        *(service.embed([text]) for text in ("good", "bad", "fine")), return_exceptions=True
    )
    assert isinstance(bad, EmbedderUnavailable)
    assert isinstance(bad.__cause__, EmbeddingRefused)
    np.testing.assert_array_equal(good, await vectors("good"))
    np.testing.assert_array_equal(fine, await vectors("fine"))


async def test_a_provider_that_is_down_is_told_to_all_and_asked_again_later() -> None:
    embedder = Scripted(DOWN, DOWN)
    service = questions(embedder)
    failed = await asyncio.gather(*(service.embed([text]) for text in "abc"), return_exceptions=True)
    assert [str(each) for each in failed] == ["It is down. Start it."] * 3
    np.testing.assert_array_equal(await service.embed(["a"]), await vectors("a"))


async def test_a_model_that_cannot_be_loaded_is_told_too() -> None:
    embedder = Scripted()
    embedder.fault = lambda _: ConfigurationError("No weights.", remedy="Get them.")
    service = questions(embedder)
    with pytest.raises(ConfigurationError, match="No weights"):
        await service.embed(["a"])
    embedder.fault = lambda _: None
    np.testing.assert_array_equal(await service.embed(["a"]), await vectors("a"))


async def test_one_who_leaves_takes_nothing_from_the_others() -> None:
    embedder = Scripted()
    embedder.wait = 0.05
    service = questions(embedder)
    leaving, staying = (asyncio.create_task(service.embed(["same"])) for _ in range(2))
    await asyncio.sleep(0.01)
    leaving.cancel()
    np.testing.assert_array_equal(await staying, await vectors("same"))
    assert embedder.calls == [["same"]]


async def test_one_who_leaves_a_batch_takes_nothing_from_the_others() -> None:
    embedder = Scripted()
    embedder.wait = 0.05
    service = questions(embedder)
    asked = [asyncio.create_task(service.embed([text])) for text in ("a", "b", "c")]
    await asyncio.sleep(0.01)
    asked[1].cancel()
    first, left, last = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(left, asyncio.CancelledError)
    np.testing.assert_array_equal(first, await vectors("a"))
    np.testing.assert_array_equal(last, await vectors("c"))
    assert embedder.calls == [["a", "b", "c"]]


async def test_all_leave_and_another_one_comes() -> None:
    embedder = Scripted()
    embedder.wait = 0.02
    service = questions(embedder)
    leaving = [asyncio.create_task(service.embed(["same"])) for _ in range(3)]
    await asyncio.sleep(0.005)
    for each in leaving:
        each.cancel()
    await asyncio.gather(*leaving, return_exceptions=True)
    np.testing.assert_array_equal(await service.embed(["same"]), await vectors("same"))
    assert embedder.calls == [["same"]]


@pytest.mark.parametrize("turns", range(8))
async def test_closing_at_any_turn_leaves_nobody_waiting(turns: int) -> None:
    """Also who is sent, in a call that has not taken its first step."""
    service = questions(Scripted())
    asked = asyncio.create_task(service.embed(["a"]))
    for _ in range(turns):
        await asyncio.sleep(0)
    await service.close()
    async with asyncio.timeout(5):
        await asyncio.wait([asked])
    if error := asked.exception():
        assert isinstance(error, EmbedderUnavailable)


async def test_closing_leaves_nobody_waiting() -> None:
    embedder = Scripted()
    embedder.wait = 10.0
    service = questions(embedder)
    asked = [asyncio.create_task(service.embed([text])) for text in "ab"]
    await asyncio.sleep(0.01)
    asked.append(asyncio.create_task(service.embed(["c"])))
    await asyncio.sleep(0)
    await service.close()
    for each in await asyncio.gather(*asked, return_exceptions=True):
        assert isinstance(each, EmbedderUnavailable)
