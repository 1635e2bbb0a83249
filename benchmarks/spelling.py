"""What the index's own vocabulary is worth against slips of the pen: nDCG@10 with and without it.

    python -m benchmarks.spelling [--data-dir DIR] [--sets medline ...] [--modes words hybrid] [--most 1000] [--seed 1]

Each question is asked as it is, and with one random slip (a letter dropped, doubled by another one, replaced, or two
that changed places) in one of its content words of four letters or more; of each, by words and hybrid, with the
spelling off and searched. `touched` counts questions in which a word was corrected; of those asked as they are,
every one is false, or a slip of the set's own. `right` is the share of slips that were mended as they were made.
Writes benchmarks/results/spelling.json where all sets are asked.
"""

import argparse
import asyncio
import json
import platform
import random
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.quality import DATA
from ragstone.cli import eval_corpus
from ragstone.container import Container, open_container
from ragstone.domain.access import LOCAL
from ragstone.domain.queries import Correction, Mode, Scope
from ragstone.learn.judged_sets import JudgedSet, read_set
from ragstone.learn.measures import measured
from ragstone.learn.questions import JudgedQuestion
from ragstone.learn.significance import differences
from ragstone.postgres.lexical.index import SegmentedLexicalIndex
from ragstone.postgres.lexical.spelling import Spelling
from ragstone.retrieve.analysis import plain_words
from ragstone.retrieve.analysis.stems import stem
from ragstone.settings import Settings

SETS = ("medline", "squad_4k", "xquad/de", "xquad/es")
LANGUAGES = {"xquad/de": "de", "xquad/es": "es"}
LETTERS = "abcdefghijklmnopqrstuvwxyz"
RESULTS = Path(__file__).parent / "results" / "spelling.json"
DEPTH = 10
SHORTEST = 4


@dataclass(frozen=True, slots=True)
class Slip:
    """A word of a question, as it was and as it is misspelt."""

    word: str
    misspelt: str


def misspell(question: JudgedQuestion, language: str, chance: random.Random) -> tuple[JudgedQuestion, Slip | None]:
    """Return the question with a slip in one of its plain words, where it has one."""
    words = [each.text for each in plain_words(question.question, [language]) if len(each.text) >= SHORTEST]
    if not words:
        return question, None
    word = chance.choice(words)
    misspelt = slipped(word, chance)
    begin = question.question.index(word)
    text = question.question[:begin] + misspelt + question.question[begin + len(word) :]
    return replace(question, question=text), Slip(word, misspelt)


def slipped(word: str, chance: random.Random) -> str:
    """Return ``word`` with one slip that makes another word of it."""
    while True:
        place = chance.randrange(len(word))
        letter = chance.choice(LETTERS)
        made = chance.choice(
            (
                word[:place] + word[place + 1 :],
                word[:place] + letter + word[place:],
                word[:place] + letter + word[place + 1 :],
                word[:place] + word[place + 1 : place + 2] + word[place : place + 1] + word[place + 2 :],
            )
        )
        if made.casefold() != word.casefold():
            return made


@dataclass(frozen=True, slots=True)
class Asked:
    """What a way of asking found: nDCG@10 of each question, corrections by question, and milliseconds."""

    values: Any
    corrections: dict[str, Sequence[Correction]]
    median_ms: float


async def ask(
    settings: Settings, judged: JudgedSet, questions: Sequence[JudgedQuestion], mode: Mode, spelling: Spelling
) -> Asked:
    """Ask every question once, of a container of its own, after one question that opens it."""
    assert judged.corpus is not None
    name = eval_corpus.collection_of(judged.name, judged.corpus)
    scope = Scope(replace(LOCAL, readers=LOCAL.readers | {name}), (name,))
    async with open_container(settings) as container:
        container.lexical = SegmentedLexicalIndex(container.database, spelling=spelling)
        await container.lexical.spelling(f"{questions[0].question} qzxjkw", scope)  # the vocabulary is read
        rankings: dict[str, tuple[str, ...]] = {}
        took: list[float] = []
        for each in questions:
            begun = time.perf_counter()
            hits = (await container.search.retrieve(each.question, scope, mode=mode, limit=DEPTH)).hits
            took.append(1000 * (time.perf_counter() - begun))
            rankings[each.id] = tuple(dict.fromkeys(hit.uri for hit in hits))
        corrections = await _corrections(container, questions, scope) if spelling is not Spelling.OFF else {}
    values = measured(judged.questions, rankings, ("nDCG@10",))
    return Asked(values, corrections, statistics.median(took))


