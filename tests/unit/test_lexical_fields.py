"""Titles and headings weigh what they are said to: scores are those of BM25F, from the weights to the stored bytes."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragstone.domain.documents import Chunk, embedding_text
from ragstone.domain.ids import new_id
from ragstone.ports.lexical_index import Entry
from ragstone.postgres.lexical import making
from ragstone.postgres.lexical.segments import pack, unpack
from ragstone.retrieve.analysis import count_terms
from ragstone.retrieve.lexical.blocks import Damaged, blocks, joined, posting_in
from ragstone.retrieve.lexical.fields import FieldWeights
from ragstone.retrieve.lexical.scoring import Formula, Part, Statistics, best
from ragstone.retrieve.lexical.segment import MOST_FREQUENT, Members, Postings, Segment, merge, term_key
from ragstone.settings import Settings

WORDS = ("granite", "slate", "marble", "basalt")

quarters = st.integers(0, 12).map(lambda number: number / 4)
weights = st.builds(FieldWeights, quarters, quarters)
texts = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
chunks = st.builds(
    lambda text, headings, lead: Chunk(new_id(), 0, text, 0, len(text), 1, heading_path=tuple(headings), lead=lead),
    texts,
    st.lists(texts, max_size=2),
    texts,
)
entries = st.lists(
    st.builds(lambda title, cut: Entry(new_id(), title, cut), texts, st.lists(chunks, min_size=1, max_size=3)),
    min_size=1,
    max_size=4,
)


def bm25f(words: Sequence[str], weighed: Sequence[tuple[Entry, FieldWeights]]) -> dict[bytes, float]:
    """Return the score of each chunk above 0, straight from the formula, in Python's own numbers."""
    frequencies: dict[bytes, dict[str, float]] = {}
    for entry, weight in weighed:
        for chunk in entry.chunks:
            headings = chunk.heading_path[1:] if chunk.heading_path[:1] == (entry.title,) else chunk.heading_path
            counted = frequencies[chunk.id.bytes] = dict.fromkeys(WORDS, 0.0)
            for word in (*chunk.text.split(), *chunk.lead.split()):
                counted[word] += 1
            for word in entry.title.split():
                counted[word] += weight.title
            for word in " ".join(headings).split():
                counted[word] += weight.headings
    lengths = {key: sum(counted.values()) for key, counted in frequencies.items()}
    average = sum(lengths.values()) / len(lengths)
    scores = dict.fromkeys(frequencies, 0.0)
    for word in words:
        holders = [key for key, counted in frequencies.items() if counted[word]]
        idf = math.log(1 + (len(frequencies) - len(holders) + 0.5) / (len(holders) + 0.5))
        for key in holders:
            frequency = frequencies[key][word]
            scores[key] += idf * frequency * 2.2 / (frequency + 1.2 * (0.25 + 0.75 * lengths[key] / average))
    return {key: score for key, score in scores.items() if score}


