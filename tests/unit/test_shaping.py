"""Of many hits the few that are worth reading; nothing is lost without a reason, and nothing is made up."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragstone.domain.access import LOCAL
from ragstone.domain.documents import Chunk, PageSpan
from ragstone.domain.queries import Hit, LegRank, Scope
from ragstone.ports.chunks import Parent
from ragstone.ports.record import Record
from ragstone.retrieve.duplicates import repeated
from ragstone.retrieve.joining import Stretch, alone, joined
from ragstone.retrieve.shaping import Cut, Reason, Shape, Shaped, Shaping

ONE, TWO = UUID(int=1), UUID(int=2)
SCOPE = Scope(LOCAL)
NOTHING = Shape(fold=False)
TEXT = (
    "The station was built on the cliff in spring and painted white by the two brothers who later kept the lamp "
    "burning through the long winters, while the boats came back to the harbour late at night."
)


def chunk(content: str, start: int, end: int, ordinal: int = 0, **more: Any) -> Chunk:
    return Chunk(UUID(int=1000 + ordinal), ordinal, content[start:end], start, end, max(1, (end - start) // 4), **more)


def hit(of: Chunk, document: UUID = ONE, score: float = 0.5) -> Hit:
    return Hit(of, document, f"Title {document.int}", f"{document.int}.md", "docs", score, {"words": LegRank(1, 2.0)})


def text_hit(number: int, text: str, score: float = 0.5) -> Hit:
    made = Chunk(UUID(int=number), 0, text, 0, len(text), len(text.split()))
    return hit(made, UUID(int=500 + number), score)


@dataclass
class Asked:
    """A record that knows these documents, and notes what it is asked."""

    contents: Mapping[UUID, str] = field(default_factory=dict)
    chunks: Mapping[UUID, Sequence[Chunk]] = field(default_factory=dict)
    opened: int = 0

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Any]:
        self.opened += 1
        yield _Transaction(self)


@dataclass
class _Transaction:
    record: Asked

    @property
    def chunks(self) -> "_Transaction":
        return self

    async def parents(self, scope: Scope, chunk_ids: Sequence[UUID], longest: int) -> list[Parent]:
        """Whole documents only: which sections there are is the record's to say."""
        assert scope is SCOPE
        found = []
        for document, chunks in self.record.chunks.items():
            text = self.record.contents[document][chunks[0].start : chunks[-1].end]
            if {each.id for each in chunks} & set(chunk_ids) and len(chunks) > 1 and len(text) <= longest:
                found.append(Parent(document, text, tuple(chunks)))
        return found

    async def between(self, scope: Scope, pairs: Sequence[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], str]:
        assert scope is SCOPE
        by_id = {each.id: (doc, each) for doc, chunks in self.record.chunks.items() for each in chunks}
        return {
            (first, second): self.record.contents[by_id[first][0]][by_id[first][1].end : by_id[second][1].start]
            for first, second in pairs
        }


def shaped(
    hits: Sequence[Hit], shape: Shape, *, limit: int = 10, record: Asked | None = None, most_tokens: int = 10_000
) -> Shaped:
    shaping = Shaping(most_tokens=most_tokens)
    return asyncio.run(shaping.shape(cast(Record, record or Asked()), SCOPE, hits, shape, limit))


def folds(*texts: str) -> dict[int, int]:
    return repeated(texts)


# Which texts say the same


