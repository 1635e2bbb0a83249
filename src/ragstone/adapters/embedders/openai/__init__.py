"""Embeddings by OpenAI's protocol over HTTP: OpenAI itself, Ollama, Text Embeddings Inference, vLLM."""

from ragstone.adapters.embedders.openai.embedder import OpenAIEmbedder

__all__ = ["OpenAIEmbedder"]
