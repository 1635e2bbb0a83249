"""Rerankers behind an HTTP endpoint: Cohere's shape, Jina's (also of vLLM, Infinity, llama.cpp), and TEI's."""

from ragstone.adapters.rerankers.http.reranker import HttpReranker
from ragstone.adapters.rerankers.http.shapes import COHERE, JINA, TEI

__all__ = ["COHERE", "JINA", "TEI", "HttpReranker"]