@pytest.mark.parametrize(
    "other",
    [
        TEXT,
        TEXT.upper(),
        f"  {TEXT.replace(' ', chr(10))}",
        f"> {TEXT.replace(',', ';')}!!",
        f"**{TEXT}**",
        TEXT.replace("harbour", "harbor"),
        TEXT.replace("painted white", "painted all white"),
        TEXT.replace("late at night", "late"),
        f"well {TEXT}",
    ],
)
def test_texts_that_say_the_same(other: str) -> None:
    assert folds(TEXT, other) == {1: 0}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("in 2019 the revenue was 5.1", "in 2020 the revenue was 6.3"),
        ("it rose by 5.1", "it rose by 5 1"),
        ("it changed by 5 %", "it changed by -5 %"),
        ("it costs $5", "it costs €5"),
        ("keep x < 5 at all times", "keep x > 5 at all times"),
        ("it is written in C++ now", "it is written in C now"),
        ("smoking is allowed here", "smoking is not allowed here"),
        ("smoking isn't allowed here", "smoking is allowed here"),
        ("it was signed by Anna there", "it was signed by Bertha there"),
        ("it is sold with sugar here", "it is sold without sugar here"),
        ("turn it to the left then", "turn it to the right then"),
        ("this is possible here", "this is impossible here"),
    ],
)
def test_a_number_a_name_or_a_negation_keeps_the_longest_texts_apart(one: str, other: str) -> None:
    long = "\n".join(f"{TEXT} {letter * 3}" for letter in "abcdefgh")
    assert folds(one, other) == {}
    assert folds(f"{long} {one} {long}", f"{long} {other} {long}") == {}
    assert folds(f"{long} {other}", f"{long} {one}") == {}
    assert folds(f"{other} {long}", f"{one} {long}") == {}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Das Haus ist offen", "Das Haus ist nicht offen"),
        ("这项规定从今年春天开始适用于所有的学校和医院", "这项规定从今年春天开始不适用于所有的学校和医院"),
        ("Правило действует для всех школ", "Правило не действует для всех школ"),
        ("यह नियम सभी विद्यालयों पर लागू है", "यह नियम सभी विद्यालयों पर लागू नहीं है"),
    ],
)
def test_a_negation_in_other_languages_keeps_apart(one: str, other: str) -> None:
    assert folds(one, one) == {1: 0}
    assert folds(other * 3, f"{one}{other * 2}") == {}


def test_what_a_longer_text_says_as_well_is_folded_but_not_what_it_says_more() -> None:
    longer = f"{TEXT} In autumn they painted it again, in a darker grey, and closed the road that led to the hill."
    assert folds(longer, TEXT) == {1: 0}
    assert folds(TEXT, longer) == {}


def test_short_texts_must_be_the_same_word_for_word() -> None:
    assert folds("See also", "see also.", "see also there") == {1: 0}


def test_texts_without_a_word_are_the_same_only_letter_by_letter() -> None:
    assert folds("***", "---", "***", "", "") == {2: 0, 4: 3}


def test_what_is_repeated_repeats_nothing_itself() -> None:
    drifting = [
        " ".join([f"w{'abcdefghij'[n // 10]}{'abcdefghij'[n % 10]}" for n in range(k, k + 60)]) for k in range(0, 12, 2)
    ]
    found = folds(*drifting)
    assert found
    assert not set(found) & set(found.values())


words = st.sampled_from("a the not on river Anna 3 4.5 stone moss".split())


@given(st.lists(st.lists(words, max_size=30).map(" ".join), max_size=12))
def test_folding_names_an_earlier_text_that_stays(texts: list[str]) -> None:
    found = repeated(texts)
    for place, first in found.items():
        assert first < place
        assert first not in found
        assert set(texts[place].split()) >= {"3"} or "3" not in texts[place].split()
        if len(texts[place].split()) < 12:
            assert texts[place].split() == texts[first].split()


# Folded hits


def test_a_folded_hit_is_named_by_the_better_one() -> None:
    hits = [text_hit(1, TEXT, 0.9), text_hit(2, "Something else."), text_hit(3, TEXT.upper(), 0.3)]
    result = shaped(hits, Shape())
    assert [each.chunk.id.int for each in result.hits] == [1, 2]
    (named,) = result.hits[0].folded
    assert (named.chunk_id, named.document_id, named.title, named.uri, named.collection, named.score) == (
        UUID(int=3),
        UUID(int=503),
        "Title 503",
        "503.md",
        "docs",
        0.3,
    )
    assert result.cuts == {UUID(int=3): Cut(Reason.DUPLICATE, UUID(int=1))}


