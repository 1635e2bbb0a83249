"""Counting many chunks at once gives the very postings that counting one by one gives."""

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ragstone.domain.documents import Chunk
from ragstone.domain.ids import new_id
from ragstone.ports.lexical_index import Entry
from ragstone.postgres.lexical import making
from ragstone.retrieve.analysis import count_terms
from ragstone.retrieve.lexical import counting, pieces
from ragstone.retrieve.lexical import segment as segments
from ragstone.retrieve.lexical.counting import Tally
from ragstone.retrieve.lexical.fields import FieldWeights
from ragstone.retrieve.lexical.segment import Counted, Segment, segment_of

LANGUAGES = ("en", "de", "fr", "es", "tr", "ru", "zh", "th", "")

Written = Sequence[tuple[str, str]]
"""Chunks: the text of each, and its language."""

WORDS = ["the", "The", "Pools", "asyncpg.Pool", "x_api_key", "-", "C++", "C#", ".NET", "AT&T", "e-mails", "1,234,567"]
WORDS += ["l'été", "STRASSE", "Straße", "ﬁle", "İstanbul", "word,", "word.", "word.,", "(word)", "…,", "12345678"]
WORDS += ["fifteen_letters", "sixteen__letters", "überzweites", "a" * 200, "中文分词", "ภาษาไทย", "समिति", "a中b"]
SPACES = [" ", "\n", "\t", "\x1c", "\x85", "\u00a0", "\u3000", "\u2028", ", ", ". ", "., ", "\x00", "\x01"]
odd = st.text(
    st.sampled_from("aZé1,.'-_#@+&$:/ \n\x00\x1c\x85\u00a0™①ﬁ\u00ad\u0301中ー가ไ\ud800\U0001f600"), max_size=20
)
texts = st.lists(st.sampled_from(WORDS) | st.sampled_from(SPACES) | odd | st.text(max_size=20), max_size=30).map(
    "".join
)


def one_by_one(chunks: Written) -> Segment:
    counted = [count_terms(text, language) for text, language in chunks]
    return segment_of([Counted(UUID(int=1), [new_id() for _ in chunks], counted)])


def tallied(chunks: Written) -> Tally:
    tally = Tally()
    for text, language in chunks:
        tally.add([(text, 1)], language)
    return tally


def assert_same(chunks: Written) -> None:
    expected, tally = one_by_one(chunks), tallied(chunks)
    lengths, postings = tally.lengths(), tally.postings()
    assert lengths.dtype == np.uint32
    assert lengths.tolist() == expected.members.lengths.tolist()
    for name in ("terms", "counts", "places", "frequencies"):
        made, right = getattr(postings, name), getattr(expected.postings, name)
        assert made.dtype == right.dtype
        assert made.tolist() == right.tolist(), name


@given(st.lists(st.tuples(texts, st.sampled_from(LANGUAGES)), max_size=8))
@example([("", "en")])
@example([("a\x00", "en"), ("a", "en"), ("\x00", "en"), ("\x00" * 9, "en")])
@example([("① " * 9 + "\x00" * 9 + "①" * 20, "en")])
@settings(max_examples=150, deadline=None)
def test_any_text(chunks: Written) -> None:
    assert_same(chunks)


@given(st.lists(texts, min_size=1, max_size=12), st.integers(1, 4), st.integers(0, 30))
@settings(max_examples=80, deadline=None)
def test_what_is_counted_at_once_and_what_is_forgotten_changes_nothing(
    written: list[str], at_once: int, few: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "_MOST_TEXTS", at_once)
        patch.setattr(counting, "_MOST_CHARACTERS", 50 * few)
        patch.setattr(pieces, "_MOST_PIECES", few)
        patch.setattr(pieces, "_MOST_TERMS_OF_PIECES", few)
        assert_same([(text, "en") for text in written])


