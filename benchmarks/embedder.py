"""MiniLM on ONNX Runtime beside sentence-transformers: the same weights, chunks and process, taking turns.

    python -m benchmarks.embedder [--json] [--rounds 5]

Needs the ``bench`` extra (torch, sentence-transformers), the MiniLM weights on this machine, and Markdown files under
``../shared/data/docs``. Exits with 1 where a bar is missed and with 2 where something to measure with is absent.
"""

import argparse
import asyncio
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from ragstone.adapters.embedders.minilm import MiniLM
from ragstone.adapters.embedders.minilm.weights import find_weights
from ragstone.ports.embedder import Tokenizer, Vectors

DOCS = Path(__file__).resolve().parents[2] / "shared" / "data" / "docs"
CHUNKS, CHUNK_TOKENS = 400, 198  # and two special tokens
QUERY = "How is a request body declared?"
QUERIES_PER_ROUND = 40
MIN_COSINE, MIN_RATIO, MAX_QUERY_MS = 0.9999, 1.25, 5.0

Encode = Callable[[Sequence[str]], Awaitable[Vectors]]


@dataclass(frozen=True, slots=True)
class Rate:
    """One side's medians over the rounds."""

    chunks_per_s: float
    query_ms_p50: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of a process that holds MiniLM and nothing else, in MiB."""

    imported: float
    loaded: float
    after_query: float
    after_chunks: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What the benchmark found. ``ratio`` is the median of the rounds' ratios, side by side."""

    chunks: int
    rounds: int
    cosine_min: float
    cosine_mean: float
    ratio: float
    ragstone: Rate
    sentence_transformers: Rate
    memory_mib: Memory

    @property
    def passed(self) -> bool:
        """Whether each bar is met."""
        return self.cosine_min >= MIN_COSINE and self.ratio >= MIN_RATIO and self.ragstone.query_ms_p50 <= MAX_QUERY_MS