def test_lead_and_text_say_it_together() -> None:
    row = "| 5 | 6 |"
    one, other = (text_hit(n, row) for n in (1, 2))
    heads = [
        replace(each, chunk=replace(each.chunk, lead=lead)) for each, lead in ((one, "| a | b |"), (other, "| c | d |"))
    ]
    assert len(shaped(heads, Shape()).hits) == 2


async def test_many_long_texts_do_not_hold_the_event_loop() -> None:
    texts = [f"{' '.join(f'w{(n * m) % 997}x' for m in range(200))}" for n in range(1000)]
    hits = [text_hit(n + 1, text) for n, text in enumerate(texts)]
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await Shaping(most_tokens=1).shape(cast(Record, Asked()), SCOPE, hits, Shape(), 10)
    ticking.cancel()
    assert ticks > 5


# Hits of one document


def test_at_most_so_many_of_one_document() -> None:
    content = "".join(f"Part {n}. " for n in range(9))
    parts = [chunk(content, n * 8, n * 8 + 7, n * 2) for n in range(5)]
    hits = [hit(parts[0]), hit(parts[1]), hit(replace(parts[2], id=UUID(int=7)), TWO), hit(parts[3]), hit(parts[4])]
    result = shaped(hits, Shape(fold=False, per_document=2), limit=3)
    assert result.hits == tuple(hits[:3])
    assert result.cuts == {parts[3].id: Cut(Reason.LIMIT), parts[4].id: Cut(Reason.LIMIT)}
    assert shaped(hits, Shape(fold=False, per_document=1)).cuts[parts[1].id] == Cut(Reason.PER_DOCUMENT)


def test_the_record_is_not_asked_for_what_is_not_needed() -> None:
    record = Asked()
    content = TEXT * 3
    hits = [hit(chunk(content, 0, 100)), hit(chunk(content, 80, 200, 1))]
    assert shaped(hits, NOTHING, record=record).hits == tuple(hits)
    assert len(shaped(hits, Shape(join=True), record=record).hits) == 1
    assert record.opened == 0


# Neighbours


def test_overlapping_neighbours_become_one_hit_of_the_better_one() -> None:
    content = TEXT * 3
    better, middle, worse = chunk(content, 180, 300, 2), chunk(content, 90, 200, 1), chunk(content, 0, 100)
    hits = [hit(better, score=0.9), hit(worse, score=0.5), hit(middle, score=0.4)]
    (only,) = shaped(hits, Shape(fold=False, join=True)).hits
    assert (only.chunk.id, only.score, only.legs) == (better.id, 0.9, hits[0].legs)
    assert (only.chunk.start, only.chunk.end, only.chunk.text) == (0, 300, content[:300])
    assert only.chunk_ids == (worse.id, middle.id, better.id)
    assert only.chunk.token_count == pytest.approx(300 / 4, abs=3)
    cuts = shaped(hits, Shape(fold=False, join=True)).cuts
    assert cuts == {worse.id: Cut(Reason.JOINED, better.id), middle.id: Cut(Reason.JOINED, better.id)}


def test_white_space_between_neighbours_is_the_documents_own() -> None:
    content = "First part.\n \n\tSecond part."
    chunks = [chunk(content, 0, 11), chunk(content, 15, len(content), 1)]
    record = Asked({ONE: content}, {ONE: chunks})
    (only,) = shaped([hit(chunks[1]), hit(chunks[0])], Shape(fold=False, join=True), record=record).hits
    assert only.chunk.text == content
    assert record.opened == 1


@pytest.mark.parametrize(
    ("one", "other", "document"),
    [
        ({}, {"heading_path": ("B",)}, ONE),
        ({"metadata": {"lang": "de"}}, {"metadata": {"lang": "fr"}}, ONE),
        ({}, {}, TWO),
    ],
)
def test_what_is_of_another_place_is_not_joined(one: dict[str, Any], other: dict[str, Any], document: UUID) -> None:
    content = TEXT * 3
    hits = [hit(chunk(content, 0, 100, **one)), hit(chunk(content, 80, 200, 1, **other), document)]
    assert shaped(hits, Shape(fold=False, join=True)).hits == tuple(hits)


