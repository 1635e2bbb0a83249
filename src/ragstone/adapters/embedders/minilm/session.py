"""One ONNX Runtime session of the graph."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ragstone.domain.errors import ConfigurationError, EmbedderUnavailable
from ragstone.ports.embedder import Vectors


class Session:
    """Runs the graph on the calling thread alone; several threads may call at once.

    A run on one thread each needs no barriers within a run: it serves two texts on two cores faster than both cores
    serve one text after the other, and loses nothing to threads that spin where the cores have other work too. Raises
    ``ConfigurationError`` where ONNX Runtime does not load the graph.
    """

    def __init__(self, graph: Path) -> None:
        # Takes a tenth of a second to import, and a process may never embed.
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as errors

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # The graph is written as it is meant to run; the optimiser would fuse what is faster apart.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        # Texts come in every length, and a plan of the memory would be kept for each.
        options.enable_mem_pattern = False
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except (errors.Fail, errors.InvalidGraph, errors.InvalidProtobuf, errors.NotImplemented) as error:
            raise ConfigurationError(
                f"ONNX Runtime {onnxruntime.__version__} does not load {graph}: {error}.",
                remedy="Use the version of onnxruntime in constraints.txt, and remove the file.",
            ) from error
        self._run_failures = (errors.Fail, errors.RuntimeException)

    def run(self, ids: Sequence[Sequence[int]]) -> Vectors:
        """Return the unit vectors of texts that all have the same number of tokens.

        Raises ``EmbedderUnavailable`` where ONNX Runtime fails, as it does for want of memory.
        """
        try:
            (vectors,) = self._session.run(["vectors"], {"ids": np.array(ids, dtype=np.int32)})
        except self._run_failures as error:
            raise EmbedderUnavailable(f"ONNX Runtime failed: {error}.", remedy="Check the free memory.") from error
        return np.asarray(vectors, dtype=np.float32)
