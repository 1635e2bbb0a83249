"""The graph against the same network in plain NumPy, with small random weights."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ragstone.adapters.embedders.minilm.graph import DIMENSIONS, build
from ragstone.adapters.embedders.minilm.session import Session

Matrix = NDArray[np.float32]

LAYERS, HEADS, WORDS, POSITIONS, WIDE, EPSILON = 2, 12, 40, 300, 48, 1e-12
CONFIG: dict[str, Any] = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": DIMENSIONS,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "layer_norm_eps": EPSILON,
}


def random_weights() -> dict[str, Matrix]:
    random = np.random.default_rng(7)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (WORDS, DIMENSIONS),
        "embeddings.position_embeddings.weight": (POSITIONS, DIMENSIONS),
        "embeddings.token_type_embeddings.weight": (2, DIMENSIONS),
        "embeddings.LayerNorm.weight": (DIMENSIONS,),
        "embeddings.LayerNorm.bias": (DIMENSIONS,),
    }
    for layer in range(LAYERS):
        prefix = f"encoder.layer.{layer}"
        linears = {
            **{f"attention.self.{part}": (DIMENSIONS, DIMENSIONS) for part in ("query", "key", "value")},
            "attention.output.dense": (DIMENSIONS, DIMENSIONS),
            "intermediate.dense": (WIDE, DIMENSIONS),
            "output.dense": (DIMENSIONS, WIDE),
        }
        for name, shape in linears.items():
            shapes[f"{prefix}.{name}.weight"], shapes[f"{prefix}.{name}.bias"] = shape, shape[:1]
        for name in ("attention.output", "output"):
            shapes[f"{prefix}.{name}.LayerNorm.weight"] = shapes[f"{prefix}.{name}.LayerNorm.bias"] = (DIMENSIONS,)
    return {name: (random.standard_normal(shape) * 0.2).astype(np.float32) for name, shape in shapes.items()}


def normalised(weights: dict[str, Matrix], prefix: str, tokens: Matrix) -> Matrix:
    centred = tokens - tokens.mean(axis=-1, keepdims=True)
    scale = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPSILON)
    result: Matrix = centred / scale * weights[f"{prefix}.weight"] + weights[f"{prefix}.bias"]
    return result


def linear(weights: dict[str, Matrix], prefix: str, tokens: Matrix) -> Matrix:
    result: Matrix = tokens @ weights[f"{prefix}.weight"].T + weights[f"{prefix}.bias"]
    return result


def attended(weights: dict[str, Matrix], prefix: str, tokens: Matrix) -> Matrix:
    size = DIMENSIONS // HEADS
    query, key, value = (linear(weights, f"{prefix}.{part}", tokens) for part in ("query", "key", "value"))
    heads = []
    for head in range(HEADS):
        part = slice(head * size, (head + 1) * size)
        scores = np.exp(query[:, part] @ key[:, part].T / math.sqrt(size))
        heads.append(scores / scores.sum(axis=-1, keepdims=True) @ value[:, part])
    return np.concatenate(heads, axis=-1)


def reference(weights: dict[str, Matrix], ids: list[int]) -> Matrix:
    gelu = np.vectorize(lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2))))
    tokens: Matrix = (
        weights["embeddings.word_embeddings.weight"][ids]
        + weights["embeddings.position_embeddings.weight"][: len(ids)]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    tokens = normalised(weights, "embeddings.LayerNorm", tokens)
    for layer in range(LAYERS):
        prefix = f"encoder.layer.{layer}"
        seen = attended(weights, f"{prefix}.attention.self", tokens)
        seen = linear(weights, f"{prefix}.attention.output.dense", seen)
        tokens = normalised(weights, f"{prefix}.attention.output.LayerNorm", tokens + seen)
        wide = gelu(linear(weights, f"{prefix}.intermediate.dense", tokens))
        narrow = linear(weights, f"{prefix}.output.dense", wide)
        tokens = normalised(weights, f"{prefix}.output.LayerNorm", tokens + narrow)
    mean: Matrix = tokens.mean(axis=0)
    result: Matrix = mean / np.linalg.norm(mean)
    return result


@pytest.fixture(scope="module")
def weights() -> dict[str, Matrix]:
    return random_weights()


@pytest.fixture(scope="module")
def session(weights: dict[str, Matrix], tmp_path_factory: pytest.TempPathFactory) -> Session:
    return sessions(weights, tmp_path_factory.mktemp("graph"))[0]


def sessions(weights: dict[str, Matrix], folder: Path) -> tuple[Session, Session]:
    built = build(weights, CONFIG, "small.weights")
    (folder / "small.weights").write_bytes(b"".join(built.constants))
    (folder / "small.onnx").write_bytes(built.documents)
    (folder / "small.questions").write_bytes(built.questions)
    return Session(folder / "small.onnx"), Session(folder / "small.questions")


@pytest.mark.parametrize("tokens", [1, 2, 9, 64])
def test_computes_what_the_network_is(session: Session, weights: dict[str, Matrix], tokens: int) -> None:
    random = np.random.default_rng(tokens)
    ids = random.integers(0, WORDS, (3, tokens)).tolist()
    expected = np.stack([reference(weights, row) for row in ids])
    np.testing.assert_allclose(session.run(ids), expected, atol=1e-5)


def test_the_same_weights_give_the_same_bytes(weights: dict[str, Matrix]) -> None:
    first, second = (build(weights, CONFIG, "a.weights") for _ in range(2))
    assert (first.documents, first.questions) == (second.documents, second.questions)
    assert b"".join(first.constants) == b"".join(second.constants)


def eight_bits(weights: dict[str, Matrix]) -> dict[str, Matrix]:
    """Return the weights as the graph of questions has them: a scale for each column of a matrix, 255 steps."""
    rounded = dict(weights)
    for name, matrix in weights.items():
        if name.startswith("encoder") and matrix.ndim == 2:
            scales = np.abs(matrix).max(axis=1, keepdims=True) / 127
            rounded[name] = (np.rint(matrix / scales) * scales).astype(np.float32)
    return rounded


@pytest.mark.parametrize("tokens", [1, 2, 9, 64])
def test_the_graph_of_questions_is_the_same_network_in_eight_bits(
    weights: dict[str, Matrix], tmp_path: Path, tokens: int
) -> None:
    _, questions = sessions(weights, tmp_path)
    ids = np.random.default_rng(tokens).integers(0, WORDS, tokens).tolist()
    (vector,) = questions.run([ids])
    assert vector @ reference(eight_bits(weights), ids) > 0.999  # what is left is the rounding of the tokens
    assert vector @ reference(weights, ids) > 0.99


def test_a_column_of_zeros_stays_one(weights: dict[str, Matrix], tmp_path: Path) -> None:
    holed = {name: matrix.copy() for name, matrix in weights.items()}
    holed["encoder.layer.0.output.dense.weight"][5] = 0
    _, questions = sessions(holed, tmp_path)
    (vector,) = questions.run([[1, 2, 3]])
    assert vector @ reference(holed, [1, 2, 3]) > 0.99


@pytest.mark.parametrize(
    "change", [{"model_type": "roberta"}, {"hidden_act": "relu"}, {"hidden_size": 768}, {"hidden_act": None}]
)
def test_refuses_another_architecture(weights: dict[str, Matrix], change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        build(weights, {**CONFIG, **change}, "a.weights")


def test_refuses_weights_that_lack_a_layer(weights: dict[str, Matrix]) -> None:
    with pytest.raises(KeyError, match=r"layer\.2"):
        build(weights, {**CONFIG, "num_hidden_layers": LAYERS + 1}, "a.weights")