async def _corrections(
    container: Container, questions: Sequence[JudgedQuestion], scope: Scope
) -> dict[str, Sequence[Correction]]:
    told = {each.id: await container.lexical.spelling(each.question, scope) for each in questions}
    return {key: found for key, found in told.items() if found}


async def run(settings: Settings, name: str, modes: Sequence[Mode], most: int, seed: int) -> dict[str, Any]:
    """Ask a set in every way; return the report."""
    judged = read_set(DATA / name).sample(most)
    assert judged.corpus is not None
    async with open_container(settings) as container:
        await eval_corpus.ensure(container, judged.corpus, eval_corpus.collection_of(judged.name, judged.corpus))
    chance, language = random.Random(seed), LANGUAGES.get(name, "en")
    made = [misspell(each, language, chance) for each in judged.questions]
    slips = {question.id: slip for question, slip in made if slip}
    report: dict[str, Any] = {"questions": len(made), "slips": len(slips)}
    for asked_as, questions in (("as it is", judged.questions), ("misspelt", [question for question, _ in made])):
        for mode in modes:
            off = await ask(settings, judged, questions, mode, Spelling.OFF)
            on = await ask(settings, judged, questions, mode, Spelling.SEARCHED)
            change = differences(off.values, on.values)[0].estimate
            row = {
                "off": float(off.values.mean()),
                "searched": float(on.values.mean()),
                "difference": [change.mean, change.low, change.high],
                "touched": len(on.corrections),
                "median_ms": [off.median_ms, on.median_ms],
            }
            if asked_as == "misspelt":
                row["right"] = sum(_right(slips[key], on.corrections.get(key, ()), language) for key in slips) / len(
                    slips
                )
            else:
                row["false"] = [[each.word, each.instead] for found in on.corrections.values() for each in found]
            report[f"{asked_as}, {mode}"] = row
            print(f"{name:<10} {asked_as:<9} {mode:<7} {_line(row)}", flush=True)
    return report


def _right(slip: Slip, corrections: Sequence[Correction], language: str) -> bool:
    return any(stem(each.instead, language) == stem(slip.word, language) for each in corrections)


def _line(row: dict[str, Any]) -> str:
    mean, low, high = row["difference"]
    told = f"{row['off']:.4f} {row['searched']:.4f}  {mean:+.4f} [{low:+.4f} {high:+.4f}]  touched {row['touched']:>4}"
    told += f"  {row['median_ms'][0]:.1f} {row['median_ms'][1]:.1f} ms"
    return told + (f"  right {row['right']:.2f}" if "right" in row else f"  {row['false'][:6]}")


def main() -> int:
    """Run the sets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=Path.home() / ".cache" / "ragstone-quality")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--modes", nargs="+", type=Mode, default=[Mode.WORDS, Mode.HYBRID])
    parser.add_argument("--most", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if not DATA.is_dir():
        print("needs ../shared/data, which is not here")
        return 1
    settings = Settings(data_dir=arguments.data_dir, log_level="warning")
    print("set        asked     mode    off    searched  difference [95 %]", flush=True)
    found = {}
    for name in arguments.sets:
        found[name] = asyncio.run(run(settings, name, arguments.modes, arguments.most, arguments.seed))
    if arguments.sets == list(SETS):
        command = f"python -m benchmarks.spelling --most {arguments.most} --seed {arguments.seed}"
        RESULTS.parent.mkdir(exist_ok=True)
        report = {"command": command, "python": platform.python_version(), "sets": found}
        RESULTS.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