def test_pieces_that_want_the_same_slot_keep_their_own_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "_FEWEST_BITS", 2)
    monkeypatch.setattr(pieces, "_MOST_BITS", 4)
    drawn = random.Random(5)
    words = [f"word{number}" for number in range(300)] + ["std::vector", "--", "e-mail"]

    assert_same([(" ".join(drawn.choices(words, k=40)), "en") for _ in range(1_000)])


def test_many_new_terms_and_more_chunks_than_are_counted_at_once() -> None:
    assert_same([(f"alpha{number} beta{number // 3} x{number}.y{number} all", "en") for number in range(1_000)])


def test_numbers_of_terms_beyond_24_bits_are_sorted_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_FEW", 2)

    assert_same([(f"one two three two {number}", "en") for number in range(600)])


def test_more_languages_than_are_remembered() -> None:
    drawn = random.Random(6)
    spoken = ["en", "de", "fr", "es", "it", "nl", "sv", "da", "fi", "pt", "ro", "tr", ""]

    assert_same([(" ".join(drawn.choices(WORDS, k=20)), drawn.choice(spoken)) for _ in range(200)])


def test_frequencies_stop_at_two_bytes_and_lengths_do_not() -> None:
    assert_same([("so " * 70_000, "en"), ("so", "en")])


def test_two_terms_of_one_key_are_one_term(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "term_key", len)
    tally = tallied([("ab cd ab efg", "en"), ("cd", "en")])

    postings = tally.postings()
    assert postings.terms.tolist() == [2, 3]
    assert (postings.places.tolist(), postings.frequencies.tolist()) == ([0, 1, 0], [3, 1, 1])


def test_nothing_is_an_empty_segment() -> None:
    tally = Tally()

    assert (len(tally.lengths()), len(tally.postings().terms)) == (0, 0)


@pytest.mark.parametrize("few", [0, 5, 100])
@pytest.mark.parametrize("most", [1, 3, 7, 100])
async def test_a_version_of_too_many_chunks_is_in_several_segments(
    monkeypatch: pytest.MonkeyPatch, most: int, few: int
) -> None:
    monkeypatch.setattr(making, "MOST_CHUNKS", most)
    monkeypatch.setattr(making, "_FEW", few)
    entries = [
        Entry(new_id(), f"Title {size}", [_chunk(f"{size} words of {place}") for place in range(size)])
        for size in (4, 0, 9, 1, 2)
    ]
    spoken = {entry.version_id: "en" for entry in entries}
    made = [await making.make_segment(lot, spoken, FieldWeights()) for lot in making.in_segments(entries)]

    assert [len(each.members.chunk_ids) for each in made[:-1]] == [most] * (len(made) - 1)
    together = segments.merge(made, [np.ones(len(each.members.sizes), np.bool_) for each in made])
    expected = segment_of([await making.count_words(entry, "en", FieldWeights()) for entry in entries])
    assert [bytes(each) for each in together.members.chunk_ids] == [bytes(each) for each in expected.members.chunk_ids]
    for name in ("terms", "counts", "places", "frequencies"):
        assert getattr(together.postings, name).tolist() == getattr(expected.postings, name).tolist()


def _chunk(text: str) -> Chunk:
    return Chunk(new_id(), 0, text, 0, len(text), 10, heading_path=("Part", "Two"), lead="| a | b |")


def _public(data: Path) -> Iterator[tuple[str, str]]:
    """Yield texts of several languages, and code."""
    for path in sorted(data.glob("xquad/*/corpus.jsonl")):
        for line in path.read_text().splitlines():
            yield json.loads(line)["text"], path.parent.name
    for path in (*sorted(data.glob("docs/*/**/*.md"))[:150], *sorted(data.glob("sqleval/**/*.csv"))[:5]):
        text = path.read_text(errors="replace")
        for begin in range(0, min(len(text), 20_000), 1_000):
            yield text[begin : begin + 1_000], "en"


def test_real_texts(shared_data: Path) -> None:
    chunks = list(_public(shared_data))

    assert len(chunks) > 1_000
    assert {language for _, language in chunks} >= {"en", "de", "es", "zh"}
    assert_same(chunks)
