"""How many candidates are asked of an index, how it is searched for them, and what is learnt from a search."""

import math
import random
from dataclasses import replace

import pytest

from ragstone.domain.access import LOCAL, Principal
from ragstone.domain.filter_text import parse_filter
from ragstone.domain.queries import Scope
from ragstone.ports.embedder import EmbeddingModel
from ragstone.postgres.nearest.kinds import Kind, Shape, has_outgrown, lists_for, memory_for, parameters_for
from ragstone.postgres.nearest.searching import Experience, candidates_for

MODEL = EmbeddingModel("test/model", "1", 384, 256)
MARCH = Scope(LOCAL, filter=parse_filter("month = 3"))


@pytest.mark.parametrize("share", [1.0, 0.5, 0.1, 0.01])
@pytest.mark.parametrize("limit", [1, 10, 100])
def test_candidates_almost_always_suffice(limit: int, share: float) -> None:
    """Also where chunks are inside or outside by fours."""
    drawn = random.Random(7)
    candidates = candidates_for(limit, share)
    assert candidates <= 2.6 * limit / share + 30 / share + 16
    short = 0
    for _ in range(300):
        inside = sum(4 for _ in range(candidates // 4) if drawn.random() < share)
        short += inside < limit
    assert short <= 30


def test_candidates_grow_as_less_is_inside() -> None:
    counted = [candidates_for(10, share) for share in (1.0, 0.5, 0.25, 0.1, 0.01)]
    assert counted == sorted(counted)
    assert counted[0] >= 10


def test_the_first_guess_of_a_filter_is_a_half_and_of_none_is_all() -> None:
    experience = Experience()
    assert experience.of(MODEL, Scope(LOCAL)).share == 1.0
    assert experience.of(MODEL, MARCH).share == 0.5


def test_what_a_scope_keeps_is_learnt_at_once_and_then_slowly() -> None:
    known = Experience().of(MODEL, MARCH)
    known.learn(0.1)
    assert known.share == pytest.approx(0.1)
    known.learn(0.9)
    assert 0.1 < known.share < 0.5
    for _ in range(50):
        known.learn(0.0)
    assert known.share > 0


@pytest.mark.parametrize(
    "other",
    [
        replace(MARCH, principal=Principal(tenant="other")),
        replace(MARCH, principal=Principal(readers=frozenset({"board"}))),
        replace(MARCH, collections=("letters",)),
        replace(MARCH, filter=parse_filter("month = 4")),
        replace(MARCH, metadata={"year": 2020}),
    ],
)
def test_each_scope_is_known_by_itself(other: Scope) -> None:
    experience = Experience()
    experience.of(MODEL, MARCH).few = True
    assert experience.of(MODEL, MARCH).few
    assert not experience.of(MODEL, other).few
    assert not experience.of(replace(MODEL, version="2"), MARCH).few


def test_what_is_old_or_too_much_is_forgotten() -> None:
    experience = Experience(most=2)
    for collection in ("a", "b", "c"):
        experience.of(MODEL, Scope(LOCAL, (collection,))).few = True
    assert [experience.of(MODEL, Scope(LOCAL, (each,))).few for each in ("c", "b", "a")] == [True, True, False]
    brief = Experience(seconds=-1.0)
    brief.of(MODEL, MARCH).few = True
    assert not brief.of(MODEL, MARCH).few


def test_a_look_of_the_graph_is_as_wide_as_what_is_wanted_and_then_goes_on() -> None:
    shape = Shape(1_000_000, 0)
    once, more = shape.settings(200, 100), shape.settings(5000, 100)
    assert once["hnsw.iterative_scan"] == "off"
    assert int(once["hnsw.ef_search"]) >= 200
    assert more["hnsw.iterative_scan"] == "relaxed_order"
    assert int(more["hnsw.ef_search"]) == 1000
    assert int(more["hnsw.max_scan_tuples"]) >= 5000


def test_a_greater_graph_is_looked_through_more_widely() -> None:
    widths = [int(Shape(rows).settings(16, 10)["hnsw.ef_search"]) for rows in (0, 10_000, 1_000_000, 10_000_000)]
    assert widths == sorted(widths)
    assert widths[0] == widths[1] < widths[2] < widths[3]


def test_lists_are_the_square_root_and_outgrown_when_the_rows_have_doubled() -> None:
    assert [lists_for(rows) for rows in (0, 10_000, 1_000_000, 10**12)] == [1, 100, 1000, 32_768]
    parameters = parameters_for(Kind.IVFFLAT, 10_000)
    assert not has_outgrown(parameters, 20_000)
    assert has_outgrown(parameters, 20_500)
    assert not has_outgrown(parameters_for(Kind.HNSW, 10_000), 10**9)


def test_lists_of_a_huge_space_are_not_built_over_and_over() -> None:
    rows = 10 * 32_768**2
    assert not has_outgrown(parameters_for(Kind.IVFFLAT, rows), rows)


def test_probes_fill_what_is_wanted_and_never_exceed_the_lists() -> None:
    shape = Shape(1_000_000, 1000)
    assert int(shape.settings(10, 10)["ivfflat.probes"]) >= math.isqrt(1000)
    assert int(shape.settings(100_000, 10)["ivfflat.probes"]) >= 100
    assert int(shape.settings(10_000_000, 10)["ivfflat.probes"]) == 1000
    assert int(Shape().settings(10, 10)["ivfflat.probes"]) == 1


def test_only_one_look_of_a_graph_is_in_order() -> None:
    assert Shape(10_000, 0).in_order(1000)
    assert not Shape(10_000, 0).in_order(1001)
    assert not Shape(10_000, 100).in_order(10)


def test_memory_is_what_a_building_needs_within_bounds() -> None:
    assert memory_for(Kind.HNSW, 100, 384, 4096) == 64
    million = memory_for(Kind.HNSW, 1_000_000, 384, 100_000)
    assert 1500 < million < 4000
    assert memory_for(Kind.HNSW, 1_000_000, 384, 512) == 512
    assert memory_for(Kind.IVFFLAT, 1_000_000, 384, 100_000) < million
