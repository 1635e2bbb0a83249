"""Segments of postings: whatever they are cut into, merged and freed of, scores are those of the formula."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragstone.domain.ids import new_id
from ragstone.retrieve.lexical.blocks import Damaged, blocks, joined, posting_in
from ragstone.retrieve.lexical.scoring import Formula, Mask, Part, Statistics, best
from ragstone.retrieve.lexical.segment import Counted, Segment, merge, segment_of, term_key

WORDS = "abcdefgh"
texts = st.lists(st.text(WORDS, min_size=0, max_size=12), min_size=1, max_size=6)
"""The chunks of one version: each letter is a word."""
corpora = st.lists(texts, min_size=1, max_size=8)


def segment(version: Sequence[str]) -> Segment:
    return segment_of([Counted(new_id(), [new_id() for _ in version], [Counter(text) for text in version])])


def part(made: Segment, question: Sequence[Sequence[str]], mask: Mask | None = None) -> Part:
    """Return a segment as it is read back from its blocks."""
    stored = [data for _, data in blocks(made.postings)]

    def posting(term: str) -> object:
        return next((each for data in stored if len((each := posting_in(data, term_key(term))).places)), NONE)

    groups = [[posting(term) for term in group] for group in question]
    return Part(made.members.chunk_ids, made.members.lengths, mask, groups)  # type: ignore[arg-type]


NONE = posting_in(next(blocks(segment(["a"]).postings))[1], term_key("nothing"))


def formula(
    question: Sequence[Sequence[str]], chunks: Mapping[bytes, str], k1: float = 1.2, b: float = 0.75
) -> dict[bytes, float]:
    """Return the score of each chunk above 0: for each group that of its best alternative."""
    average = sum(map(len, chunks.values())) / len(chunks)
    scores: defaultdict[bytes, float] = defaultdict(float)
    for key, text in chunks.items():
        norm = k1 * (1 - b + b * len(text) / average) if average else k1
        for group in question:
            gains = []
            for term in group:
                holders = sum(term in other for other in chunks.values())
                idf = math.log(1 + (len(chunks) - holders + 0.5) / (holders + 0.5))
                gains.append(idf * text.count(term) * (k1 + 1) / (text.count(term) + norm))
            scores[key] += max(gains)
    return {key: score for key, score in scores.items() if score > 0}


def statistics(parts: Sequence[Part]) -> Statistics:
    masks = [np.ones(len(each.lengths), np.bool_) if each.mask is None else each.mask for each in parts]
    return Statistics(
        sum(int(mask.sum()) for mask in masks),
        sum(int(each.lengths[mask].sum()) for each, mask in zip(parts, masks, strict=True)),
    )


def ranked(
    segments: Sequence[Segment], question: Sequence[Sequence[str]], limit: int = 100
) -> list[tuple[bytes, float]]:
    parts = [part(each, question) for each in segments]
    return best(parts, [1.0] * len(question), statistics(parts), Formula(), limit).found


def chunks_of(segments: Sequence[Segment], versions: Sequence[Sequence[str]]) -> dict[bytes, str]:
    return {
        bytes(key): text
        for made, version in zip(segments, versions, strict=True)
        for key, text in zip(made.members.chunk_ids, version, strict=True)
    }


@given(corpora, st.lists(st.sampled_from(WORDS), min_size=1, max_size=4, unique=True), st.data())
@settings(max_examples=150, deadline=None)
def test_scores_are_the_formulas_before_and_after_deletions_and_merges(
    versions: list[list[str]], words: list[str], data: st.DataObject
) -> None:
    question = [[word] for word in words]
    made = [segment(version) for version in versions]
    chunks = chunks_of(made, versions)
    assert dict(ranked(made, question)) == pytest.approx(formula(question, chunks), rel=1e-4)

    kept = [data.draw(st.booleans()) for _ in made]
    left = [each for each, stays in zip(versions, kept, strict=True) if stays]
    alive = {
        key: text
        for each, stays in zip(made, kept, strict=True)
        if stays
        for key, text in chunks_of([each], [versions[made.index(each)]]).items()
    }
    if not left:
        return
    cut = data.draw(st.integers(0, len(made)))
    halves = [half for half in (slice(0, cut), slice(cut, None)) if any(kept[half])]
    merged = [merge(made[half], [np.array([stays]) for stays in kept[half]]) for half in halves]
    expected = formula(question, alive)
    assert dict(ranked(merged, question)) == pytest.approx(expected, rel=1e-4)
    whole = merge(merged, [np.ones(len(each.members.sizes), np.bool_) for each in merged])
    found = ranked([whole], question)
    assert dict(found) == pytest.approx(expected, rel=1e-4)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    assert np.array_equal(whole.members.lengths, [len(text) for text in alive.values()])


@given(corpora, st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True), st.data())
@settings(max_examples=100, deadline=None)
def test_what_a_mask_hides_changes_nothing(versions: list[list[str]], words: list[str], data: st.DataObject) -> None:
    question = [[word] for word in words]
    made = [segment(version) for version in versions]
    chunks = chunks_of(made, versions)
    whole = merge(made, [np.array([True])] * len(made))
    mask = np.array([data.draw(st.booleans()) for _ in whole.members.chunk_ids])
    seen = {bytes(key): chunks[bytes(key)] for key in whole.members.chunk_ids[mask]}
    parts = [part(whole, question, mask)]
    found = dict(best(parts, [1.0] * len(question), statistics(parts), Formula(), 100).found)
    assert found == pytest.approx(formula(question, seen) if seen else {}, rel=1e-4)


@given(corpora, st.lists(st.sampled_from(WORDS), min_size=2, max_size=4, unique=True))
@settings(max_examples=100, deadline=None)
def test_a_group_is_worth_its_best_alternative(versions: list[list[str]], words: list[str]) -> None:
    question = [words[:2], *([word] for word in words[2:])]
    made = [segment(version) for version in versions]
    found = dict(ranked(made, question))
    assert found == pytest.approx(formula(question, chunks_of(made, versions)), rel=1e-4)


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_the_best_of_many_are_those_of_all_in_the_order_of_score_and_id(limit: int) -> None:
    random = np.random.default_rng(3)
    versions = [["".join(random.choice(list(WORDS), random.integers(1, 9))) for _ in range(400)] for _ in range(5)]
    made = [segment(version) for version in versions]
    expected = formula([["a"], ["b"]], chunks_of(made, versions))
    found = ranked(made, [["a"], ["b"]], limit)
    rounded = {key: round(score, 4) for key, score in expected.items()}
    order = sorted(expected, key=lambda key: -expected[key])
    assert [round(score, 4) for _, score in found] == [rounded[key] for key in order[:limit]]
    assert found == sorted(found, key=lambda each: (-each[1], each[0]))
    last = found[-1][1]
    tied = sorted(key for key, score in ranked(made, [["a"], ["b"]], 2000) if score == last)
    kept = [key for key, score in found if score == last]
    assert kept == tied[: len(kept)]


def test_frequencies_above_a_byte_are_kept() -> None:
    made = segment(["a" * 300 + "b", "a"])
    read = joined([data for _, data in blocks(made.postings)])
    for name in ("terms", "counts", "places", "frequencies"):
        assert np.array_equal(getattr(read, name), getattr(made.postings, name))
    assert sorted(made.postings.frequencies) == [1, 1, 300]


def test_many_terms_take_many_blocks_and_each_is_found() -> None:
    counted = [Counter({f"word{number}": 1 + number % 3 for number in range(begin, begin + 900)}) for begin in (0, 500)]
    made = segment_of([Counted(UUID(int=1), [UUID(int=2), UUID(int=3)], counted)])
    stored = list(blocks(made.postings))
    assert len(stored) > 1
    assert [first for first, _ in stored] == sorted(first for first, _ in stored)
    for number in (0, 499, 500, 899, 1399):
        (posting,) = [each for _, data in stored if len((each := posting_in(data, term_key(f"word{number}"))).places)]
        places = [place for place, counts in enumerate(counted) if f"word{number}" in counts]
        assert list(posting.places) == places
        assert set(posting.frequencies) == {1 + number % 3}


@pytest.mark.parametrize(
    "damage", [lambda data: data[:5], lambda data: data[:-1] + bytes([data[-1] ^ 1]), lambda _: b""]
)
def test_damage_is_seen(damage: object) -> None:
    (_, data), *_ = blocks(segment(["abc"]).postings)
    with pytest.raises(Damaged):
        posting_in(damage(data), term_key("a"))  # type: ignore[operator]
