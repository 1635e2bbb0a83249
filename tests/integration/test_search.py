"""A search from end to end on a real record: what each step does to what is found, and what is told of it."""

from collections.abc import AsyncIterator, Sequence

import pytest

from ragstone.container import Container, open_container
from ragstone.domain.access import LOCAL
from ragstone.domain.answers import Usage
from ragstone.domain.errors import ChatModelUnavailable, RerankerUnavailable
from ragstone.domain.queries import Mode, Scope
from ragstone.ports.chat_model import Prompt
from ragstone.ports.reranker import Candidate
from ragstone.settings import Settings
from ragstone.testing.records import store

SCOPE = Scope(LOCAL)
COPY = "The gate of the northern yard is opened at six in the morning by the night watch, who then hands over the keys."
OTHERS = [f"The gate number {number} is painted {colour} and opened by hand." for number, colour in
          enumerate(("green", "red", "white", "black", "blue", "brown"))]  # fmt: skip


class Model:
    """A language model that says what it is told to, or fails."""

    name = "scripted"

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)

    async def stream(self, prompt: Prompt, *, max_tokens: int) -> AsyncIterator[str | Usage]:
        if not self.replies:
            raise ChatModelUnavailable("The language model is down.")
        yield self.replies.pop(0)

    async def close(self) -> None:
        return None


class Judge:
    """A reranker that likes short passages, and may be told to fail."""

    name = "judge"
    failing = False

    async def warm(self) -> None:
        return None

    async def score(self, question: str, candidates: Sequence[Candidate]) -> Sequence[float]:
        if self.failing:
            raise RerankerUnavailable("The judge is away.")
        return [-len(each.text) for each in candidates]

    async def close(self) -> None:
        return None


async def put(container: Container, *texts: str, **said: object) -> None:
    for number, text in enumerate(texts):
        await store(container.record, container.lexical, [text], uri=f"doc:{text[:30]}:{number}", metadata=dict(said))


def uris(hits: Sequence[object]) -> list[str]:
    return [hit.uri for hit in hits]  # type: ignore[attr-defined]


async def test_a_trace_tells_of_every_hit(container: Container) -> None:
    await put(container, COPY, *OTHERS)
    found = await container.search.retrieve("opened gate", SCOPE, mode=Mode.WORDS, limit=3, explain=True)
    assert found.trace is not None
    assert [step.name for step in found.trace.steps] == ["words", "fusion", "load", "rerank", "shape"]
    considered = found.trace.considered
    assert len(considered) == 7
    assert [each.fused.rank for each in considered] == [1, 2, 3, 4, 5, 6, 7]
    given = sorted((each for each in considered if each.rank), key=lambda each: each.rank or 0)
    assert [each.chunk_id for each in given] == [hit.chunk.id for hit in found.hits]
    assert [each.cut for each in considered if not each.rank] == ["limit"] * 4
    assert all(each.legs["words"].rank == each.fused.rank for each in considered)
    plain = await container.search.retrieve("opened gate", SCOPE, mode=Mode.WORDS, limit=3)
    assert (plain.hits, plain.trace) == (found.hits, None)


async def test_as_many_hits_come_as_are_asked_for_though_most_are_copies(container: Container) -> None:
    for number in range(30):
        await store(container.record, container.lexical, [COPY], uri=f"copy:{number}")
    await put(container, *OTHERS)
    found = await container.search.retrieve("gate northern yard opened", SCOPE, mode=Mode.WORDS, limit=5, explain=True)
    assert len(found.hits) == 5
    assert len(found.hits[0].folded) == 29
    assert {each.uri for each in found.hits[0].folded} | {found.hits[0].uri} == {f"copy:{n}" for n in range(30)}
    assert found.trace is not None
    folded = [each for each in found.trace.considered if each.cut == "duplicate"]
    assert {each.of for each in folded} == {found.hits[0].chunk.id}
    assert await container.search.retrieve("gate northern yard opened", SCOPE, mode=Mode.WORDS, limit=5) is not found


