"""The processes that stay, the embedded record that outlives them, and the doctor."""

import json
import re
import signal
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.e2e.command_line import CommandLine, on_record
from tests.e2e.conftest import LiveServer

from ragstone.settings import Settings

HEADING = re.compile(r"is ready at (\S+)")


@pytest.fixture(scope="module")
def cli(data_dir: Path, tmp_path_factory: pytest.TempPathFactory, server: LiveServer) -> CommandLine:
    """Return the command line on an embedded record of its own; the model's graph, already built, is shared."""
    own = tmp_path_factory.mktemp("embedded")
    (own / "models").symlink_to(data_dir / "models")
    return CommandLine({"RAGSTONE_DATA_DIR": str(own)})


def checks(cli: CommandLine, code: int = 0) -> dict[str, dict[str, Any]]:
    diagnosis = json.loads(cli.run("doctor", "--json", code=code).stdout)
    assert diagnosis["ok"] == (code == 0)
    return {check["name"]: check for check in diagnosis["checks"]}


def test_up_shows_the_demo_and_the_record_outlives_it(cli: CommandLine) -> None:
    with cli.running("up", "--demo", "--port", "0") as up:
        up.until(lambda seen: "Ctrl-C stops it." in seen.out)
        url, question = HEADING.findall(up.out)[0], re.findall(r"ask '(.+)'", up.out)[0]
        assert f"curl -s {url}/v1/ask" in up.out
        assert "<html" in httpx.get(url, trust_env=False).text
        answer = httpx.post(f"{url}/v1/ask", json={"question": question}, trust_env=False, timeout=60).json()
        assert answer["citations"], f"the demo's question is not answered: {answer}"
        found = cli.run("search", question, "--json").stdout
        assert up.end(signal.SIGTERM) == 0
        assert "Traceback" not in up.err
    assert cli.run("search", question, "--json").stdout == found  # now without a server, PostgreSQL started by itself


def test_serve_leaves_the_work_to_workers(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "note.md").write_text("# Note\n\nThe lintel is of granite.\n")
    with cli.running("serve", "--port", "0") as server:
        server.until(lambda seen: HEADING.search(seen.out))
        url = HEADING.findall(server.out)[0]
        cli.run("ingest", str(tmp_path), "--no-wait", "--url", url)
        assert json.loads(cli.run("documents", "list", "--state", "accepted", "--json", "--url", url).stdout)["items"]
        outcome = json.loads(cli.run("ingest", str(tmp_path), "--json").stdout)
        assert (outcome["unchanged"], outcome["ready"]) == (1, 1)
        assert server.end(signal.SIGINT) == 0


def test_other_addresses_need_a_key(cli: CommandLine) -> None:
    assert "no API key" in cli.run("serve", "--host", "0.0.0.0", "--port", "0", code=1).stderr


def test_a_port_that_is_taken(cli: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "cannot serve on 127.0.0.1" in cli.run("serve", "--port", port, code=1).stderr


def test_the_doctor_finds_all_well(server: LiveServer) -> None:
    found = checks(on_record(server.settings).but(RAGSTONE_PORT=server.url.rpartition(":")[2]))
    for name in ("python", "database", "schema", "queue", "keys", "embedder", "vectors", "parser", "port"):
        assert found[name]["status"] == "ok", found[name]
    assert "PostgreSQL 18" in found["database"]["detail"]
    assert "1 workers work" in found["queue"]["detail"]
    assert found["chat model"]["status"] == "info"
    assert found["port"]["detail"] == f"Ragstone serves at {server.url}"


def test_the_doctor_says_how_to_mend_what_is_broken(settings: Settings, tmp_path: Path) -> None:
    broken = CommandLine(
        {
            "RAGSTONE_DATA_DIR": str(tmp_path),
            "RAGSTONE_DATABASE_URL": "postgresql://me:sekret@127.0.0.1:1/x",
            "RAGSTONE_EMBEDDER": "nothing",
        }
    )
    found = checks(broken, code=1)
    for name in ("database", "embedder"):
        assert found[name]["status"] == "failed"
        assert found[name]["remedy"]
    assert found["parser"]["status"] == "ok"
    assert "sekret" not in json.dumps(found)
    assert checks(on_record(settings))["schema"]["status"] == "warning"
    assert checks(broken.but(RAGSTONE_PORT="high"), code=1)["settings"]["status"] == "failed"


def test_the_doctor_sees_documents_of_another_model_and_reembed_brings_them_over(
    cli: CommandLine, tmp_path: Path, settings: Settings
) -> None:
    import psycopg

    own = on_record(settings)
    for number in range(2):
        (tmp_path / f"{number}.md").write_text(f"# Note {number}\n\nThe keystone number {number} is of slate.\n")
    own.run("ingest", str(tmp_path))
    assert settings.database_url
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        connection.execute(f"update {settings.database_schema}.embedding_spaces set version = 'of last year'")
    vectors = checks(own)["vectors"]
    assert vectors["status"] == "warning"
    assert "of last year" in vectors["detail"]
    done = json.loads(own.run("reembed", "--json").stdout)
    assert (done["outcome"], done["embedded"]) == ("swapped", 2)
    assert "all embedded by this model" in checks(own)["vectors"]["detail"]


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"RAGSTONE_DATABASE_URL": "postgresql://me:sekret@127.0.0.1:1/x"}, "PostgreSQL: "),
        ({"RAGSTONE_PORT": "sekret"}, "RAGSTONE_PORT"),
        ({"RAGSTONE_EMBEDDER": "nothing"}, "no embedder 'nothing'"),
    ],
)
def test_a_start_that_fails_is_one_line(settings: Settings, variables: dict[str, str], says: str) -> None:
    line = on_record(settings).but(**variables).fails("search", "x")
    assert says in line
    assert "sekret" not in line


def test_the_traceback_is_there_for_who_asks(cli: CommandLine) -> None:
    ran = cli.but(RAGSTONE_LOG_LEVEL="debug", RAGSTONE_DATABASE_URL="x").run("search", "x", code=1)
    assert "Traceback" in ran.stderr
    assert ran.stderr.splitlines()[-1].startswith("Error: ")


def test_a_server_that_is_away(cli: CommandLine) -> None:
    for command in (("search", "x"), ("ingest", __file__)):
        assert "does not answer" in cli.fails(*command, "--url", "http://127.0.0.1:1")


def test_the_version_and_the_help(cli: CommandLine) -> None:
    assert re.fullmatch(r"ragstone \d+\.\d+\.\d+\S*\n", cli.run("--version").stdout)
    shown = cli.run("--help").stdout
    for command in ("up", "serve", "worker", "ingest", "documents", "jobs", "collections", "search", "ask", "keys"):
        assert re.search(rf"\b{command}\b", shown)
