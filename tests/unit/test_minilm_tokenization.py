from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragstone.adapters.embedders.minilm.tokenization import MAX_TOKENS, WordPiece
from ragstone.adapters.embedders.minilm.weights import TOKENIZER, find_weights
from ragstone.domain.errors import ConfigurationError
from ragstone.testing.embedders import check_spans

FOLDER = find_weights(None)
WORDPIECE = WordPiece(FOLDER / TOKENIZER) if FOLDER else None

pytestmark = pytest.mark.skipif(WORDPIECE is None, reason="needs the weights of all-MiniLM-L6-v2")

LETTERS = st.characters(exclude_categories=["Cs", "Cn", "Co"])
MIXED = st.lists(
    st.one_of(
        st.text(LETTERS, max_size=8),
        st.sampled_from(
            ["cafe\u0301", "naïve", "日本語", "각", "😀👨‍👩‍👧", "ﬁ", "İ", "\u200b", "\x00", " ", "\n\n", "x" * 120]
        ),
    ),
    max_size=12,
).map("".join)


@pytest.fixture
def wordpiece() -> WordPiece:
    assert WORDPIECE is not None
    return WORDPIECE


@given(MIXED)
def test_spans_cover_any_text_in_order(text: str) -> None:
    assert WORDPIECE is not None
    spans = WORDPIECE.spans(text)
    check_spans(text, spans)
    assert min(len(spans), MAX_TOKENS - 2) == len(WORDPIECE.ids([text])[0]) - 2


@given(MIXED, MIXED)
def test_spans_are_code_points_wherever_the_text_stands(before: str, text: str) -> None:
    """White space keeps words apart, so what stands before moves the spans and changes nothing else."""
    assert WORDPIECE is not None
    moved = WORDPIECE.spans(f"{before} \n {text}")
    shift = len(before) + 3
    alone = [(start + shift, end + shift) for start, end in WORDPIECE.spans(text)]
    assert list(moved)[len(moved) - len(alone) :] == alone


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The café closes.", ["The", "café", "closes", "."]),
        ("a cafe\u0301 b", ["a", "cafe\u0301", "b"]),
        ("日本 x", ["日", "本", "x"]),
        ("go 😀👍 on", ["go", "😀👍", "on"]),
        ("\u0301ab \x00cd\x00", ["\u0301ab", "\x00cd\x00"]),
        ("각", ["각", "각", "각"]),
        (" \t\n", []),
        ("", []),
    ],
)
def test_spans_of(wordpiece: WordPiece, text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in wordpiece.spans(text)] == words


def test_a_text_is_cut_with_its_special_tokens_in_place(wordpiece: WordPiece) -> None:
    short, long = wordpiece.ids(["swift", "swift " * 1000])
    assert len(long) == MAX_TOKENS
    assert (short[0], short[-1]) == (long[0], long[-1])
    assert len(short) == 3


def test_a_file_that_is_no_tokenizer_is_named(tmp_path: Path) -> None:
    path = tmp_path / TOKENIZER
    path.write_text("{}")
    with pytest.raises(ConfigurationError, match="not a tokenizer"):
        WordPiece(path)
    with pytest.raises(ConfigurationError, match="not a tokenizer"):
        WordPiece(tmp_path / "absent.json")
