"""The graph kept in the data directory: built once, whole or not there, built anew when the weights change.

Three files share a name that holds the builder's version and the weights' digest: the graph (``.onnx``), its large
constants (``.weights``) and, written last, the checksums of both (``.json``). Building is deterministic and each file
appears whole, so two processes that build at the same time write the same bytes, and neither has to wait.
"""

import json
import zlib
from pathlib import Path

from ragstone.adapters.embedders.minilm.files import write_atomically
from ragstone.adapters.embedders.minilm.weights import WAYS_OUT, WEIGHTS, read_config
from ragstone.domain.errors import ConfigurationError

GRAPH_VERSION = 2
"""Grows with every change of what ``graph.build`` writes, so that what an older Ragstone kept is built anew."""

CHUNK = 1 << 20


def graph_file(folder: Path, digest: str, models_dir: Path) -> Path:
    """Return the path of the graph of the weights in ``folder``; build it first where it is absent or damaged.

    Building takes a second, checking two hundredths. Raises ``ConfigurationError`` for weights of another architecture
    and for a data directory that cannot be written to.
    """
    graph = models_dir / f"all-MiniLM-L6-v2-v{GRAPH_VERSION}-{digest[:12]}.onnx"
    if not _is_whole(graph):
        try:
            _build(folder, graph)
        except OSError as error:
            raise ConfigurationError(
                f"The graph of all-MiniLM-L6-v2 cannot be kept in {models_dir}: {error.strerror or error}.",
                remedy="Give the data directory (RAGSTONE_DATA_DIR) 100 MB and the right to write.",
            ) from error
    return graph


def _is_whole(graph: Path) -> bool:
    try:
        expected = json.loads(graph.with_suffix(".json").read_text(encoding="ascii"))
        found = {path.suffix: _checksum(path) for path in (graph, graph.with_suffix(".weights"))}
    except (FileNotFoundError, ValueError):
        return False
    return bool(expected == found)


def _checksum(path: Path) -> int:
    """CRC-32, which is for damage, not for malice, and takes a third of SHA-256's time."""
    checksum = 0
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            checksum = zlib.crc32(piece, checksum)
    return checksum


def _build(folder: Path, graph: Path) -> None:
    # Both are needed on the first start only, and onnx takes long to import.
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    from ragstone.adapters.embedders.minilm.graph import build, shape_of

    try:
        weights = load_file(folder / WEIGHTS)
        model, large = build(weights, shape_of(read_config(folder)), graph.with_suffix(".weights").name)
    except (SafetensorError, KeyError, ValueError) as error:
        raise ConfigurationError(f"{folder / WEIGHTS} is not all-MiniLM-L6-v2: {error}.", remedy=WAYS_OUT) from error
    write_atomically(graph.with_suffix(".weights"), large)
    write_atomically(graph, [model])
    checksums = {path.suffix: _checksum(path) for path in (graph, graph.with_suffix(".weights"))}
    write_atomically(graph.with_suffix(".json"), [json.dumps(checksums).encode()])
