"""``ragstone search`` and ``ask``, on the record and against a server."""

import json
from pathlib import Path

import httpx
import pytest
from tests.e2e.command_line import CommandLine, on_record, scrubbed, write_pages
from tests.e2e.conftest import LiveServer

QUESTION = "What is the weight of stone 7?"


@pytest.fixture(scope="module")
def cli(server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """Return the command line on the server's record, where some pages are in the collection ``stones``."""
    folder = write_pages(tmp_path_factory.mktemp("stones"), 12)
    command_line = on_record(server.settings)
    command_line.run("ingest", str(folder), "--collection", "stones")
    return command_line


def test_search_prints_what_http_replies(cli: CommandLine, server: LiveServer) -> None:
    asked = {"question": QUESTION, "collections": ["stones"], "top_k": 3, "mode": "words"}
    replied = httpx.post(f"{server.url}/v1/retrieve", json=asked, trust_env=False).text
    options = ("search", QUESTION, "--collection", "stones", "--top-k", "3", "--mode", "words", "--json")
    assert cli.run(*options).stdout.strip() == replied
    assert cli.run(*options, "--url", server.url).stdout.strip() == replied
    assert len(json.loads(replied)["hits"]) == 3


def test_search_shows_a_table(cli: CommandLine) -> None:
    shown = cli.run("search", QUESTION, "--collection", "stones", "--top-k", "2").stdout
    assert "words + meaning" in shown
    assert "Stone 7" in shown
    explained = cli.run("search", QUESTION, "--collection", "stones", "--explain", "--mode", "words").stdout
    assert "by scores, meaning 0" in explained  # the fusion's weights
    assert "Stone 12" in explained  # that ranks below the limit
    assert "limit" in explained


def test_ask_prints_what_http_replies(cli: CommandLine, server: LiveServer) -> None:
    asked = {"question": QUESTION, "collections": ["stones"]}
    replied = httpx.post(f"{server.url}/v1/ask", json=asked, trust_env=False, timeout=60).json()
    options = ("ask", QUESTION, "--collection", "stones", "--json")
    for where in ((), ("--url", server.url)):
        printed = json.loads(cli.run(*options, *where).stdout)
        assert scrubbed(printed, "timings", "trace_id") == scrubbed(replied, "timings", "trace_id")
        assert printed["timings"].keys() == replied["timings"].keys()
    assert not replied["refused"]
    assert "7 kg" in replied["answer"]


def test_ask_prints_the_answer_and_its_sources(cli: CommandLine, server: LiveServer) -> None:
    near = cli.run("ask", QUESTION, "--collection", "stones")
    far = cli.run("ask", QUESTION, "--collection", "stones", "--no-stream", "--url", server.url)
    assert near.stdout == far.stdout
    answer, _, sources = near.stdout.partition("\n\n[1] ")
    assert "The weight of stone 7 is 7 kg." in answer
    assert "[1]" in answer
    assert sources.startswith("Stone 7\n    The weight of stone 7 is 7 kg.")
    assert "page-007.md" in sources
    assert near.stderr == ""


def test_quotes_are_verbatim(cli: CommandLine) -> None:
    answer = json.loads(cli.run("ask", QUESTION, "--collection", "stones", "--json").stdout)
    assert answer["citations"]
    for citation in answer["citations"]:
        content = json.loads(cli.run("documents", "content", citation["document_id"], "--json").stdout)["content"]
        assert content[citation["start"] : citation["end"]] == citation["quote"]


def test_what_the_documents_do_not_hold_is_refused_plainly(cli: CommandLine) -> None:
    question = "Who won the football cup final last year?"
    ran = cli.run("ask", question, "--collection", "stones")
    assert "[1]" not in ran.stdout
    answer = json.loads(cli.run("ask", question, "--collection", "stones", "--json").stdout)
    assert answer["refused"]
    assert answer["citations"] == []
    assert ran.stdout.strip() == answer["answer"]


def test_errors_are_one_line(cli: CommandLine, server: LiveServer) -> None:
    far = ("--url", server.url)
    assert "no collection named 'nothing'" in cli.fails("search", "x", "--collection", "nothing")
    assert "no collection named 'nothing'" in cli.fails("ask", "x", "--collection", "nothing", *far)
    assert "at most 8,000" in cli.fails("ask", "x" * 9000)
    assert "question: must not be empty" in cli.fails("search", "  ", *far)
    assert "key is not valid" in cli.fails("search", "x", *far, "--key", "rs_wrong")
    assert "key is not valid" in cli.but(RAGSTONE_API_KEY="rs_wrong").fails("search", "x", *far)


@pytest.mark.parametrize("arguments", [["search"], ["ask", "x", "--mode", "magic"], ["documents", "show", "1"]])
def test_what_is_called_wrongly_ends_with_2(arguments: list[str], tmp_path: Path) -> None:
    ran = CommandLine({"RAGSTONE_DATA_DIR": str(tmp_path / "never-made")}).run(*arguments, code=2)
    assert "Usage:" in ran.stderr
    assert not (tmp_path / "never-made").exists()