def test_chunks_that_do_not_say_where_they_stand_or_disagree_are_not_joined() -> None:
    lost = [Chunk(UUID(int=n), n, f"Text {n} here", 0, 0, 3) for n in (1, 2)]
    assert len(shaped([hit(each) for each in lost], Shape(fold=False, join=True)).hits) == 2
    content = TEXT * 3
    other = replace(chunk(content, 80, 200, 1), text=content[81:200] + "?")
    assert len(shaped([hit(chunk(content, 0, 100)), hit(other)], Shape(fold=False, join=True)).hits) == 2


def test_neighbours_are_joined_up_to_so_many_tokens() -> None:
    content = TEXT * 3
    hits = [hit(chunk(content, n * 80, n * 80 + 100, n)) for n in range(5)]
    for most, longest in ((40, 1), (50, 2), (70, 3)):
        result = shaped(hits, Shape(fold=False, join=True), most_tokens=most)
        assert max(len(each.chunk_ids) or 1 for each in result.hits) == longest
        assert all(each.chunk.token_count <= most for each in result.hits)


def test_a_joined_hit_knows_on_which_page_each_place_stands() -> None:
    content = TEXT * 3
    one = chunk(content, 0, 100, page=1, page_label="i", lead="| head |")
    two = chunk(content, 80, 200, 1, page=2, pages=(PageSpan(1, 80, 120, "i"), PageSpan(2, 120, 200)), lead="| row |")
    stretch = joined(alone(two), alone(one), {})
    assert stretch
    made = stretch.instead_of(two)
    assert made.pages == (PageSpan(1, 0, 120, "i"), PageSpan(2, 120, 200))
    assert (made.page, made.page_label, made.lead) == (1, "i", "| head |")
    assert [made.page_at(place) for place in (0, 119, 120, 199)] == [(1, "i"), (1, "i"), (2, None), (2, None)]


def test_a_part_without_a_page_is_on_none() -> None:
    content = TEXT * 3
    stretch = joined(alone(chunk(content, 0, 100)), alone(chunk(content, 100, 200, 1, page=4)), {})
    assert stretch
    made = stretch.instead_of(stretch.chunks[0])
    assert [made.page_at(place) for place in (50, 150)] == [(None, None), (4, None)]


# Parents


def test_a_small_document_is_given_in_place_of_its_chunks() -> None:
    content = f"# A\n\n{TEXT}\n\n## B\n\n{TEXT}"
    half = len(TEXT) + 5
    chunks = [
        chunk(content, 0, half, heading_path=("A",)),
        chunk(content, half + 2, len(content), 1, heading_path=("A", "B")),
    ]
    record = Asked({ONE: content}, {ONE: chunks})
    other = hit(chunk("Alone", 0, 5, 9), TWO, 0.7)
    hits = [hit(chunks[1], score=0.9), other, hit(chunks[0], score=0.4)]
    result = shaped(hits, Shape(fold=False, parents=1000), record=record)
    whole = result.hits[0]
    assert (whole.chunk.id, whole.chunk.text, whole.chunk.start, whole.chunk.end) == (
        chunks[1].id,
        content,
        0,
        len(content),
    )
    assert (whole.score, whole.chunk.heading_path, whole.chunk_ids) == (0.9, ("A",), (chunks[0].id, chunks[1].id))
    assert result.hits[1] == other
    assert result.cuts == {chunks[0].id: Cut(Reason.PARENT, chunks[1].id)}
    assert shaped(hits, Shape(fold=False, parents=50), record=record).hits == tuple(hits)


# Whatever is asked


