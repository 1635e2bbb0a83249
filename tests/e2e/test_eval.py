"""``ragstone eval`` over the real command line, on a record that has documents of its own."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.command_line import CommandLine, on_record, write_pages
from tests.e2e.conftest import MakeSettings

pytest.importorskip("ir_measures")

TOPICS = ("granite", "basalt", "marble", "slate", "sandstone", "obsidian")


@pytest.fixture(scope="module")
def cli(make_settings: MakeSettings, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    own = on_record(make_settings())
    own.run("ingest", str(write_pages(tmp_path_factory.mktemp("own") / "pages", 4)))
    return own


@pytest.fixture(scope="module")
def stones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sets") / "stones"
    path.mkdir()
    rows = {
        "corpus.jsonl": [{"_id": each, "title": "", "text": f"{each} is used for walls."} for each in TOPICS],
        "queries.jsonl": [{"_id": f"q-{each}", "text": f"What is {each} used for?"} for each in TOPICS],
    }
    for name, lines in rows.items():
        (path / name).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    judged = [f"q-{each}\t{each}\t1" for each in TOPICS[:-1]] + [f"q-{TOPICS[-1]}\t{TOPICS[0]}\t1"]
    (path / "qrels.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *judged, ""]))
    return path


def printed(cli: CommandLine, *arguments: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cli.run("eval", *arguments, "--json", code=code).stdout)
    return found


def test_a_set_is_measured_and_everything_is_written(cli: CommandLine, stones: Path, tmp_path: Path) -> None:
    files = ["--html", str(tmp_path / "report.html"), "--run", str(tmp_path / "r.run"), "--qrels", str(tmp_path / "q")]
    found = printed(cli, str(stones), "--ablate", *files)
    assert (found["set"], found["questions"], found["depth"], found["clients"]) == ("stones", 6, 100, 1)
    assert [each["name"] for each in found["configurations"]][:3] == ["default", "words", "meaning"]
    words = found["configurations"][1]
    assert words["changes"] == {"mode": "words"}
    # Five find theirs first; the sixth finds the other five's words, and its own at some lower rank.
    assert words["measures"]["success@1"]["mean"] == pytest.approx(5 / 6)
    assert words["measures"]["recall@10"]["mean"] == 1.0
    assert 0 < words["p50_ms"] <= words["p95_ms"]
    assert [(each["before"], each["after"]) for each in found["comparisons"]][:2] == [
        ("default", "words"),
        ("default", "meaning"),
    ]
    assert "<svg" in (tmp_path / "report.html").read_text()
    assert {each.name for each in tmp_path.glob("r.*.run")} >= {"r.default.run", "r.words.run", "r.meaning.run"}
    assert len((tmp_path / "q").read_text().splitlines()) == 6
    again = cli.run("eval", str(stones), "--config", "words:mode=words")
    assert "brought into" not in again.stderr
    assert "0.8333" in again.stdout
    assert not json.loads(cli.run("search", "granite", "--mode", "words", "--json").stdout)["hits"]


def test_bars_decide_the_exit_code(cli: CommandLine, stones: Path) -> None:
    words = ["--config", "words:mode=words"]
    printed(cli, str(stones), *words, "--fail-under", "success@1=0.83")
    ran = cli.run("eval", str(stones), *words, "--fail-under", "success@1=0.9", code=1)
    assert ran.stderr.splitlines()[-1] == "Failed: words: success@1 is 0.8333, below 0.9."
    both = [*words, "--config", "narrow:mode=words,retrieve_depth=10"]
    printed(cli, str(stones), *both, "--fail-worse", "ndcg@10=0", "--fail-worse", "ndcg@10")


def test_own_questions_are_asked_of_the_record(cli: CommandLine, tmp_path: Path) -> None:
    own = tmp_path / "own.jsonl"
    uris = [each["uri"] for each in json.loads(cli.run("documents", "list", "--json").stdout)["items"]]
    third = next(uri for uri in uris if uri.endswith("page-003.md"))
    own.write_text(json.dumps({"question": "What is the weight of stone 3?", "uris": [third]}) + "\n")
    found = printed(cli, str(own), "--compare", "words", "meaning")
    assert [each["name"] for each in found["configurations"]] == ["words", "meaning"]
    assert found["configurations"][0]["measures"]["recall@10"]["mean"] == 1.0
    own.write_text(json.dumps({"question": "What is the weight of stone 3?", "uris": ["page-003"]}) + "\n")
    assert "None of the 1 documents" in cli.fails("eval", str(own))


def test_the_documents_of_a_set_are_dropped(cli: CommandLine, stones: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for file in stones.iterdir():
        (other / file.name).write_text(file.read_text().replace("walls", "floors"))
    printed(cli, str(other), "--config", "words:mode=words")
    assert cli.run("eval", str(other), "--drop").stdout.startswith("6 documents of eval-other-")
    assert cli.run("eval", str(other), "--drop").stdout.startswith("0 documents of eval-other-")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere"], "nowhere cannot be read"),
        (["SET", "--config", "a:mode=both"], "mode is"),
        (["SET", "--fail-under", "map=0.3"], "no measure 'map'"),
        (["SET", "--compare", "default", "unheard"], "no configuration 'unheard'"),
        (["SET", "--split", "dev", "--sample", "1", "--fail-under", "ndcg@10=2"], "between 0 and 1"),
    ],
)
def test_a_wrong_call_is_told_in_one_line(cli: CommandLine, stones: Path, arguments: list[str], told: str) -> None:
    assert told in cli.fails("eval", *(str(stones) if each == "SET" else each for each in arguments))


def test_without_its_library_the_command_says_what_to_install(cli: CommandLine, stones: Path, tmp_path: Path) -> None:
    (tmp_path / "ir_measures.py").write_text('raise ModuleNotFoundError("No module named ir_measures")\n')
    before = os.environ.get("PYTHONPATH")
    without = cli.but(PYTHONPATH=os.pathsep.join(filter(None, (str(tmp_path), before))))
    assert "pip install 'ragstone[eval]'" in without.fails("eval", str(stones))
