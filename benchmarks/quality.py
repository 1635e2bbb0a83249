"""Retrieval quality on the public sets, beside the bars of the design: `ragstone eval` on each, by the same code.

    python -m benchmarks.quality [--sets adi medline ...] [--questions 300] [--ablate] [--config NAME:setting=value,...]
        [--data-dir DIR] [--out FILE] [--resume]

The present settings and each leg alone; with `--ablate` also without each stage, with `--config` beside others. The
documents are embedded once, each as one chunk, into a record of its own in DIR: some 15,500, in minutes. Results are
written as soon as a set is done, to FILE and as a table beside it; `--resume` keeps what FILE has of the same code,
settings and questions.
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
from benchmarks.quality_table import markdown, misses
from ragstone.cli.eval_configurations import Plan, plan
from ragstone.cli.eval_output import reply
from ragstone.cli.eval_run import Wanted, evaluate
from ragstone.settings import Settings
from ragstone.telemetry import configure_logging

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
RESULTS = Path(__file__).parent / "results" / "quality.json"
LEGS = ("default", "words:mode=words", "meaning:mode=meaning")


@dataclass(frozen=True, slots=True)
class Run:
    """What is measured, and where to: ``questions`` bounds those of each set."""

    settings: Settings
    plan: Plan
    questions: int | None
    out: Path

    def wanted(self, name: str) -> Wanted:
        """Return what to ask of a set."""
        bounds = [each for each in (self.questions, BARS[name].questions) if each]
        return Wanted(DATA / name, self.plan, most=min(bounds, default=None))

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
        found[name] = {**evaluation.model_dump(), "least": BARS[name].least, "seconds": seconds, "mark": mark}
        write(run.out, found)
        print("\n".join(markdown({name: found[name]}, heads=False)), flush=True)


def write(out: Path, found: dict[str, Any]) -> None:
    """Write the results with what made them, and their table beside them."""
    command = shlex.join(["python", "-m", "benchmarks.quality", *_given(sys.argv[1:])])
    ordered = {name: found[name] for name in BARS if name in found}
    report = {"command": command, "cores": os.cpu_count(), "python": platform.python_version(), "sets": ordered}
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    lines = [f"# {out.stem}: nDCG@10", "", f"Made by `{command}`.", "", *markdown(ordered), ""]
    lines += [f"- {each}" for each in misses(ordered)] or ["Every bar is reached."]
    out.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _given(arguments: list[str]) -> list[str]:
    """Return what decides the results: neither where they and the record lie, nor that they came in parts."""
    places = {place for place, each in enumerate(arguments) if each in {"--data-dir", "--out"}}
    left_out = places | {place + 1 for place in places}
    return [each for place, each in enumerate(arguments) if place not in left_out and each != "--resume"]


def main() -> int:
    """Run; return 1 where the default misses a bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=Path.home() / ".cache" / "ragstone-quality")
    parser.add_argument("--sets", nargs="+", choices=list(BARS), default=list(BARS))
    parser.add_argument("--questions", type=int)
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
    asyncio.run(measure(Run(settings, chosen, arguments.questions, arguments.out), arguments.sets, found))
    short = misses(found)
    print("\n".join(["", *markdown(found), *short]))
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
