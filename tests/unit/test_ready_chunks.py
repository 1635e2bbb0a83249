"""Ready-made chunks that are too long for the model are refused by their beginning."""

from collections.abc import Sequence

import pytest

from ragstone.domain.errors import RagstoneError
from ragstone.ingest.importing import count_tokens
from ragstone.ingest.intake import ReadyChunk
from ragstone.ports.embedder import ModelInput


class Counting:
    """Takes each word for a token, and notes how much it was given."""

    def __init__(self) -> None:
        self.characters = 0

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        self.characters += len(text)
        return [(0, 0)] * len(text.split())


@pytest.fixture
def tokenizer() -> Counting:
    return Counting()


def model_input(tokenizer: Counting) -> ModelInput:
    return ModelInput("test", tokenizer, 100)


def test_millions_of_characters_are_refused_by_the_first_thousands(tokenizer: Counting) -> None:
    with pytest.raises(RagstoneError, match=r"more than \d+ tokens; the embedding model takes 100"):
        count_tokens(model_input(tokenizer), [ReadyChunk("stone " * 1_000_000)])
    assert tokenizer.characters < 10_000


@pytest.mark.parametrize("text", ["stone " * 100, "stone" + " " * 50_000 + "slate", "x" * 50_000, "\n" * 20_000 + "a"])
def test_what_fits_is_counted_whole(tokenizer: Counting, text: str) -> None:
    assert count_tokens(model_input(tokenizer), [ReadyChunk(text)]) == [len(text.split())]


def test_what_is_a_little_too_long_is_told_exactly(tokenizer: Counting) -> None:
    with pytest.raises(RagstoneError, match="has 101 tokens; the embedding model takes 100"):
        count_tokens(model_input(tokenizer), [ReadyChunk("stone " * 101)])