def chunks_of(paths: Sequence[Path], tokenizer: Tokenizer) -> list[str]:
    """Cut files into ``CHUNKS`` chunks of ``CHUNK_TOKENS`` tokens; the rest of each file is left out."""
    chunks: list[str] = []
    for path in paths:
        text = path.read_text(encoding="utf-8")
        spans = tokenizer.spans(text)
        chunks += [
            text[spans[first][0] : spans[first + CHUNK_TOKENS - 1][1]]
            for first in range(0, len(spans) - CHUNK_TOKENS + 1, CHUNK_TOKENS)
        ]
    step = max(1, len(chunks) // CHUNKS)
    return chunks[::step][:CHUNKS]


def sentence_transformers_encode(folder: Path) -> Encode:
    """Load sentence-transformers with the weights in ``folder``, as its documentation shows."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")

    async def encode(texts: Sequence[str]) -> Vectors:
        return np.asarray(model.encode(list(texts), show_progress_bar=False), dtype=np.float32)

    return encode


async def timed(encode: Encode, texts: Sequence[str]) -> tuple[float, Vectors]:
    """Return seconds and vectors."""
    start = time.perf_counter()
    vectors = await encode(texts)
    return time.perf_counter() - start, vectors


async def compare(embedder: MiniLM, folder: Path, chunks: Sequence[str], rounds: int) -> dict[str, Any]:
    """Let both sides embed ``chunks`` and then single queries, by turns; the first round warms up and is dropped."""
    sides: dict[str, Encode] = {
        "ragstone": embedder.embed,
        "sentence_transformers": sentence_transformers_encode(folder),
    }
    asking = {**sides, "ragstone": embedder.embed_questions}
    rates: dict[str, list[float]] = {side: [] for side in sides}
    queries: dict[str, list[float]] = {side: [] for side in sides}
    vectors: dict[str, Vectors] = {}
    for round_number in range(rounds + 1):
        for side, encode in sides.items():
            seconds, vectors[side] = await timed(encode, chunks)
            single = [(await timed(asking[side], [QUERY]))[0] for _ in range(QUERIES_PER_ROUND)]
            if round_number:
                rates[side].append(len(chunks) / seconds)
                queries[side] += single
    cosines = np.sum(vectors["ragstone"] * vectors["sentence_transformers"], axis=1)
    figures: dict[str, Any] = {
        side: Rate(statistics.median(rates[side]), statistics.median(queries[side]) * 1000) for side in sides
    }
    by_round = [ours / theirs for ours, theirs in zip(*rates.values(), strict=True)]
    return figures | {
        "cosine_min": float(cosines.min()),
        "cosine_mean": float(cosines.mean()),
        "ratio": statistics.median(by_round),
    }


def measure_memory(data_dir: Path, chunks: Sequence[str]) -> Memory:
    """Measure in a fresh process, because torch is in this one."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_memory, (data_dir, chunks))


def _memory(data_dir: Path, chunks: Sequence[str]) -> Memory:
    def resident() -> float:
        return round(psutil.Process().memory_info().rss / 2**20, 1)

    async def run() -> Memory:
        embedder = MiniLM(data_dir=data_dir)
        imported = resident()
        await embedder.warm()
        loaded = resident()
        await embedder.embed_questions([QUERY])
        after_query = resident()
        await embedder.embed(chunks)
        after_chunks = resident()
        await embedder.close()
        return Memory(imported, loaded, after_query, after_chunks)

    return asyncio.run(run())


async def measure(folder: Path, rounds: int) -> Figures:
    """Build the model in a directory of its own and measure it."""
    with tempfile.TemporaryDirectory() as directory:
        embedder = MiniLM(data_dir=Path(directory))
        await embedder.warm()
        chunks = chunks_of(sorted(DOCS.rglob("*.md")), embedder.tokenizer)
        memory = await asyncio.to_thread(measure_memory, Path(directory), chunks)
        found = await compare(embedder, folder, chunks, rounds)
        await embedder.close()
    return Figures(chunks=len(chunks), rounds=rounds, memory_mib=memory, **found)


def render(figures: Figures) -> str:
    """Lay the figures out for a reader."""
    ours, theirs, memory = figures.ragstone, figures.sentence_transformers, figures.memory_mib
    rows = [
        ("cosine, least", f"{figures.cosine_min:.6f}", "", f"at least {MIN_COSINE}"),
        ("cosine, mean", f"{figures.cosine_mean:.6f}", "", ""),
        ("chunks per second", f"{ours.chunks_per_s:.1f}", f"{theirs.chunks_per_s:.1f}", ""),
        ("ratio", f"{figures.ratio:.2f}", "", f"at least {MIN_RATIO}"),
        ("one query, ms", f"{ours.query_ms_p50:.2f}", f"{theirs.query_ms_p50:.2f}", f"at most {MAX_QUERY_MS}"),
        *((f"MiB {step.replace('_', ' ')}", f"{size}", "", "") for step, size in asdict(memory).items()),
    ]
    header = ("", "ragstone", "sentence-transformers", "bar")
    lines = [f"{name:22}{mine:>10}{other:>23}   {bar}".rstrip() for name, mine, other, bar in (header, *rows)]
    title = f"{figures.chunks} chunks of {CHUNK_TOKENS + 2} tokens, side by side, medians of {figures.rounds} rounds"
    return "\n".join([title, *lines, "Every bar is met." if figures.passed else "A BAR IS MISSED."])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.embedder", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    parser.add_argument("--rounds", type=int, default=5, help="rounds to take medians over")
    options = parser.parse_args(arguments)
    folder = find_weights(None)
    missing = {
        "sentence-transformers (pip install 'ragstone[bench]')": find_spec("sentence_transformers") is None,
        "the weights of all-MiniLM-L6-v2": folder is None,
        f"Markdown files in {DOCS}": not any(DOCS.rglob("*.md")),
    }
    if folder is None or any(missing.values()):
        absent = "; ".join(what for what, is_missing in missing.items() if is_missing)
        print(f"Skipped: absent are {absent}.", file=sys.stderr)
        return 2
    figures = asyncio.run(measure(folder, options.rounds))
    print(json.dumps(asdict(figures) | {"passed": figures.passed}) if options.json else render(figures))
    return 0 if figures.passed else 1


if __name__ == "__main__":
    sys.exit(main())
