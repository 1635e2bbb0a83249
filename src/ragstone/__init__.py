"""Ragstone: a retrieval-augmented generation backend whose answers are quoted, cited and checked."""

__version__ = "0.1.0"