async def test_a_reranker_orders_and_where_it_fails_the_fused_order_stands(container: Container) -> None:
    judge = Judge()
    container.reranker = judge
    await put(container, COPY, *OTHERS)
    found = await container.search.retrieve("gate opened night watch", SCOPE, mode=Mode.WORDS, limit=7, explain=True)
    assert found.hits[-1].chunk.text == COPY
    assert found.trace is not None
    assert found.trace.considered[0].fused.rank == 1
    assert found.trace.considered[0].reranked is not None
    assert found.trace.considered[0].reranked.rank == 7
    judge.failing = True
    for _ in range(2):  # what was done without is not remembered
        failed = await container.search.retrieve("gate opened night", SCOPE, mode=Mode.WORDS, limit=7)
        assert failed.hits[0].chunk.text == COPY
        assert failed.missing == {"rerank": "The judge is away."}
    judge.failing = False
    assert (await container.search.retrieve("gate opened night", SCOPE, mode=Mode.WORDS, limit=7)).missing == {}


async def test_a_variant_finds_what_the_question_does_not(settings: Settings) -> None:
    changed = settings.model_copy(update={"rewrite": ["multi-query"], "chat_model": "openai:none"})
    async with open_container(changed) as container:
        container.chat_model = Model('["portal painted green"]')
        await put(container, COPY, *OTHERS, "Nothing bears on it.")
        found = await container.search.retrieve("night watch", SCOPE, mode=Mode.WORDS, explain=True)
        assert found.hits[0].chunk.text == COPY
        assert found.hits[1].chunk.text == OTHERS[0]
        assert found.trace is not None
        assert {"multi-query": "portal painted green"}.items() <= found.trace.steps[2].details.items()
        failed = await container.search.retrieve("night watch duty", SCOPE, mode=Mode.WORDS)
        assert uris(failed.hits) == [found.hits[0].uri]
        assert "rewrite" in failed.missing


async def test_boosts_and_recency_change_scores(settings: Settings) -> None:
    changed = settings.model_copy(
        update={
            "boosts": "kind = 'faq' => 1.5",
            "recency_half_life_days": 30.0,
            "recency_weight": 0.5,
            "recency_field": "published",
        }
    )
    async with open_container(changed) as container:
        await put(container, OTHERS[0])
        await put(container, OTHERS[1], kind="faq")
        await put(container, OTHERS[2], published="2001-01-01")
        found = await container.search.retrieve("gate opened by hand", SCOPE, mode=Mode.WORDS, explain=True)
    assert [hit.chunk.text for hit in found.hits] == [OTHERS[1], OTHERS[0], OTHERS[2]]
    assert found.trace is not None
    boosts = {each.chunk_id: each.boost for each in found.trace.considered}
    assert [round(boosts[hit.chunk.id], 2) for hit in found.hits] == [1.5, 1.0, 0.5]


@pytest.mark.parametrize(("spelling", "word"), [("searched", "granite"), ("off", None)])
async def test_a_slip_of_the_pen_is_searched_for_and_told(settings: Settings, spelling: str, word: str | None) -> None:
    async with open_container(settings.model_copy(update={"spelling": spelling})) as container:
        await put(container, *(f"The granite of quarry {number} is grey." for number in range(8)), *OTHERS)
        question = "Where is the granitte?"
        found = await container.search.retrieve(question, SCOPE, mode=Mode.WORDS)
        while "spelling" in found.missing:  # the words are read once, and no search waits long for that
            found = await container.search.retrieve(question, SCOPE, mode=Mode.WORDS)
    assert [each.instead for each in found.corrections] == ([word] if word else [])
    assert bool(found.hits) == bool(word)


@pytest.mark.parametrize(
    ("wrong", "names"), [({"boosts": "kind = => 2"}, "BOOSTS"), ({"rewrite": ["hyde"]}, "rewritten")]
)
async def test_settings_that_make_no_sense_are_named(settings: Settings, wrong: dict[str, object], names: str) -> None:
    from ragstone.domain.errors import ConfigurationError

    async with open_container(settings.model_copy(update=wrong)) as container:
        with pytest.raises(ConfigurationError, match=names):
            _ = container.search