@st.composite
def libraries(draw: st.DrawFn) -> tuple[Asked, list[Hit]]:
    """Documents cut into chunks that overlap, touch or leave white space, and hits of some of the chunks."""
    record, hits, number = Asked({}, {}), [], 0
    contents, cut = {}, {}
    for document in (ONE, TWO):
        content = draw(st.sampled_from([TEXT, f"{TEXT}\n\n  {TEXT[:60]}", "one two three. " * 12]))
        start, chunks = 0, list[Chunk]()
        while start < len(content):
            end = min(len(content), start + draw(st.integers(20, 90)))
            path = draw(st.sampled_from([("A",), ("A",), ("A", "B")]))
            made = chunk(content, start, end, len(chunks), heading_path=path, page=draw(st.sampled_from([None, 1, 2])))
            chunks.append(replace(made, id=UUID(int=(number := number + 1))))
            start = max(start + 1, end - draw(st.integers(0, 12))) if end < len(content) else end
            while start == end < len(content) and content[start].isspace():
                start, end = start + 1, end + 1
        contents[document], cut[document] = content, chunks
        hits += [hit(each, document) for each in chunks if draw(st.booleans())]
    record.contents, record.chunks = contents, cut
    ordered = draw(st.permutations(hits))
    return record, [replace(each, score=1 - n / 100) for n, each in enumerate(ordered)]


shapes = st.builds(
    Shape, st.booleans(), st.integers(0, 3), join=st.booleans(), parents=st.sampled_from([0, 0, 150, 10_000])
)


@settings(max_examples=200)
@given(libraries(), shapes, st.integers(1, 12), st.sampled_from([20, 40, 1000]))
def test_nothing_is_lost_and_nothing_made_up(
    library: tuple[Asked, list[Hit]], shape: Shape, limit: int, most_tokens: int
) -> None:
    record, hits = library
    result = shaped(hits, shape, limit=limit, record=record, most_tokens=most_tokens)
    given_ids = [each.chunk.id for each in result.hits]
    by_id = {each.chunk.id: each for each in hits}
    assert len(given_ids) <= limit
    # In their order, with their scores; and each that is not given has its reason.
    assert given_ids == [each.chunk.id for each in hits if each.chunk.id in set(given_ids)]
    assert set(given_ids) | set(result.cuts) == set(by_id)
    assert not set(given_ids) & set(result.cuts)
    for each in result.hits:
        was, made = by_id[each.chunk.id], each.chunk
        assert (each.score, each.legs, each.document_id) == (was.score, was.legs, was.document_id)
        assert made.text == record.contents[each.document_id][made.start : made.end]
        assert made.start <= was.chunk.start < was.chunk.end <= made.end
        assert {named.chunk_id for named in each.folded} <= set(by_id)
        for found in each.chunk_ids:
            inside = by_id[found]
            assert inside.document_id == each.document_id
            assert made.start <= inside.chunk.start < inside.chunk.end <= made.end
            assert found == each.chunk.id or result.cuts[found].of == each.chunk.id
    for chunk_id, cut in result.cuts.items():
        assert (cut.of is None) == (cut.reason in (Reason.LIMIT, Reason.PER_DOCUMENT))
        if cut.reason is Reason.DUPLICATE:
            names = [each for each in result.hits if chunk_id in {named.chunk_id for named in each.folded}]
            assert len(names) == 1 or cut.of in result.cuts
    if shape.per_document:
        for document in (ONE, TWO):
            assert sum(each.document_id == document for each in result.hits) <= shape.per_document
    if not (shape.fold or shape.join or shape.parents or shape.per_document):
        assert result.hits == tuple(hits[:limit])


@given(st.integers(0, 50), st.integers(1, 40), st.integers(0, 60), st.integers(1, 40))
def test_a_joined_text_is_the_documents(start: int, length: int, other: int, size: int) -> None:
    content = TEXT
    one, two = chunk(content, start, start + length), chunk(content, other, other + size, 1)
    made = joined(alone(two), alone(one), {})
    if made is None:
        assert start + length < other or other + size < start
    else:
        assert isinstance(made, Stretch)
        assert (made.start, made.end) == (min(start, other), max(start + length, other + size))
        assert made.text == content[made.start : made.end]
