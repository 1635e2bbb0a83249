from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from ragstone.domain.answers import Context
from ragstone.domain.documents import Chunk
from ragstone.domain.ids import new_id
from ragstone.domain.queries import Hit
from ragstone.retrieve.packing import pack

ONE, TWO = UUID(int=1), UUID(int=2)
TEXT = "Alpha is first of all here. Beta comes second in line. Gamma is the third letter. Delta ends this short list."
SENTENCES = [*(TEXT.index(word) for word in ("Alpha", "Beta", "Gamma", "Delta")), len(TEXT)]


def hit(content: str, start: int = 0, end: int | None = None, document: UUID = ONE) -> Hit:
    end = len(content) if end is None else end
    chunk = Chunk(id=new_id(), ordinal=0, text=content[start:end], start=start, end=end, token_count=0)
    return Hit(chunk, document, "Title", "a.md", "default", score=0.0, legs={})


def words(text: str) -> int:
    return len(text.split())


def packed(*hits: Hit, budget: int = 1000, passages: int = 10) -> Context:
    return pack(hits, budget_tokens=budget, max_passages=passages, count_tokens=words)


def texts(context: Context) -> list[str]:
    return [passage.hit.chunk.text for passage in context.passages]


def test_numbers_from_one_in_the_order_given() -> None:
    hits = [hit("The first text.", document=ONE), hit("The second text.", document=TWO)]
    context = packed(*hits)
    assert [(passage.n, passage.hit, passage.tokens) for passage in context.passages] == [
        (1, hits[0], 3),
        (2, hits[1], 3),
    ]
    assert context.cut == ()


def test_what_goes_over_the_budget_is_cut_and_what_still_fits_is_not() -> None:
    first, long, short = hit("one two three"), hit("word " * 50, document=TWO), hit("four five", document=UUID(int=3))
    context = packed(first, long, short, budget=5)
    assert texts(context) == ["one two three", "four five"]
    assert context.cut == (long,)


def test_no_more_passages_than_allowed() -> None:
    hits = [hit(f"Text number {n}.", document=UUID(int=n + 1)) for n in range(5)]
    context = packed(*hits, passages=2)
    assert len(context.passages) == 2
    assert context.cut == tuple(hits[2:])


def test_the_same_text_in_two_documents_folds() -> None:
    other = hit("Alpha  is\nFIRST.", document=TWO)
    context = packed(hit("Alpha is first."), other)
    assert texts(context) == ["Alpha is first."]
    assert context.cut == (other,)


def test_of_an_overlapping_chunk_only_what_is_new_is_packed() -> None:
    first, second = hit(TEXT, SENTENCES[0], SENTENCES[2] - 1), hit(TEXT, SENTENCES[1], SENTENCES[3] - 1)
    context = packed(first, second)
    assert texts(context)[1] == "Gamma is the third letter."
    chunk = context.passages[1].hit.chunk
    assert TEXT[chunk.start : chunk.end] == chunk.text
    assert chunk.id == second.chunk.id


def test_a_chunk_before_a_packed_one_keeps_its_beginning() -> None:
    later, earlier = hit(TEXT, SENTENCES[1], SENTENCES[3] - 1), hit(TEXT, SENTENCES[0], SENTENCES[2] - 1)
    assert texts(packed(later, earlier))[1] == "Alpha is first of all here."


def test_a_sentence_cut_by_a_chunks_end_is_packed_whole_from_the_next() -> None:
    cut_off = hit(TEXT, 0, SENTENCES[1] + 10)
    following = hit(TEXT, SENTENCES[1], SENTENCES[3] - 1)
    assert texts(packed(cut_off, following))[1] == "Beta comes second in line. Gamma is the third letter."


def test_a_chunk_within_a_packed_one_is_cut() -> None:
    inner = hit(TEXT, SENTENCES[1], SENTENCES[2] - 1)
    context = packed(hit(TEXT), inner)
    assert texts(context) == [TEXT]
    assert context.cut == (inner,)


def test_the_best_hit_is_shortened_to_whole_sentences() -> None:
    assert texts(packed(hit(TEXT), budget=12)) == ["Alpha is first of all here. Beta comes second in line."]
    assert texts(packed(hit(TEXT), budget=1)) == ["Alpha is first of all here."]


def test_nothing_found_packs_nothing() -> None:
    assert packed() == Context((), ())


@given(
    st.lists(st.tuples(st.integers(0, len(TEXT) - 1), st.integers(1, 60)), max_size=8),
    st.integers(1, 60),
    st.integers(1, 8),
)
def test_every_passage_is_verbatim_and_within_the_limits(
    spans: list[tuple[int, int]], budget: int, passages: int
) -> None:
    hits = [hit(TEXT, start, min(len(TEXT), start + length)) for start, length in spans]
    context = packed(*hits, budget=budget, passages=passages)
    for passage in context.passages:
        chunk = passage.hit.chunk
        assert TEXT[chunk.start : chunk.end] == chunk.text
        assert passage.tokens == words(chunk.text)
    assert len(context.passages) <= passages
    assert sum(passage.tokens for passage in context.passages[1:]) <= budget
    assert len(context.passages) + len(context.cut) == len(hits)
    assert bool(context.passages) == bool(hits)
