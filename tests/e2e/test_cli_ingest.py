"""``ragstone ingest``: progress, outcome, and what happens when it is stopped."""

import json
import os
import pty
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.command_line import RAGSTONE, CommandLine, on_record, scrubbed, write_pages
from tests.e2e.conftest import LiveServer, MakeSettings


@pytest.fixture(scope="module")
def cli(make_settings: MakeSettings) -> CommandLine:
    return on_record(make_settings())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of good pages and bad files."""
    write_pages(tmp_path, 3)
    (tmp_path / "empty.md").touch()
    (tmp_path / "film.mp4").write_bytes(b"\0\0\0\x20ftypisom" + bytes(100))
    (tmp_path / "broken.pdf").write_bytes(os.urandom(3000))
    (tmp_path / ".hidden.md").write_text("hidden")
    return tmp_path


def summary(line: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(line)
    return body


def test_a_folder_ends_searchable_or_with_the_reason(cli: CommandLine, folder: Path) -> None:
    ran = cli.run("ingest", str(folder), "--collection", "folder", "--metadata", "kind=wall", "--json", code=1)
    (line,) = ran.stdout.splitlines()
    outcome = summary(line)
    (failure,) = outcome["failures"]
    assert scrubbed(outcome, "seconds", "failures") == {
        "documents": 4, "accepted": 4, "unchanged": 0, "skipped": 2, "skipped_kinds": {"empty": 1, ".mp4": 1},
        "ready": 3, "failed": 1, "unknown": 0, "chunks": 3,
    }  # fmt: skip
    assert failure["uri"] == (folder / "broken.pdf").as_uri()
    assert failure["stage"] == "parse"
    assert failure["remedy"]
    last = ran.stderr.splitlines()[-1]
    assert last.startswith("4/4 done")
    for fact in ("chunks/s", "ETA", "4 accepted", "3 searchable", "3 ready", "1 failed", "3 chunks embedded"):
        assert fact in last
    (found,) = json.loads(
        cli.run("search", "the weight of stone 2", "--collection", "folder", "--top-k", "1", "--json").stdout
    )["hits"]
    assert found["metadata"] == {"kind": "wall"}
    assert found["title"] == "Stone 2"


def test_the_outcome_for_a_person(cli: CommandLine, folder: Path) -> None:
    ran = cli.run("ingest", str(folder), "--collection", "person", "--glob", "*.md", "--glob", "*.pdf", code=1)
    failed, why, skipped, counts = ran.stdout.splitlines()
    assert failed.endswith("/broken.pdf")
    assert why.strip().startswith("parse: ")
    assert skipped == "skipped 1 files that hold no document: 1 empty"
    assert counts.startswith("4 documents (4 new, 0 as before): 3 ready, 1 failed; 3 chunks in ")


def test_the_same_again_is_no_work(cli: CommandLine, tmp_path: Path) -> None:
    write_pages(tmp_path, 2)
    first = summary(cli.run("ingest", str(tmp_path), "--collection", "again", "--json").stdout)
    (tmp_path / "page-002.md").write_text("# Another\n\nAll is new.\n")
    second = summary(cli.run("ingest", str(tmp_path), "--collection", "again", "--json").stdout)
    assert (first["accepted"], first["unchanged"]) == (2, 0)
    assert (second["accepted"], second["unchanged"], second["ready"]) == (1, 1, 2)
    listed = json.loads(cli.run("collections", "list", "--json").stdout)["items"]
    assert [each["documents"] for each in listed if each["name"] == "again"] == [2]


def test_no_wait_leaves_the_work_to_a_worker(cli: CommandLine, tmp_path: Path) -> None:
    write_pages(tmp_path, 2)
    left = summary(cli.run("ingest", str(tmp_path), "--collection", "later", "--no-wait", "--json").stdout)
    assert (left["documents"], left["ready"]) == (2, 0)
    with cli.running("worker") as worker:
        done = summary(cli.run("ingest", str(tmp_path), "--collection", "later", "--json").stdout)
        assert (done["unchanged"], done["ready"]) == (2, 2)
        assert worker.end(signal.SIGTERM) == 0
        assert "Stopped." in worker.err


def test_a_server_takes_documents_as_the_record_does(server: LiveServer, folder: Path) -> None:
    cli = on_record(server.settings)
    outcomes = [
        summary(cli.run("ingest", str(folder), "--collection", name, *where, "--json", code=1).stdout)
        for name, where in (("near", ()), ("far", ("--url", server.url)))
    ]
    assert scrubbed(outcomes[0], "seconds") == scrubbed(outcomes[1], "seconds")


def test_documents_for_others_are_followed_here_and_said_to_be_unknown_there(
    server: LiveServer, tmp_path: Path
) -> None:
    cli = on_record(server.settings)
    write_pages(tmp_path, 1)
    for again in (0, 1):
        outcome = summary(cli.run("ingest", str(tmp_path), "--reader", "hr", "--json").stdout)
        assert (outcome["unchanged"], outcome["ready"], outcome["unknown"]) == (again, 1, 0)
    far = ("--collection", "others", "--url", server.url)
    outcome = summary(cli.run("ingest", str(tmp_path), "--reader", "hr", *far, "--json", code=1).stdout)
    assert (outcome["accepted"], outcome["ready"], outcome["unknown"]) == (1, 0, 1)


@pytest.mark.parametrize("command", ["ingest", "sync"])
def test_a_pipe_is_refused_at_once(cli: CommandLine, server: LiveServer, tmp_path: Path, command: str) -> None:
    os.mkfifo(tmp_path / "p")
    for there in ((), ("--url", server.url)):
        assert "no file or folder, but a pipe" in cli.fails(command, str(tmp_path / "p"), *there)


def test_what_is_called_wrongly_changes_nothing(cli: CommandLine, tmp_path: Path) -> None:
    write_pages(tmp_path, 2)
    assert "name: " in cli.fails("ingest", str(tmp_path), "--collection", "a b")
    assert "no file or folder" in cli.fails("ingest", str(tmp_path / "nothing"), "--collection", "wrong")
    assert "'wrong'" not in cli.run("collections", "list").stdout


def test_a_private_address_is_not_fetched(cli: CommandLine) -> None:
    ran = cli.run("ingest", "http://127.0.0.1:9/page", "--json", code=1)
    (failure,) = json.loads(ran.stdout)["failures"]
    assert "blocked" in failure["message"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_in_the_middle_it_goes_on_later(
    make_settings: MakeSettings, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    cli = on_record(make_settings())
    write_pages(tmp_path, 20, words=700)
    with cli.running("ingest", str(tmp_path)) as first:
        first.until(lambda seen: "accepted" in seen.err)
        assert first.end(number) == code
        assert "Stopped. What was accepted is kept." in first.err
        assert "Traceback" not in first.err
    for page in sorted(tmp_path.iterdir())[4:]:
        page.unlink()
    outcome = summary(cli.run("ingest", str(tmp_path), "--json").stdout)
    assert (outcome["documents"], outcome["ready"]) == (4, 4)


def test_a_terminal_shows_a_bar(cli: CommandLine, tmp_path: Path) -> None:
    write_pages(tmp_path, 3)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [RAGSTONE, "ingest", str(tmp_path), "--collection", "bar"],
        env={**cli.environment, "TERM": "xterm", "COLUMNS": "80"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    try:
        while part := os.read(ours, 65536):
            seen += part
    except OSError:
        pass  # the terminal is gone with the process
    finally:
        os.close(ours)
    assert process.wait(60) == 0
    assert "━" in seen.decode()
    assert "3/3 done" in seen.decode()
