"""The graphs kept in the data directory: built once, whole or not there, built anew when weights or builder change.

Four files share a name that holds the builder's version and the weights' digest: the graph of documents (``.onnx``),
that of questions (``.questions``), the large constants of both (``.weights``) and, written last, the checksums of all
three (``.json``). Building is deterministic and each file
appears whole, so two processes that build at the same time write the same bytes and need not wait for each other.
"""

import json
import time
import zlib
from contextlib import suppress
from pathlib import Path

from ragstone.adapters.embedders.minilm.files import write_atomically
from ragstone.adapters.embedders.minilm.weights import WAYS_OUT, WEIGHTS, read_config
from ragstone.domain.errors import ConfigurationError

GRAPH_VERSION = 2
"""Grows with every change of what ``graph.build`` writes."""

QUESTIONS = ".questions"
"""Suffix of the graph of questions."""

_STEM = "all-MiniLM-L6-v2"
_READ = 1 << 20
_ABANDONED = 3600.0
"""Seconds after which a half-written file belongs to nobody any more."""


def graph_file(folder: Path, digest: str, models_dir: Path) -> Path:
    """Return the path of the graph of documents; build it and its like first where one is absent or damaged.

    Building takes a second, checking two hundredths. Raises ``ConfigurationError`` for weights of another
    architecture, and where ``models_dir`` cannot be written to.
    """
    graph = models_dir / f"{_STEM}-v{GRAPH_VERSION}-{digest[:12]}.onnx"
    if not _is_whole(graph):
        _build(folder, graph)
        _sweep(graph)
    return graph


def _is_whole(graph: Path) -> bool:
    try:
        return bool(json.loads(graph.with_suffix(".json").read_bytes()) == _checksums(graph))
    except (OSError, ValueError):
        return False


def _checksums(graph: Path) -> dict[str, int]:
    """CRC-32, which is for damage, not for malice, and takes a third of SHA-256's time."""
    checksums = {}
    for suffix in (".onnx", QUESTIONS, ".weights"):
        checksum = 0
        with graph.with_suffix(suffix).open("rb") as file:
            while piece := file.read(_READ):
                checksum = zlib.crc32(piece, checksum)
        checksums[suffix] = checksum
    return checksums


def _build(folder: Path, graph: Path) -> None:
    # Both are needed on the first start only, and onnx takes long to import.
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    from ragstone.adapters.embedders.minilm.graph import build

    try:
        weights = load_file(folder / WEIGHTS)
        built = build(weights, read_config(folder), graph.with_suffix(".weights").name)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{folder} does not hold all-MiniLM-L6-v2: {type(error).__name__}, {error}.", remedy=WAYS_OUT
        ) from error
    write_atomically(graph.with_suffix(".weights"), built.constants)
    write_atomically(graph.with_suffix(QUESTIONS), [built.questions])
    write_atomically(graph, [built.documents])
    write_atomically(graph.with_suffix(".json"), [json.dumps(_checksums(graph)).encode()])


def _sweep(graph: Path) -> None:
    """Remove what older builders made of the same weights, and what a killed process left half-written."""
    digest = graph.stem.rpartition("-")[2]
    old = [path for path in graph.parent.glob(f"{_STEM}-v*-{digest}.*") if path.stem != graph.stem]
    now = time.time()
    for path in graph.parent.glob(f".{_STEM}-*"):
        with suppress(FileNotFoundError):
            if now - path.stat().st_mtime > _ABANDONED:
                old.append(path)
    for path in old:
        path.unlink(missing_ok=True)
