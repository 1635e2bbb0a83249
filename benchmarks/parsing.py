"""What parsing keeps of the text and the tables of each format, and how it ends on any folder of files.

    python -m benchmarks.parsing [--json] [--folder PATH ...] [--timeout 60] [--workers 2]

Without a folder it makes a file in each format from text and tables that are known, and reports: tokens found
(recall, as a multiset), their order (longest run of tokens in order, of all that are in the file), table cells found
in their row and column, and running headers and footers that are still there. With folders it reads every file and
reports by kind: how many were read, how many failed and why, the slowest, and what ended neither way in time.
"""

import argparse
import asyncio
import json
import re
import time
from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.parsing_files import Made, make_files
from ragstone.adapters.parsers.kreuzberg import KreuzbergParser
from ragstone.domain.errors import ParseFailed
from ragstone.testing.made_files import Table

_TOKEN = re.compile(r"\w+")
_ROW = re.compile(r"^\|(.*)\|[ \t]*$")
_RULE = re.compile(r"[\s|:-]+")
_CELL_END = re.compile(r"(?<!\\)\|")
_CRASHES = frozenset({"crashed", "timeout", "out_of_memory"})


@dataclass(frozen=True, slots=True)
class Kept:
    """What one format kept: shares from 0 to 1; ``cells`` is ``None`` where the file has no table."""

    file: str
    tokens: float
    order: float
    cells: float | None
    running: int


@dataclass(frozen=True, slots=True)
class Ended:
    """How one file of a folder ended: ``read``, ``not accepted`` or the code of a failure."""

    file: str
    kind: str
    code: str
    seconds: float
    message: str = ""


def token_recall(truth: str, found: str) -> float:
    """Return the share of the truth's tokens that were found, each as often as it is there."""
    wanted = Counter(_TOKEN.findall(truth.lower()))
    return (wanted & Counter(_TOKEN.findall(found.lower()))).total() / wanted.total()


def token_order(truth: str, found: str) -> float:
    """Return the length of the longest sequence of tokens found in the truth's order, over the truth's length.

    Each token of the truth is matched with the next one of its kind in what was found; the longest increasing
    run of places among these is a lower bound of the longest common subsequence.
    """
    places: dict[str, deque[int]] = defaultdict(deque)
    for place, token in enumerate(_TOKEN.findall(found.lower())):
        places[token].append(place)
    tokens = _TOKEN.findall(truth.lower())
    tails: list[int] = []
    for token in tokens:
        if places[token]:
            place = places[token].popleft()
            at = bisect_left(tails, place)
            tails[at : at + 1] = [place]
    return len(tails) / len(tokens)


def markdown_tables(content: str) -> Iterator[list[list[str]]]:
    """Yield the tables of a Markdown text as rows of cells."""
    rows: list[list[str]] = []
    for line in [*content.split("\n"), ""]:
        match = _ROW.match(line.strip())
        if match is None:
            if rows:
                yield rows
            rows = []
        elif not _RULE.fullmatch(line) or not rows:
            rows.append([cell.replace("\\|", "|").strip() for cell in _CELL_END.split(match[1])])


def cells_in_place(truth: Sequence[Table], content: str) -> float | None:
    """Return the share of all cells with text that stand in their row and column, each table in its best match."""
    if not truth:
        return None
    found = list(markdown_tables(content))
    total = sum(bool(cell) for table in truth for row in table.rows for cell in row)
    matched = 0
    for table in truth:
        scores = [_matching(table, rows) for rows in found]
        best = max(range(len(scores)), key=scores.__getitem__, default=0)
        if scores and scores[best]:
            matched += scores[best]
            del found[best]
    return matched / total


def _matching(table: Table, rows: Sequence[Sequence[str]]) -> int:
    return sum(
        bool(cell) and number < len(rows) and column < len(rows[number]) and _same(cell, rows[number][column])
        for number, row in enumerate(table.rows)
        for column, cell in enumerate(row)
    )


