"""Retrieval quality on the public sets, beside the bars of the design: `ragstone eval` on each, by the same code.

    python -m benchmarks.quality [--sets adi medline ...] [--questions 300] [--depth 10] [--ablate]
        [--config NAME:setting=value,...] [--data-dir DIR] [--out FILE] [--resume]

The present settings and each leg alone; with `--ablate` also without each stage, with `--config` beside others. The
documents are embedded once, each as one chunk, into a record of its own in DIR: some 15,500, in minutes. Results are
written as soon as a set is done, to FILE and as a table beside it; `--resume` keeps what FILE has of the same code,
settings and questions. The default is held to a bar where all the questions are asked that gave it.
"""

import argparse
import asyncio
import hashlib
import json
import os
import platform
import shlex
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ragstone
from benchmarks.quality_bars import BARS
from benchmarks.quality_table import beside_columns, markdown, misses
from ragstone.cli.eval_configurations import Plan, plan
from ragstone.cli.eval_output import reply
from ragstone.cli.eval_run import Wanted, evaluate
from ragstone.settings import Settings
from ragstone.telemetry import configure_logging

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
RESULTS = Path(__file__).parent / "results" / "quality.json"
DEPTH = 100
LEGS = ("default", "words:mode=words", "meaning:mode=meaning")


@dataclass(frozen=True, slots=True)
class Run:
    """What is measured, and where to: ``questions`` bounds those of each set, ``depth`` what each finds.

    ``given`` asks for that on the command line.
    """

    settings: Settings
    plan: Plan
    questions: int | None
    depth: int
    out: Path
    given: list[str]

    def wanted(self, name: str) -> Wanted:
        """Return what to ask of a set."""
        bounds = [each for each in (self.questions, BARS[name].questions) if each]
        return Wanted(DATA / name, self.plan, depth=self.depth, most=min(bounds, default=None))

    def mark(self, name: str) -> str:
        """Return what tells whether a result is of the same code, settings, configurations and questions."""
        digest = hashlib.sha256()
        for file in sorted(Path(ragstone.__file__).parent.rglob("*.py")):
            digest.update(file.read_bytes())
        mine = self.settings.model_dump_json(exclude={"data_dir"})
        wanted = self.wanted(name)
        asked = [(each.name, dict(each.changes)) for each in self.plan.configurations]
        digest.update(json.dumps([mine, asked, wanted.depth, wanted.most]).encode())
        return digest.hexdigest()[:16]


async def measure(run: Run, sets: list[str], found: dict[str, Any]) -> None:
    """Evaluate each set that ``found`` does not hold; add it there, and write what there is."""
    for name in sets:
        mark = run.mark(name)
        if found.get(name, {}).get("mark") == mark:
            print(f"{name}: as it was")
            continue
        begun = time.monotonic()
        evaluation = reply(await evaluate(run.settings, run.wanted(name)))
        seconds = round(time.monotonic() - begun, 1)
        # A bar is of the questions that gave it: some of them tell nothing of it.
        least = None if run.questions else BARS[name].least
        found[name] = {**evaluation.model_dump(), "least": least, "seconds": seconds, "mark": mark}
        write(run.out, run.given, found)
        print("\n".join(markdown({name: found[name]}, heads=False)), flush=True)


def write(out: Path, given: list[str], found: dict[str, Any]) -> None:
    """Write the results with what made them, and their table beside them."""
    ordered = {name: found[name] for name in BARS if name in found}
    sets = [] if len(ordered) == len(BARS) else ["--sets", *ordered]
    command = shlex.join(["python", "-m", "benchmarks.quality", *sets, *given])
    report = {"command": command, "cores": os.cpu_count(), "python": platform.python_version(), "sets": ordered}
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    lines = [f"# {out.stem}: nDCG@10", "", f"Made by `{command}`.", "", *markdown(ordered), ""]
    lines += [f"- {each}" for each in (*beside_columns(ordered), *misses(ordered))]
    out.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _given(arguments: argparse.Namespace) -> list[str]:
    """Return what decides the results: neither where they and the record lie, nor that they came in parts."""
    given = ["--questions", str(arguments.questions)] if arguments.questions else []
    given += ["--depth", str(arguments.depth)] if arguments.depth != DEPTH else []
    given += ["--ablate"] if arguments.ablate else []
    return [*given, *(part for each in arguments.config for part in ("--config", each))]


def main() -> int:
    """Run; return 1 where the default misses a bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=Path.home() / ".cache" / "ragstone-quality")
    parser.add_argument("--sets", nargs="+", choices=list(BARS), default=list(BARS))
    parser.add_argument("--questions", type=int)
    parser.add_argument("--depth", type=int, default=DEPTH)
    parser.add_argument("--config", action="append", default=[])
    parser.add_argument("--ablate", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--resume", action="store_true")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        print("needs ../shared/data, which is not here")
        return 1
    settings = Settings(data_dir=arguments.data_dir, log_level="warning")
    configure_logging(settings)
    named = [] if arguments.ablate else [*LEGS]
    chosen = plan([*named, *arguments.config], None, settings, ablate=arguments.ablate)
    before = json.loads(arguments.out.read_text())["sets"] if arguments.resume and arguments.out.exists() else {}
    found = dict(before)
    given = _given(arguments)
    run = Run(settings, chosen, arguments.questions, arguments.depth, arguments.out, given)
    asyncio.run(measure(run, arguments.sets, found))
    short = misses(found)
    print("\n".join(["", *markdown(found), *beside_columns(found), *short]))
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
