"""One ONNX Runtime session of the graph."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ragstone.ports.embedder import Vectors


class Session:
    """Runs the graph on the calling thread alone. Safe to call from several threads at once."""

    def __init__(self, graph: Path) -> None:
        # Takes a tenth of a second to import, and a process may never embed.
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Texts come in every length, and a plan would be kept for each.
        options.enable_mem_pattern = False
        # The graph is written as it is meant to run; the optimiser would fuse what runs faster apart.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def run(self, ids: Sequence[Sequence[int]]) -> Vectors:
        """Return the unit vectors of texts that all have the same number of tokens."""
        (vectors,) = self._session.run(["vectors"], {"ids": np.array(ids, dtype=np.int32)})
        return np.asarray(vectors, dtype=np.float32)
