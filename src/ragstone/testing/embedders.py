"""What every ``Embedder`` must do, and a small one for tests that are not about meaning."""

import asyncio
import re
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pytest

from ragstone.ports.embedder import Embedder, EmbeddingModel, ModelInput, Vectors

_PIECE = re.compile(r"\w+|[^\w\s]")
_MAX_TOKENS = 256

TEXTS = (
    "The swift sleeps while it flies.",
    "A dependency with yield runs its exit code after the response is sent.",
    "Kurz.",
    "Ünïcödé: cafe\u0301, İstanbul, ﬁne, naïve",
    "日本語のテキストと 한국어 각 and العربية and हिन्दी",
    "😀 family 👨‍👩‍👧 flags 🇩🇪",
    "zero\u200bwidth, nul\x00, soft\u00adhyphen, \ufeffmark",
    "half of a pair: \ud800.",
    "def f(x: int) -> dict[str, list[int]]:\n    return {'a': [x] * 3}\n",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "   \n\t ",
    "",
)


class PieceTokenizer:
    """Words and single marks as tokens."""

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        """Return ``(start, end)`` of each token in code points, in order."""
        return [piece.span() for piece in _PIECE.finditer(text)]


class HashingEmbedder:
    """A deterministic embedder without a model: texts are near each other where they share words or parts of words.

    Words and their trigrams are counted into ``dimensions`` buckets with a sign, both by their CRC-32 (feature hashing,
    Weinberger et al. 2009), so that it finds what shares words with the question, and nothing else.
    """

    def __init__(self, *, dimensions: int = 64) -> None:
        self._model = EmbeddingModel("ragstone/hashing", f"1-{dimensions}d", dimensions, _MAX_TOKENS)
        self._tokenizer = PieceTokenizer()

    @property
    def model(self) -> EmbeddingModel:
        """Says how many dimensions it has."""
        return self._model

    @property
    def tokenizer(self) -> PieceTokenizer:
        """Words and single marks."""
        return self._tokenizer

    async def input(self) -> ModelInput:
        """Return what it reads: words and single marks."""
        return ModelInput(self._model.name, self._tokenizer, _MAX_TOKENS)

    async def warm(self) -> None:
        """Do nothing: there is nothing to load."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors of shape ``(len(texts), dimensions)``."""
        vectors = np.zeros((len(texts), self._model.dimensions), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            # Too little to matter, and enough that no text, not even an empty one, has the length 0.
            row[0] = 1e-3
            for feature, weight in self._features(text):
                checksum = zlib.crc32(feature.encode("utf-8", "surrogatepass"))
                row[checksum % len(row)] += weight if checksum & 1 << 31 else -weight
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)

    async def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Return the same as ``embed``."""
        return await self.embed(texts)

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def _features(self, text: str) -> Iterator[tuple[str, float]]:
        for start, end in self._tokenizer.spans(text)[:_MAX_TOKENS]:
            word = text[start:end].lower()
            yield word, 1.0
            for first in range(len(word) - 2):
                yield word[first : first + 3], 0.25


class EmbedderConformance:
    """Inherit, and override ``embedder``."""

    @pytest.fixture
    def embedder(self) -> Embedder:
        raise NotImplementedError

    async def test_rows_are_unit_vectors_of_the_models_dimensions(self, embedder: Embedder) -> None:
        await embedder.warm()
        vectors = await embedder.embed(TEXTS)
        assert vectors.dtype == np.float32
        assert vectors.shape == (len(TEXTS), embedder.model.dimensions)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)

    async def test_the_model_says_what_space_it_is(self, embedder: Embedder) -> None:
        await embedder.warm()
        model = embedder.model
        assert model.name
        assert model.version
        assert model.dimensions > 0
        assert model.max_tokens > 0
        assert embedder.model == model

    async def test_the_input_is_known_before_and_does_not_change(self, embedder: Embedder) -> None:
        read_by = await embedder.input()
        await embedder.warm()
        assert (read_by.name, read_by.max_tokens) == (embedder.model.name, embedder.model.max_tokens)
        assert read_by.tokenizer.spans(TEXTS[0]) == embedder.tokenizer.spans(TEXTS[0])

    async def test_no_texts_no_rows(self, embedder: Embedder) -> None:
        await embedder.warm()
        assert (await embedder.embed([])).shape == (0, embedder.model.dimensions)

    async def test_the_same_text_has_the_same_vector_alone_in_a_batch_and_in_another_order(
        self, embedder: Embedder
    ) -> None:
        together = await embedder.embed(TEXTS)
        backwards = await embedder.embed(TEXTS[::-1])
        np.testing.assert_allclose(backwards[::-1], together, atol=1e-4)
        for text, vector in zip(TEXTS, together, strict=True):
            np.testing.assert_allclose((await embedder.embed([text]))[0], vector, atol=1e-4)

    async def test_questions_lie_in_the_space_of_the_texts(self, embedder: Embedder) -> None:
        assert (await embedder.embed_questions([])).shape == (0, embedder.model.dimensions)
        texts, questions = await embedder.embed(TEXTS), await embedder.embed_questions(TEXTS)
        assert questions.shape == texts.shape
        assert questions.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(questions, axis=1), 1.0, atol=1e-5)
        near = questions @ texts.T
        for row, text in enumerate(TEXTS):
            assert near[row, row] >= near[row].max() - 1e-5, text

    async def test_a_large_batch_keeps_its_order(self, embedder: Embedder) -> None:
        texts = [f"{'word ' * (number % 17)}number {number}" for number in range(300)]
        vectors = await embedder.embed(texts)
        for number in (0, 1, 16, 150, 299):
            np.testing.assert_allclose((await embedder.embed([texts[number]]))[0], vectors[number], atol=1e-4)

    async def test_is_deterministic(self, embedder: Embedder) -> None:
        first, second = await embedder.embed(TEXTS), await embedder.embed(TEXTS)
        np.testing.assert_allclose(first, second, atol=1e-6)

    async def test_texts_that_share_words_are_nearer_than_texts_that_do_not(self, embedder: Embedder) -> None:
        question, near, far = await embedder.embed(
            ["how does the swift sleep", "the swift can sleep", "tungsten melts at 3422 degrees Celsius"]
        )
        assert question @ near > question @ far + 0.1

    async def test_what_lies_beyond_max_tokens_does_not_count(self, embedder: Embedder) -> None:
        await embedder.warm()
        full = "swift " * embedder.model.max_tokens
        vectors = await embedder.embed([f"{full} tungsten", f"{full} insects in the air", "swift tungsten"])
        np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-4)
        assert vectors[0] @ vectors[2] < 0.999

    async def test_calls_at_the_same_time_do_not_disturb_each_other(self, embedder: Embedder) -> None:
        alone = await embedder.embed(TEXTS)
        together = await asyncio.gather(*(embedder.embed(TEXTS[number:]) for number in range(len(TEXTS))))
        for number, vectors in enumerate(together):
            np.testing.assert_allclose(vectors, alone[number:], atol=1e-4)

    @pytest.mark.parametrize("text", TEXTS)
    async def test_spans_cover_the_text_in_order(self, embedder: Embedder, text: str) -> None:
        await embedder.warm()
        check_spans(text, embedder.tokenizer.spans(text))

    @pytest.mark.parametrize("text", TEXTS)
    async def test_what_follows_white_space_changes_no_token_before_it(self, embedder: Embedder, text: str) -> None:
        await embedder.warm()
        spans = list(embedder.tokenizer.spans(text))
        for place in (place for place, character in enumerate(text) if character.isspace()):
            assert list(embedder.tokenizer.spans(text[:place])) == [span for span in spans if span[0] < place]

    async def test_spans_do_not_end_at_max_tokens(self, embedder: Embedder) -> None:
        await embedder.warm()
        words = embedder.model.max_tokens * 2
        text = "swift " * words
        spans = embedder.tokenizer.spans(text)
        assert len(spans) >= words
        assert spans[-1][1] == len(text) - 1


def check_spans(text: str, spans: Sequence[tuple[int, int]]) -> None:
    """Assert that spans lie in ``text``, run in order, and leave no letter or digit out."""
    assert all(0 <= start < end <= len(text) for start, end in spans)
    for (start, end), (next_start, next_end) in pairwise(spans):
        assert start <= next_start
        assert end <= next_end
        # Two tokens share a character only where they are pieces of one and the same.
        assert end <= next_start or (start, end) == (next_start, next_end)
    covered = {position for start, end in spans for position in range(start, end)}
    missed = {character for position, character in enumerate(text) if position not in covered and character.isalnum()}
    assert not missed
