"""The network of all-MiniLM-L6-v2 as an ONNX graph, written operator by operator from its weights.

BERT (Devlin et al. 2019) with 6 layers (MiniLM: Wang et al. 2020), then the mean over the tokens, scaled to length 1,
as sentence-transformers runs it.

    ids [texts, tokens] int32  ─▶  vectors [texts, 384] float32

All texts of one run have the same number of tokens, so that there is neither padding nor a mask.

Operators are ONNX Runtime's fused ones (domain ``com.microsoft``) where those are faster on a CPU. The large matrices
go to a file of their own, which ONNX Runtime maps into memory: of 47 MB of word embeddings only those pages are
resident that are read.

There are two graphs of the same weights, and one such file for both. A run of many texts is bound by arithmetic, a run
of one short question by reading 42 MB of matrices; the graph for questions has them in 8 bits.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

OPSET, IR_VERSION = 18, 9
PAGE = 4096
DIMENSIONS = 384
MAX_TOKENS = 256
_LARGEST = 127
"""Of 8 bits with a sign, and the same on both sides of zero."""

Matrix = NDArray[np.float32]
Weights = Mapping[str, Matrix]


class Constants:
    """The large constants of all graphs, each once and on its own page of the file that lies beside the models."""

    def __init__(self, location: str) -> None:
        self._location = location
        self._large: dict[str, tuple[NDArray[Any], int]] = {}
        self._end = 0

    def proto(self, name: str, values: NDArray[Any]) -> TensorProto:
        """Return the constant as a graph names it, a small one with its values."""
        proto = TensorProto(name=name, data_type=helper.np_dtype_to_tensor_dtype(values.dtype), dims=values.shape)
        if values.nbytes < PAGE:
            proto.raw_data = values.tobytes()
        else:
            self._place(proto, values)
        return proto

    def pieces(self) -> Iterator[memoryview | bytes]:
        """Yield the contents of the file."""
        for values, _ in self._large.values():
            yield values.data
            yield bytes(-values.nbytes % PAGE)

    def _place(self, proto: TensorProto, values: NDArray[Any]) -> None:
        if proto.name not in self._large:
            self._large[proto.name] = values, self._end
            self._end += values.nbytes + -values.nbytes % PAGE
        _, offset = self._large[proto.name]
        proto.data_location = TensorProto.EXTERNAL
        place = {"location": self._location, "offset": str(offset), "length": str(values.nbytes)}
        for key, value in place.items():
            proto.external_data.add(key=key, value=value)


class Graph:
    """The operators, in the order they run. Each method appends a part and returns the name of its output."""

    def __init__(self, weights: Weights, constants: Constants, *, heads: int, epsilon: float) -> None:
        self._weights, self._heads, self._epsilon = weights, heads, epsilon
        self._constants = constants
        self._nodes: list[onnx.NodeProto] = []
        self._protos: list[TensorProto] = []

    def embeddings(self) -> str:
        """Look up words and positions, add, normalise."""
        prefix = "embeddings"
        # A text stands alone and is all of type 0, so that type's embedding can join every position's.
        positions = self._weights[f"{prefix}.position_embeddings.weight"][:MAX_TOKENS]
        positions = positions + self._weights[f"{prefix}.token_type_embeddings.weight"][0]
        words = self._weight(f"{prefix}.word_embeddings.weight")
        inputs = ["ids", "", words, self._constant("positions", positions), "", *self._norm(prefix)]
        outputs = ["embedded", "unused mask"]
        return self._append("EmbedLayerNormalization", inputs, *outputs, fused=True, epsilon=self._epsilon)

    def attention(self, layer: int, tokens: str) -> str:
        """Let each token look at all others; add what it sees to it; normalise."""
        prefix = f"encoder.layer.{layer}.attention"
        parts = [f"{prefix}.self.{part}" for part in ("query", "key", "value")]
        packed = np.concatenate([self._weights[f"{part}.weight"].T for part in parts], axis=1)
        bias = self._constant(f"{prefix}.qkv.bias", np.concatenate([self._weights[f"{part}.bias"] for part in parts]))
        seen = self._seen(prefix, tokens, packed, bias)
        return self._add_and_normalise(f"{prefix}.output", seen, tokens)

    def feed_forward(self, layer: int, tokens: str) -> str:
        """Widen each token, activate, narrow; add the outcome to it; normalise."""
        prefix = f"encoder.layer.{layer}"
        widened = self._multiply(f"{prefix}.intermediate.dense", tokens)
        bias = self._weight(f"{prefix}.intermediate.dense.bias")
        # The exact GELU, by the error function: the one that the model was trained with.
        active = self._append("BiasGelu", [widened, bias], f"{prefix}.active", fused=True)
        return self._add_and_normalise(f"{prefix}.output", active, tokens)

    def pooling(self, tokens: str) -> str:
        """Take the mean over the tokens, at length 1."""
        axes = self._constant("axes", np.array([1]))
        mean = self._append("ReduceMean", [tokens, axes], "mean", keepdims=0)
        return self._append("LpNormalization", [mean], "vectors", axis=-1, p=2)

    def model(self) -> bytes:
        """Return the whole as a model's file."""
        body = helper.make_graph(
            self._nodes,
            "all-MiniLM-L6-v2",
            [helper.make_tensor_value_info("ids", TensorProto.INT32, ["texts", "tokens"])],
            [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", DIMENSIONS])],
            self._protos,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
        whole = helper.make_model(body, opset_imports=opsets, ir_version=IR_VERSION, producer_name="ragstone")
        return bytes(whole.SerializeToString(deterministic=True))

    def _seen(self, prefix: str, tokens: str, packed: Matrix, bias: str) -> str:
        """Return what each token sees: ``packed`` makes queries, keys and values of the tokens, side by side."""
        inputs = [tokens, self._constant(f"{prefix}.qkv", packed), bias]
        return self._append("Attention", inputs, f"{prefix}.seen", fused=True, num_heads=self._heads)

    def _add_and_normalise(self, prefix: str, new: str, old: str) -> str:
        """Project ``new``, add it to ``old``, normalise.

        ONNX Runtime has one operator for the two last steps, SkipLayerNormalization, which takes six times as long on a
        CPU as these three (385 against 60 microseconds for 200 tokens; ONNX Runtime 1.31).
        """
        projected = self._multiply(f"{prefix}.dense", new)
        biased = self._append("Add", [projected, self._weight(f"{prefix}.dense.bias")], f"{prefix}.biased")
        added = self._append("Add", [biased, old], f"{prefix}.added")
        return self._append("LayerNormalization", [added, *self._norm(prefix)], prefix, epsilon=self._epsilon)

    def _multiply(self, prefix: str, tokens: str) -> str:
        """Multiply by the matrix of a torch ``Linear``, which lies transposed; the bias is left to what follows."""
        return self._product(prefix, tokens, self._weights[f"{prefix}.weight"].T)

    def _product(self, prefix: str, tokens: str, matrix: Matrix) -> str:
        """Multiply each token by a matrix of shape ``(in, out)``."""
        return self._append("MatMul", [tokens, self._constant(f"{prefix}.weight", matrix)], prefix)

    def _norm(self, prefix: str) -> list[str]:
        return [self._weight(f"{prefix}.LayerNorm.{part}") for part in ("weight", "bias")]

    def _weight(self, name: str) -> str:
        return self._constant(name, self._weights[name])

    def _constant(self, name: str, values: NDArray[Any]) -> str:
        """Take a constant in; return its name."""
        self._protos.append(self._constants.proto(name, np.ascontiguousarray(values)))
        return name

    def _append(self, operator: str, inputs: list[str], *outputs: str, fused: bool = False, **attributes: Any) -> str:
        domain = "com.microsoft" if fused else ""
        self._nodes.append(helper.make_node(operator, inputs, list(outputs), domain=domain, **attributes))
        return outputs[0]


class QuestionGraph(Graph):
    """The same network with matrices in 8 bits, a scale for each column; tokens become 8 bits as they are multiplied.

    What it gives a question has a cosine of 0.995 with what ``Graph`` gives it (0.987 at least, of 300), for a third of
    the time (1.6 against 4.5 ms; ONNX Runtime 1.31 on a core with AVX-512 VNNI).
    """

    def _seen(self, prefix: str, tokens: str, packed: Matrix, bias: str) -> str:
        # The operator that does all of it at once, QAttention, wants tokens that are in 8 bits already.
        parts = [f"{prefix}.{part}" for part in ("queries", "keys", "values")]
        width = self._constant(f"{prefix}.width", np.array([DIMENSIONS] * 3))
        self._append("Split", [self._product(f"{prefix}.qkv", tokens, packed), width], *parts, axis=-1)
        return self._append("MultiHeadAttention", [*parts, bias], f"{prefix}.seen", fused=True, num_heads=self._heads)

    def _product(self, prefix: str, tokens: str, matrix: Matrix) -> str:
        scales = np.maximum(np.abs(matrix).max(axis=0), np.finfo(np.float32).tiny) / np.float32(_LARGEST)
        rounded = np.rint(matrix / scales).astype(np.int8)
        inputs = {"int8": rounded, "scales": scales, "zeros": np.zeros(len(scales), dtype=np.int8)}
        names = [self._constant(f"{prefix}.weight.{part}", values) for part, values in inputs.items()]
        return self._append("DynamicQuantizeMatMul", [tokens, *names], prefix, fused=True)


@dataclass(frozen=True, slots=True)
class Built:
    """The two models as files, and the contents of the file that must lie beside them."""

    documents: bytes
    questions: bytes
    constants: Iterator[memoryview | bytes]


def build(weights: Weights, config: Mapping[str, Any], location: str) -> Built:
    """Return both graphs, whose constants are to lie in a file named ``location``.

    ``config`` is the model's ``config.json``. The same input gives the same bytes. Raises ``KeyError`` or
    ``ValueError`` for the weights or the configuration of another architecture.
    """
    for key, value in {"model_type": "bert", "hidden_act": "gelu", "hidden_size": DIMENSIONS}.items():
        if config[key] != value:
            raise ValueError(f"its {key} is {config[key]!r} instead of {value!r}")
    constants = Constants(location)
    documents, questions = (_network(kind, weights, config, constants) for kind in (Graph, QuestionGraph))
    return Built(documents, questions, constants.pieces())


def _network(kind: type[Graph], weights: Weights, config: Mapping[str, Any], constants: Constants) -> bytes:
    heads, epsilon = int(config["num_attention_heads"]), float(config["layer_norm_eps"])
    graph = kind(weights, constants, heads=heads, epsilon=epsilon)
    tokens = graph.embeddings()
    for layer in range(int(config["num_hidden_layers"])):
        tokens = graph.attention(layer, tokens)
        tokens = graph.feed_forward(layer, tokens)
    graph.pooling(tokens)
    return graph.model()
