"""The network of all-MiniLM-L6-v2 as an ONNX graph, written operator by operator from its weights.

BERT (Devlin et al. 2019) with 6 layers (MiniLM: Wang et al. 2020), then the mean over the tokens, scaled to length 1,
as sentence-transformers runs it.

    ids [texts, tokens] int32  ─▶  vectors [texts, 384] float32

All texts of one run have the same number of tokens, so that there is neither padding nor a mask.

Operators are ONNX Runtime's fused ones (domain ``com.microsoft``) where those are faster on a CPU. The large matrices
go to a file of their own, which ONNX Runtime maps into memory: of 47 MB of word embeddings only those pages are
resident that are read.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

OPSET, IR_VERSION = 18, 9
PAGE = 4096
DIMENSIONS = 384
MAX_TOKENS = 256

Matrix = NDArray[np.float32]
Weights = Mapping[str, Matrix]


class Constants:
    """The graph's constants: small ones in the model, large ones in the file beside it, each on its own page."""

    def __init__(self, location: str) -> None:
        self.protos: list[TensorProto] = []
        self._location = location
        self._large: list[Matrix] = []
        self._end = 0

    def add(self, name: str, values: Matrix) -> str:
        """Take a constant in; return its name."""
        values = np.ascontiguousarray(values, dtype=np.float32)
        proto = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=values.shape)
        if values.nbytes < PAGE:
            proto.raw_data = values.tobytes()
        else:
            self._place(proto, values)
        self.protos.append(proto)
        return name

    def pieces(self) -> Iterator[memoryview | bytes]:
        """Yield the contents of the file beside the model."""
        for values in self._large:
            yield values.data
            yield bytes(-values.nbytes % PAGE)

    def _place(self, proto: TensorProto, values: Matrix) -> None:
        proto.data_location = TensorProto.EXTERNAL
        place = {"location": self._location, "offset": str(self._end), "length": str(values.nbytes)}
        for key, value in place.items():
            proto.external_data.add(key=key, value=value)
        self._large.append(values)
        self._end += values.nbytes + -values.nbytes % PAGE


class Graph:
    """The operators, in the order they run. Each method appends a part and returns the name of its output."""

    def __init__(self, weights: Weights, *, heads: int, epsilon: float, location: str) -> None:
        self._weights, self._heads, self._epsilon = weights, heads, epsilon
        self._nodes: list[onnx.NodeProto] = []
        self.constants = Constants(location)

    def embeddings(self) -> str:
        """Look up words and positions, add, normalise."""
        prefix = "embeddings"
        # A text stands alone and is all of type 0, so that type's embedding can join every position's.
        positions = self._weights[f"{prefix}.position_embeddings.weight"][:MAX_TOKENS]
        positions = positions + self._weights[f"{prefix}.token_type_embeddings.weight"][0]
        words = self._weight(f"{prefix}.word_embeddings.weight")
        inputs = ["ids", "", words, self.constants.add("positions", positions), "", *self._norm(prefix)]
        outputs = ["embedded", "unused mask"]
        return self._append("EmbedLayerNormalization", inputs, *outputs, fused=True, epsilon=self._epsilon)

    def attention(self, layer: int, tokens: str) -> str:
        """Let each token look at all others; add what it sees to it; normalise."""
        prefix = f"encoder.layer.{layer}.attention"
        parts = [f"{prefix}.self.{part}" for part in ("query", "key", "value")]
        packed = np.concatenate([self._weights[f"{part}.weight"].T for part in parts], axis=1)
        bias = np.concatenate([self._weights[f"{part}.bias"] for part in parts])
        inputs = [tokens, self.constants.add(f"{prefix}.qkv", packed), self.constants.add(f"{prefix}.qkv.bias", bias)]
        seen = self._append("Attention", inputs, f"{prefix}.seen", fused=True, num_heads=self._heads)
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
        self.constants.protos.append(helper.make_tensor("axes", TensorProto.INT64, [1], [1]))
        mean = self._append("ReduceMean", [tokens, "axes"], "mean", keepdims=0)
        return self._append("LpNormalization", [mean], "vectors", axis=-1, p=2)

    def model(self) -> onnx.ModelProto:
        """Return the whole as a model."""
        body = helper.make_graph(
            self._nodes,
            "all-MiniLM-L6-v2",
            [helper.make_tensor_value_info("ids", TensorProto.INT32, ["texts", "tokens"])],
            [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", DIMENSIONS])],
            self.constants.protos,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(body, opset_imports=opsets, ir_version=IR_VERSION, producer_name="ragstone")

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
        matrix = self.constants.add(f"{prefix}.weight", self._weights[f"{prefix}.weight"].T)
        return self._append("MatMul", [tokens, matrix], prefix)

    def _norm(self, prefix: str) -> list[str]:
        return [self._weight(f"{prefix}.LayerNorm.{part}") for part in ("weight", "bias")]

    def _weight(self, name: str) -> str:
        return self.constants.add(name, self._weights[name])

    def _append(self, operator: str, inputs: list[str], *outputs: str, fused: bool = False, **attributes: Any) -> str:
        domain = "com.microsoft" if fused else ""
        self._nodes.append(helper.make_node(operator, inputs, list(outputs), domain=domain, **attributes))
        return outputs[0]


def build(weights: Weights, config: Mapping[str, Any], location: str) -> tuple[bytes, Iterator[memoryview | bytes]]:
    """Return the model, and the contents of the file named ``location`` that must lie beside it.

    ``config`` is the model's ``config.json``. The same input gives the same bytes. Raises ``KeyError`` or
    ``ValueError`` for the weights or the configuration of another architecture.
    """
    for key, value in {"model_type": "bert", "hidden_act": "gelu", "hidden_size": DIMENSIONS}.items():
        if config[key] != value:
            raise ValueError(f"its {key} is {config[key]!r} instead of {value!r}")
    heads, epsilon = int(config["num_attention_heads"]), float(config["layer_norm_eps"])
    graph = Graph(weights, heads=heads, epsilon=epsilon, location=location)
    tokens = graph.embeddings()
    for layer in range(int(config["num_hidden_layers"])):
        tokens = graph.attention(layer, tokens)
        tokens = graph.feed_forward(layer, tokens)
    graph.pooling(tokens)
    return graph.model().SerializeToString(deterministic=True), graph.constants.pieces()
