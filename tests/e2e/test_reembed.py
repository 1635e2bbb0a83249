"""Another embedding model over the real command line, while questions are asked of a real server."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from tests.e2e.command_line import CommandLine, on_record, write_pages
from tests.e2e.conftest import LiveServer, MakeSettings, serving

from ragstone.ingest import reembedding
from ragstone.testing.embedding_server import EmbeddingServer
from ragstone.worker import run as worker

PAGES = 8
ACTIVE = "select model from embedding_spaces where role = 'active'"
FILLS = "select exists (select from vectors v join embedding_spaces s on s.id = space_id where role = 'filling')"


@pytest.fixture
def other() -> Iterator[EmbeddingServer]:
    with EmbeddingServer(dimensions=48) as server:
        yield server


@pytest.fixture
def server(make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveServer]:
    """A server whose worker looks for a space to fill ten times as often as it would."""
    monkeypatch.setattr(worker, "_SWEEP_SECONDS", 0.2)
    monkeypatch.setattr(reembedding, "_PAUSE_SECONDS", 0.5)
    with serving(make_settings()) as live:
        yield live


@pytest.fixture
def cli(server: LiveServer, tmp_path: Path) -> CommandLine:
    own = on_record(server.settings)
    own.run("ingest", str(write_pages(tmp_path / "pages", PAGES, words=400)))
    return own


class Asker:
    """Asks one question by meaning over and over, and keeps what was not answered as it should be."""

    def __init__(self, server: LiveServer) -> None:
        self._url = f"{server.url}/v1/retrieve"
        self._stopping = threading.Event()
        self.asked = 0
        self.wrong: list[str] = []

    def ask(self) -> None:
        while not self._stopping.wait(0.02):
            reply = httpx.post(
                self._url, json={"question": "Stone 3", "mode": "meaning", "top_k": 3}, timeout=20, trust_env=False
            )
            self.asked += 1
            if reply.status_code != 200 or not reply.json()["hits"] or reply.json()["missing"]:
                self.wrong.append(reply.text[:300])

    def stop(self) -> None:
        self._stopping.set()


@contextmanager
def asked(server: LiveServer) -> Iterator[Asker]:
    asker = Asker(server)
    thread = threading.Thread(target=asker.ask)
    thread.start()
    try:
        yield asker
    finally:
        asker.stop()
        thread.join()


def spaces(cli: CommandLine) -> dict[str, dict[str, Any]]:
    listed = json.loads(cli.run("reembed", "--status", "--json").stdout)["spaces"]
    return {each["role"] or "unused": each for each in listed}


def to(other: EmbeddingServer) -> tuple[str, ...]:
    return ("reembed", "--model", "openai:stand-in", "--base-url", other.base_url)


def test_there_and_back_under_a_load_of_questions(cli: CommandLine, server: LiveServer, other: EmbeddingServer) -> None:
    with asked(server) as asker:
        with cli.running(*to(other), "--rate", "20") as first:
            first.until(lambda _: other.requests)
            first.process.kill()
        outcome = json.loads(cli.run(*to(other), "--json").stdout)
        # The server's own worker goes on with what was killed: it may be done before the second command has started.
        assert outcome["outcome"] in ("swapped", "unchanged")
        assert outcome["model"] == "stand-in"
        assert outcome["embedded"] == outcome["chunks"] > PAGES
        assert spaces(cli)["active"]["model"] == "stand-in"
        assert spaces(cli)["previous"]["embedded"] == outcome["chunks"]
        time.sleep(0.5)
        outcome = json.loads(cli.run("reembed", "--rollback", "--json").stdout)
        assert outcome["outcome"] == "swapped"
        assert spaces(cli)["active"]["model"].endswith("MiniLM-L6-v2")
        cli.run("reembed", "--drop")
        assert set(spaces(cli)) == {"active"}
        time.sleep(0.5)
    assert asker.asked > 20
    assert asker.wrong == []
    assert json.loads(cli.run("reembed", "--json").stdout)["outcome"] == "unchanged"


def until(server: LiveServer, statement: str, wanted: object, seconds: float = 60) -> None:
    """Wait until the record says what is wanted. A command that asked it would take seconds to start, each time."""
    assert server.settings.database_url
    url, options = server.settings.database_url.get_secret_value(), f"-c search_path={server.settings.database_schema}"
    deadline = time.monotonic() + seconds
    with psycopg.connect(url, options=options, autocommit=True) as connection:
        while (found := connection.execute(statement.encode()).fetchall()) != [(wanted,)]:
            assert time.monotonic() < deadline, found
            time.sleep(0.05)


@pytest.fixture
def questions(cli: CommandLine, tmp_path: Path) -> Path:
    """The heading of each page as a question that the page answers."""
    pages = sorted((tmp_path / "pages").glob("*.md"))
    judged = [{"question": page.read_text().splitlines()[0], "uris": [page.resolve().as_uri()]} for page in pages]
    written = tmp_path / "questions.jsonl"
    written.write_text("\n".join(json.dumps(each) for each in judged))
    return written


def test_a_model_that_was_dropped_comes_back_while_a_server_runs(
    cli: CommandLine, server: LiveServer, other: EmbeddingServer
) -> None:
    with asked(server) as asker:
        cli.run(*to(other), "--no-wait")
        until(server, ACTIVE, "stand-in")
        cli.run("reembed", "--rollback")
        cli.run("reembed", "--drop")
        cli.run(*to(other), "--rate", "1", "--no-wait")
        until(server, FILLS, wanted=True)
        cli.run("reembed", "--stop")  # under a batch
        cli.run("reembed", "--drop")
        cli.run(*to(other), "--no-wait")
        until(server, ACTIVE, "stand-in")
        time.sleep(0.5)
    assert not server.crashed.is_set()
    assert asker.asked > 20
    assert asker.wrong == []


def test_the_gate_holds_for_a_filling_that_began_without_it(
    cli: CommandLine, server: LiveServer, questions: Path
) -> None:
    with EmbeddingServer(dimensions=2) as worse:
        cli.run(*to(worse), "--rate", "1", "--no-wait")
        until(server, FILLS, wanted=True)
        outcome = json.loads(cli.run(*to(worse), "--gate", str(questions), "--json", code=1).stdout)
        assert outcome["outcome"] == "refused"
        time.sleep(2)  # time enough for the server's worker to look again, twice
        assert spaces(cli)["active"]["model"].endswith("MiniLM-L6-v2")
    assert not server.crashed.is_set()


def test_a_passage_that_the_new_model_refuses_waits_for_a_word(cli: CommandLine, server: LiveServer) -> None:
    with EmbeddingServer(dimensions=48, refused="The weight of stone 3 is") as strict:
        told = cli.run(*to(strict), code=1).stderr
        assert "page-003.md" in told
        assert "--skip-refused" in told
        found = spaces(cli)
        assert found["filling"]["embedded"] == found["filling"]["chunks"] - 1
        assert "page-003.md" in found["filling"]["trouble"]
        requests = len(strict.requests)
        time.sleep(2)
        assert len(strict.requests) == requests
        outcome = json.loads(cli.run(*to(strict), "--skip-refused", "--json").stdout)
        assert outcome["embedded"] == outcome["chunks"] - 1
        assert spaces(cli)["active"]["model"] == "stand-in"
        failed = httpx.get(f"{server.url}/v1/documents", params={"state": "failed"}, trust_env=False).json()
        assert "page-003.md" in json.dumps(failed)
    assert not server.crashed.is_set()


def test_the_gate_refuses_a_worse_model(cli: CommandLine, questions: Path) -> None:
    with EmbeddingServer(dimensions=2) as worse:
        outcome = json.loads(cli.run(*to(worse), "--gate", str(questions), "--json", code=1).stdout)
    assert outcome["outcome"] == "refused"
    assert outcome["ndcg_after"] < outcome["ndcg_before"]
    assert spaces(cli)["active"]["model"].endswith("MiniLM-L6-v2")
    cli.run("reembed", "--stop")
    cli.run("reembed", "--drop")
    assert set(spaces(cli)) == {"active"}


def test_what_makes_no_sense_is_told(server: LiveServer, tmp_path: Path) -> None:
    cli = on_record(server.settings)
    assert "no previous model" in cli.fails("reembed", "--rollback")
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text('{"question": 1}')
    assert "Line 1" in cli.fails("reembed", "--gate", str(wrong))
    wrong.write_text('{"question": "Which stone?", "uris": ["unheard-of"]}')
    assert "unheard-of" in cli.fails("reembed", "--gate", str(wrong))
    assert "exclude each other" in cli.run("reembed", "--drop", "--status", code=2).stderr
