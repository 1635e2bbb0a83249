"""Retrieval quality on the public sets, beside the bars of the design: `ragstone eval` on each, by the same code.

    python -m benchmarks.quality [--data-dir DIR] [--sets adi medline ...] [--config NAME:setting=value,...] [--ablate]

The documents are embedded once, into a record of its own in DIR: some 13,000, which takes minutes. Where all sets are
run with the present settings, or with the ablations of them, too, benchmarks/results/quality.json is written.
"""

import argparse
import asyncio
import json
import os
import platform
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from ragstone.cli.eval_configurations import Plan, plan
from ragstone.cli.eval_output import EvaluationReply, reply
from ragstone.cli.eval_run import Wanted, evaluate
from ragstone.settings import Settings

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
RESULTS = Path(__file__).parent / "results" / "quality.json"
SQUAD_QUESTIONS = 1000
"""So many of SQuAD's 4,330 questions gave its bar."""

BARS = {
    "scifact": None,
    "cranfield": 0.458,
    "cisi": 0.450,
    "medline": 0.791,
    "adi": None,
    "squad_4k": 0.921,
    "xquad/en": 0.976,
    "xquad/de": 0.929,
    "xquad/es": None,
    "xquad/zh": 0.850,
    "tatqa/dev": 0.688,
    "policyqa/dev": None,
}
"""Least nDCG@10 of the default, where the design names one."""


async def run(sets: list[str], data_dir: Path, chosen: Plan) -> dict[str, Any]:
    """Evaluate each set; return the report."""
    settings = Settings(data_dir=data_dir, log_level="warning")
    found: dict[str, Any] = {}
    for name in sets:
        begun = time.monotonic()
        most = SQUAD_QUESTIONS if name == "squad_4k" else None
        evaluation = reply(await evaluate(settings, Wanted(DATA / name, chosen, most=most)))
        found[name] = {**evaluation.model_dump(), "bar": BARS[name], "seconds": round(time.monotonic() - begun, 1)}
        print("\n".join(table_rows(name, evaluation)), flush=True)
    return found


def table_rows(name: str, evaluation: EvaluationReply) -> list[str]:
    """Return a line for each configuration of one set."""
    rows = []
    for place, each in enumerate(evaluation.configurations):
        main = each.measures["nDCG@10"]
        rows.append(
            f"{name:<13} {each.name:<16} {evaluation.questions:>5}  {main.mean:.4f} [{main.low:.3f} {main.high:.3f}]"
            f"  {each.measures['recall@100'].mean:.4f}  {each.measures['MRR@10'].mean:.4f}"
            f"  {each.p50_ms:>6.1f} {each.p95_ms:>6.1f}  {'' if place else verdict(BARS[name], main.mean)}".rstrip()
        )
    return rows


def verdict(bar: float | None, mean: float) -> str:
    """Say how a mean stands to its bar."""
    if bar is None:
        return ""
    return f"{bar:.3f} {'at or above' if mean >= bar else f'{bar - mean:.4f} short'}"


def means(found: dict[str, Any]) -> dict[str, float]:
    """Return each configuration's nDCG@10, averaged over the sets."""
    names = [each["name"] for each in next(iter(found.values()))["configurations"]]
    return {name: sum(_ndcg(each, name) for each in found.values()) / len(found) for name in names}


def _ndcg(of_set: dict[str, Any], name: str) -> float:
    (chosen,) = (each for each in of_set["configurations"] if each["name"] == name)
    return float(chosen["measures"]["nDCG@10"]["mean"])


def below_legs(found: dict[str, Any]) -> list[str]:
    """Name the sets on which the default is more than 0.01 below the better of its own two legs, where these ran."""
    told = []
    for name, of_set in found.items():
        ran = {each["name"] for each in of_set["configurations"]}
        legs = [_ndcg(of_set, leg) for leg in ("words", "meaning") if leg in ran]
        if legs and "default" in ran and (lost := max(legs) - _ndcg(of_set, "default")) > 0.01:
            told.append(f"{name}: {lost:.4f} below the better leg")
    return told


def main() -> int:
    """Run; return 1 where the default misses a bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=Path.home() / ".cache" / "ragstone-quality")
    parser.add_argument("--sets", nargs="+", choices=list(BARS), default=list(BARS))
    parser.add_argument("--config", action="append", default=[])
    parser.add_argument("--ablate", action="store_true")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        print("needs ../shared/data, which is not here")
        return 1
    print(
        f"{'set':<13} {'configuration':<16} {'asked':>5}  nDCG@10 [95 %]        R@100   MRR@10     p50    p95 ms  bar"
    )
    chosen = plan(arguments.config, None, ablate=arguments.ablate)
    found = asyncio.run(run(arguments.sets, arguments.data_dir, chosen))
    for name, mean in means(found).items():
        print(f"{'mean':<13} {name:<16} {'':>5}  {mean:.4f}")
    short = [name for name, each in found.items() if each["bar"] and _first(each) < each["bar"]]
    for line in [*(f"{name} is below its bar" for name in short), *below_legs(found)]:
        print(line)
    if arguments.sets == list(BARS) and not arguments.config:
        write(found)
    return 1 if short else 0


def _first(of_set: dict[str, Any]) -> float:
    return float(of_set["configurations"][0]["measures"]["nDCG@10"]["mean"])


def write(found: dict[str, Any]) -> None:
    """Write the results with what made them."""
    given = [each for each in sys.argv[1:] if each == "--ablate"]
    report = {
        "command": shlex.join(["python", "-m", "benchmarks.quality", *given]),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "mean_ndcg@10": means(found),
        "sets": found,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"written: {RESULTS.relative_to(Path(__file__).parents[1])}")


if __name__ == "__main__":
    sys.exit(main())