def _same(cell: str, found: str) -> bool:
    return " ".join(cell.split()) == " ".join(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", found).split())


async def measure(parser: KreuzbergParser, made: Made) -> Kept:
    """Parse a made file and hold what comes out against what is in it."""
    media_type = parser.media_type(made.filename, made.data[:4096])
    try:
        content = (await parser.parse(made.data, media_type or "", made.filename)).content
    except ParseFailed as failed:
        raise SystemExit(f"{made.filename} cannot be read: {failed}") from failed
    running = sum(content.count(line) for line in made.gone)
    cells = cells_in_place(made.tables, content)
    return Kept(made.filename, token_recall(made.words, content), token_order(made.words, content), cells, running)


async def sweep(parser: KreuzbergParser, path: Path, folder: Path) -> Ended:
    """Parse one file of a folder and say how it ended."""
    data = await asyncio.to_thread(path.read_bytes)
    kind, begun = path.suffix.lower() or "(none)", time.perf_counter()
    media_type = parser.media_type(path.name, data[:4096])
    code, message = "not accepted", ""
    if media_type is not None:
        try:
            await parser.parse(data, media_type, path.name)
            code = "read"
        except ParseFailed as failed:
            code, message = failed.failure_code, str(failed)
    return Ended(str(path.relative_to(folder)), kind, code, time.perf_counter() - begun, message)


async def run(folders: Sequence[Path], *, timeout: float, workers: int) -> tuple[list[Kept], list[Ended]]:
    """Measure the made files, or read the files of ``folders``."""
    parser = KreuzbergParser(workers=workers, timeout=timeout, memory_mb=1024)
    try:
        if not folders:
            return [await measure(parser, made) for made in make_files()], []
        ended: list[Ended] = []
        files = [(path, folder) for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
        for start in range(0, len(files), 8 * workers):
            part = files[start : start + 8 * workers]
            ended += await asyncio.gather(*(sweep(parser, path, folder) for path, folder in part))
        return [], ended
    finally:
        await parser.close()


def show_kept(kept: Sequence[Kept]) -> None:
    """Print what each format kept."""
    print(f"{'file':<16}{'tokens':>8}{'order':>8}{'cells':>8}{'running lines':>15}")
    for found in kept:
        cells = "" if found.cells is None else f"{found.cells:.3f}"
        print(f"{found.file:<16}{found.tokens:>8.3f}{found.order:>8.3f}{cells:>8}{found.running:>15}")


def show_ended(ended: Sequence[Ended]) -> None:
    """Print how the files of each kind ended."""
    kinds: dict[str, list[Ended]] = defaultdict(list)
    for found in ended:
        kinds[found.kind].append(found)
    print(f"{'kind':<10}{'files':>7}{'read':>7}{'slowest':>10}  not read")
    for kind, group in sorted(kinds.items(), key=lambda item: -len(item[1])):
        codes = Counter(found.code for found in group if found.code != "read")
        slowest = max(found.seconds for found in group)
        failures = ", ".join(f"{code} {count}" for code, count in codes.most_common())
        print(f"{kind:<10}{len(group):>7}{len(group) - codes.total():>7}{slowest:>9.1f}s  {failures}")
    for found in ended:
        if found.code in _CRASHES:
            print(f"{found.code}: {found.file} ({found.seconds:.1f} s)")
    codes = Counter(found.code for found in ended)
    print(f"\n{len(ended)} files: {', '.join(f'{code} {count}' for code, count in codes.most_common())}")


def main() -> None:
    """Run the benchmark."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--json", action="store_true", help="print JSON")
    arguments.add_argument("--folder", type=Path, action="append", default=[], help="read the files below it")
    arguments.add_argument("--timeout", type=float, default=60.0, help="seconds for one file")
    arguments.add_argument("--workers", type=int, default=2, help="files at a time")
    options = arguments.parse_args()
    kept, ended = asyncio.run(run(options.folder, timeout=options.timeout, workers=options.workers))
    if options.json:
        print(json.dumps({"kept": [asdict(found) for found in kept], "ended": [asdict(found) for found in ended]}))
    elif options.folder:
        show_ended(ended)
    else:
        show_kept(kept)


if __name__ == "__main__":
    main()
