"""all-MiniLM-L6-v2 on ONNX Runtime, from its published weights, without torch."""

from ragstone.adapters.embedders.minilm.embedder import MiniLM

__all__ = ["MiniLM"]