async def segment(lot: Sequence[Entry], weight: FieldWeights, *, at_once: bool) -> Segment:
    """Return a segment as it is read back from its bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "_FEW", 0 if at_once else 1000)
        made = await making.make_segment(lot, {entry.version_id: "en" for entry in lot}, weight)
    read = unpack(pack(made.members), len(made.members.chunk_ids), len(made.members.version_ids))
    return Segment(read, joined([data for _, data in blocks(made.postings)]))


def scores(segments: Sequence[Segment], words: Sequence[str]) -> dict[bytes, float]:
    parts = [part(each, words) for each in segments]
    counted = Statistics(sum(len(each.lengths) for each in parts), sum(each.members.words() for each in segments))
    return dict(best(parts, [1.0] * len(words), counted, Formula(), 100).found)


def part(made: Segment, words: Sequence[str]) -> Part:
    stored = [data for _, data in blocks(made.postings)]
    groups = []
    for word in words:
        (term,) = count_terms(word)
        found = [posting_in(data, term_key(term)) for data in stored]
        groups.append([next((each for each in found if len(each.places)), found[0])] if found else [])
    return Part(made.members.chunk_ids, made.members.lengths, None, groups, unit=made.members.unit)


@given(entries, weights, st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True), st.booleans())
@settings(max_examples=150, deadline=None)
async def test_scores_are_those_of_bm25f(
    lot: list[Entry], weight: FieldWeights, words: list[str], at_once: bool
) -> None:
    expected = bm25f(words, [(entry, weight) for entry in lot])
    made = await segment(lot, weight, at_once=at_once)

    if made.postings.terms.size:
        assert scores([made], words) == pytest.approx(expected, rel=1e-5)
    else:
        assert expected == {}


@given(entries, entries, weights, weights, st.booleans())
@settings(max_examples=100, deadline=None)
async def test_segments_of_several_weights_are_searched_together(
    before: list[Entry], after: list[Entry], old: FieldWeights, new: FieldWeights, at_once: bool
) -> None:
    made = [await segment(before, old, at_once=at_once), await segment(after, new, at_once=at_once)]
    filled = [each for each in made if each.postings.terms.size]
    expected = bm25f(WORDS, [*((entry, old) for entry in before), *((entry, new) for entry in after)])

    if len(filled) == len(made):
        assert scores(made, WORDS) == pytest.approx(expected, rel=1e-5)


@given(entries, entries, weights)
@settings(max_examples=60, deadline=None)
async def test_merged_segments_and_those_made_at_once_or_one_by_one_are_the_same(
    first: list[Entry], second: list[Entry], weight: FieldWeights
) -> None:
    apart = [await segment(lot, weight, at_once=True) for lot in (first, second)]
    merged = merge(apart, [np.ones(len(each.members.sizes), np.bool_) for each in apart])

    assert arrays(merged) == arrays(await segment([*first, *second], weight, at_once=True))
    assert arrays(merged) == arrays(await segment([*first, *second], weight, at_once=False))


def arrays(made: Segment) -> Mapping[str, object]:
    return {
        name: np.asarray(getattr(held, name)).tolist()
        for held in (made.members, made.postings)
        for name in held.__dataclass_fields__
    }


@given(entries)
@settings(max_examples=60, deadline=None)
def test_weights_of_one_index_what_is_embedded(lot: list[Entry]) -> None:
    for entry in lot:
        for chunk in entry.chunks:
            ((text, counts),) = FieldWeights(1, 1).of(entry.title, chunk)
            embedded = embedding_text(entry.title, chunk.heading_path, chunk.text, lead=chunk.lead)
            assert counts == 1
            assert count_terms(text) == count_terms(embedded)


def test_what_weighs_nothing_is_not_there() -> None:
    chunk = Chunk(new_id(), 0, "granite", 0, 7, 1, heading_path=("Slate",))

    assert FieldWeights(0, 0).of("Marble", chunk) == [("granite", 1)]
    assert FieldWeights(2, 0).of("Marble", chunk) == [("Marble\nMarble\ngranite", 1)]
    assert FieldWeights(0.5, 0.25).of("Marble", chunk) == [("Marble", 2), ("Slate", 1), ("granite", 4)]


def test_the_settings_weigh_as_it_does_by_itself() -> None:
    fields = Settings.model_fields
    assert FieldWeights(fields["words_title_weight"].default, fields["words_heading_weight"].default) == FieldWeights()


@pytest.mark.parametrize(
    ("title", "headings", "unit"), [(1, 1, 1), (3, 0, 1), (0.5, 1, 2), (2.5, 0.5, 2), (0.25, 0.5, 4), (1, 1.75, 4)]
)
def test_a_word_of_the_text_counts_no_more_than_it_must(title: float, headings: float, unit: int) -> None:
    assert FieldWeights(title, headings).unit == unit


@pytest.mark.parametrize(("title", "headings"), [(0.3, 1), (1, -0.25), (10.25, 1), (math.inf, 1), (1, math.nan)])
def test_other_weights_are_refused(title: float, headings: float) -> None:
    with pytest.raises(ValueError, match="quarters"):
        FieldWeights(title, headings)


@given(weights)
def test_a_segment_says_its_weights(weight: FieldWeights) -> None:
    assert making.weights_of(making.made_by(weight)) == weight


@given(weights, weights)
def test_segments_of_other_weights_are_told_apart(one: FieldWeights, other: FieldWeights) -> None:
    assert (making.made_by(one) == making.made_by(other)) == (one == other)


@pytest.mark.parametrize("mark", ["", "0", "1", "older", "10 1 1"])
def test_what_other_code_made_says_no_weights(mark: str) -> None:
    assert making.weights_of(mark) is None


async def test_counts_stop_at_two_bytes_in_units() -> None:
    often = Chunk(new_id(), 0, "granite " * 20_000, 0, 1, 1)
    lot = [Entry(new_id(), "Slate", [often])]
    expected = {"granite": MOST_FREQUENT, "slate": 1}

    for at_once in (True, False):
        made = await segment(lot, FieldWeights(0.25, 1), at_once=at_once)
        assert frequencies(made.postings) == {
            term_key(next(iter(count_terms(word)))): n for word, n in expected.items()
        }
        assert made.members.words() == 20_000.25


def frequencies(postings: Postings) -> dict[int, int]:
    return dict(zip(postings.terms.tolist(), postings.frequencies.tolist(), strict=True))


@pytest.mark.parametrize("unit", [1, 2, 4])
def test_the_unit_is_stored_and_guarded(unit: int) -> None:
    ids = np.frombuffer(bytes(range(16)), "V16")
    packed = pack(Members(ids, np.array([5], np.uint32), ids, np.array([1], np.uint32), unit))

    assert unpack(packed, 1, 1).unit == unit
    assert len(packed) == 44 + (unit > 1)
    with pytest.raises(Damaged):
        unpack(packed[:-1] + bytes([packed[-1] ^ 6]), 1, 1)


def test_fields_of_one_weight_are_one_text() -> None:
    chunk = Chunk(new_id(), 0, "granite", 0, 7, 1, heading_path=("Title", "Slate"), lead="marble")

    assert FieldWeights(0.5, 0.5).of("Title", chunk) == [("Title\nSlate", 1), ("marble\ngranite", 2)]
    assert FieldWeights(1, 0.5).of("Title", chunk) == [("Title\nmarble\ngranite", 2), ("Slate", 1)]


async def test_segments_of_several_units_are_merged_only_where_one_has_nothing_left() -> None:
    lots = [[Entry(new_id(), "Slate", [Chunk(new_id(), 0, "granite", 0, 7, 1)])] for _ in range(2)]
    made = [
        await segment(lot, weight, at_once=False)
        for lot, weight in zip(lots, (FieldWeights(), FieldWeights(0.5, 1)), strict=True)
    ]

    left = merge(made, [np.array([False]), np.array([True])])
    assert (left.members.unit, left.members.words()) == (2, 1.5)
    with pytest.raises(ValueError, match="unpack"):
        merge(made, [np.array([True]), np.array([True])])
