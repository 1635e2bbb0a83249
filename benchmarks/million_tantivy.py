"""tantivy over the made texts, as a process of its own: `PYTHON -m benchmarks.million_tantivy FOLDER CHUNKS`.

Needs tantivy and NumPy, not Ragstone. Says in one line of JSON what building took, then answers each line of JSON,
`{"questions": [...], "limit": 100, "clients": 1}`, with one: the milliseconds of each question. What a hit is, its
stored number, is not looked up.
"""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import tantivy  # type: ignore[import-not-found]  # in no environment of ours

from benchmarks.million_texts import PER_DOCUMENT, blocks

_BUILT = "built.json"
_HEAP = 512 << 20
_THREADS = 2


def build(folder: Path, chunks: int) -> dict[str, float]:
    """Index the texts, unless the folder has them; return the seconds that it took and the MB it takes."""
    state = folder / _BUILT
    if state.exists():
        return dict(json.loads(state.read_text()))
    folder.mkdir(parents=True, exist_ok=True)
    writer = _opened(folder).writer(heap_size=_HEAP, num_threads=_THREADS)
    seconds, number = 0.0, 0
    for block in blocks(chunks):
        titles = [title for title in block.written_titles() for _ in range(PER_DOCUMENT)]
        texts = [f"{title}\n{text}" for title, text in zip(titles, block.written(), strict=True)]
        begun = time.perf_counter()
        for text in texts:
            document = tantivy.Document()
            document.add_unsigned("number", number)
            document.add_text("text", text)
            writer.add_document(document)
            number += 1
        seconds += time.perf_counter() - begun
    begun = time.perf_counter()
    writer.commit()
    writer.wait_merging_threads()
    seconds += time.perf_counter() - begun
    size = sum(each.stat().st_size for each in folder.iterdir()) / 1e6
    built = {"build_s": round(seconds, 1), "mb": round(size, 1)}
    state.write_text(json.dumps(built))
    return built


def _opened(folder: Path) -> Any:
    schema = tantivy.SchemaBuilder()
    schema.add_unsigned_field("number", stored=True)
    # The text itself is in the record; positions are kept by neither index.
    schema.add_text_field("text", stored=False, tokenizer_name="en_stem", index_option="freq")
    return tantivy.Index(schema.build(), path=str(folder))


def searching(folder: Path) -> Callable[[str, int], float]:
    """Return what asks one question, and returns the milliseconds that it took."""
    index = _opened(folder)
    index.reload()
    searcher = index.searcher()

    def ask(question: str, limit: int) -> float:
        begun = time.perf_counter()
        searcher.search(index.parse_query(question, ["text"]), limit)
        return (time.perf_counter() - begun) * 1000

    return ask


def memory_mb() -> int:
    """Return the MB that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 >> 20


def main() -> None:
    """Build, then answer until nobody asks any more."""
    folder, chunks = Path(sys.argv[1]), int(sys.argv[2])
    print(json.dumps(build(folder, chunks)), flush=True)
    ask = searching(folder)
    for line in sys.stdin:
        asked = json.loads(line)
        begun = time.perf_counter()
        with ThreadPoolExecutor(asked["clients"]) as clients:
            times = list(clients.map(lambda question, limit=asked["limit"]: ask(question, limit), asked["questions"]))
        answer = {"times": times, "seconds": time.perf_counter() - begun, "memory_mb": memory_mb()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
