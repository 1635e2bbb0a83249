from hypothesis import given
from hypothesis import strategies as st

from ragstone.adapters.embedders.minilm.batches import TOKENS_PER_RUN, same_length_batches

LENGTHS = st.lists(st.integers(min_value=2, max_value=256), max_size=80)


@given(LENGTHS)
def test_every_text_runs_once_with_others_of_its_length_within_the_budget(lengths: list[int]) -> None:
    ids = [[row] * length for row, length in enumerate(lengths)]
    batches = same_length_batches(ids)
    assert sorted(row for batch in batches for row in batch.rows) == list(range(len(lengths)))
    for batch in batches:
        assert batch.ids == [ids[row] for row in batch.rows]
        assert len({len(text) for text in batch.ids}) == 1
        assert len(batch.ids) == 1 or sum(map(len, batch.ids)) <= TOKENS_PER_RUN


@given(LENGTHS)
def test_the_longest_texts_come_first(lengths: list[int]) -> None:
    batches = same_length_batches([[0] * length for length in lengths])
    longest = [len(batch.ids[0]) for batch in batches]
    assert longest == sorted(longest, reverse=True)


def test_short_texts_of_one_length_share_runs() -> None:
    batches = same_length_batches([[7] * 8] * 100)
    assert [len(batch.rows) for batch in batches] == [32, 32, 32, 4]
