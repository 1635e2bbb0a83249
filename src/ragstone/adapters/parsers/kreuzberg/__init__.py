"""The parser: kreuzberg and the text decoder, in child processes with limits of time and memory."""

from ragstone.adapters.parsers.kreuzberg.parser import KreuzbergParser

__all__ = ["KreuzbergParser"]
