"""Titles and headings in the index of words: what they weigh decides, and where that changes the index follows."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from ragstone.container import Container, open_container
from ragstone.domain.access import LOCAL
from ragstone.domain.documents import Chunk
from ragstone.domain.queries import Scope
from ragstone.postgres.invariants import violations
from ragstone.postgres.lexical import upkeep
from ragstone.postgres.lexical.status import WordsStatus, words_status
from ragstone.settings import Settings
from ragstone.testing.lexical_indexes import bm25
from ragstone.testing.records import store

EVERYWHERE = Scope(LOCAL)
FILLING = "of the quarry and the road that leads to it"


@pytest.fixture
async def container(settings: Settings) -> AsyncIterator[Container]:
    """A process for which a word counts the same wherever it stands."""
    async with open_container(weighing(settings, 1.0, 1.0)) as opened:
        yield opened


@pytest.fixture
async def heavy(settings: Settings, container: Container) -> AsyncIterator[Container]:
    """Another process on the same record, which ``container`` has migrated: titles weigh more, headings less."""
    async with open_container(weighing(settings, 3.0, 0.5)) as opened:
        yield opened


def weighing(settings: Settings, title: float, headings: float) -> Settings:
    return settings.model_copy(update={"words_title_weight": title, "words_heading_weight": headings})


async def fill(container: Container) -> tuple[Chunk, Chunk, Chunk]:
    """Store three documents: granite stands in the title of one, above another, in the text of the third, twice."""
    _, (titled,) = await store(container.record, container.lexical, [f"slate {FILLING}"], title="Granite")
    _, (headed,) = await store(
        container.record, container.lexical, [f"slate {FILLING}"], title="Stone", heading_path=("Stone", "Granite")
    )
    _, (told,) = await store(container.record, container.lexical, [f"granite {FILLING} granite"], title="Stone")
    return titled, headed, told


async def found(container: Container, question: str = "granite") -> dict[UUID, float]:
    return {each.chunk_id: each.score for each in (await container.lexical.search(question, EVERYWHERE, 10)).ranked}


async def status(container: Container) -> WordsStatus:
    async with container.database.connection() as connection:
        return await words_status(connection, container.lexical.made_by)


async def assert_sound(container: Container) -> None:
    async with container.database.connection() as connection:
        assert await violations(connection, seconds=30) == {}


async def tend(container: Container) -> None:
    while await container.upkeep.tend():
        pass


async def test_the_weight_says_which_is_first(heavy: Container) -> None:
    titled, headed, told = await fill(heavy)

    assert list(await found(heavy)) == [titled.id, told.id, headed.id]
    await assert_sound(heavy)


async def test_without_weights_all_words_count_alike(container: Container) -> None:
    titled, headed, told = await fill(container)
    scores = await found(container)

    assert next(iter(scores)) == told.id
    assert scores[titled.id] > scores[headed.id] > 0  # there, a word less


async def test_titles_and_headings_count_twice_where_nothing_is_said(settings: Settings) -> None:
    async with open_container(settings) as usual:
        titled, headed, told = await fill(usual)
        texts = {
            titled.id: f"Granite Granite slate {FILLING}",
            headed.id: f"Stone Stone Granite Granite slate {FILLING}",
            told.id: f"Stone Stone granite {FILLING} granite",
        }
        for question in ("granite", "stone slate"):
            assert await found(usual, question) == pytest.approx(bm25(question, texts), rel=1e-5)
        await assert_sound(usual)


async def test_what_weighs_nothing_finds_nothing(settings: Settings) -> None:
    async with open_container(weighing(settings, 0.0, 0.0)) as light:
        *_, told = await fill(light)
        assert list(await found(light)) == [told.id]
        await assert_sound(light)


async def test_other_weights_have_the_index_made_anew_while_it_is_searched(
    container: Container, heavy: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    titled, headed, told = await fill(container)
    before = await found(container)
    assert await found(heavy) == pytest.approx(before)
    assert ((await status(container)).outdated, (await status(heavy)).outdated) == (0, 3)

    monkeypatch.setattr(upkeep, "_QUIET_SECONDS", 0.0)
    await tend(heavy)  # what is to be made anew is not merged: it would pass for made so
    assert ((await status(heavy)).outdated, (await status(heavy)).waiting) == (3, 3)
    assert await heavy.upkeep.mend() == 3
    await tend(heavy)

    assert list(await found(heavy)) == [titled.id, told.id, headed.id]
    assert list(await found(container)) == [titled.id, told.id, headed.id]
    after = await status(heavy)
    assert (after.segments, after.waiting, after.outdated) == (1, 0, 0)
    assert await heavy.upkeep.mend() == 0
    await assert_sound(container)

    assert await container.upkeep.mend() == 3
    await tend(container)
    assert await found(container) == pytest.approx(before)
    assert await found(heavy) == pytest.approx(before)


async def test_a_part_that_is_made_anew_already_is_searched_with_the_rest(
    container: Container, heavy: Container
) -> None:
    titled, *_ = await fill(container)
    _, (added,) = await store(heavy.record, heavy.lexical, [f"slate {FILLING}"], title="Granite")
    scores = await found(heavy)

    assert len(scores) == 4
    assert next(iter(scores)) == added.id
    assert scores[added.id] > scores[titled.id]
    await assert_sound(heavy)
