"""Documents, jobs, collections, keys and the database from the command line."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.e2e.command_line import RAGSTONE, CommandLine, on_record, write_pages
from tests.e2e.conftest import LiveServer, MakeSettings

NO_ID = "01900000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def cli(server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """Return the command line on the server's record, where some documents are in the collection ``records``."""
    folder = write_pages(tmp_path_factory.mktemp("records"), 3, words=900)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 8)
    command_line = on_record(server.settings)
    command_line.run("ingest", str(folder), "--collection", "records", "--metadata", "a=b", code=1)
    return command_line


def body(cli: CommandLine, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cli.run(*arguments, "--json").stdout)
    return found


@pytest.fixture(scope="module")
def documents(cli: CommandLine) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = body(cli, "documents", "list", "--collection", "records")["items"]
    return items


def test_every_reading_command_prints_what_http_replies(
    cli: CommandLine, server: LiveServer, documents: list[dict[str, Any]]
) -> None:
    ready = next(each for each in documents if each["state"] == "ready")
    near = {
        f"documents/{ready['id']}/chunks?cursor=0&limit=2": (
            *("documents", "chunks", ready["id"], "--cursor", "0", "--limit", "2"),
        ),
        "documents?collection=records&limit=2": ("documents", "list", "--collection", "records", "--limit", "2"),
        f"jobs?state=ready&limit=1&cursor={ready['job_id']}": (
            *("jobs", "list", "--state", "ready", "--limit", "1", "--cursor", ready["job_id"]),
        ),
    }
    far = {
        f"documents/{ready['id']}": ("documents", "show", ready["id"]),
        "documents?collection=records&state=failed": (
            *("documents", "list", "--collection", "records", "--state", "failed"),
        ),
        f"jobs/{ready['job_id']}": ("jobs", "show", ready["job_id"]),
    }
    for path, command in near.items():
        assert cli.run(*command, "--json").stdout.strip() == replied(server, path)
    for path, command in far.items():
        assert cli.run(*command, "--json", "--url", server.url).stdout.strip() == replied(server, path)


def replied(server: LiveServer, path: str) -> str:
    return httpx.get(f"{server.url}/v1/{path}", trust_env=False).text


def test_lists_for_a_person(cli: CommandLine, documents: list[dict[str, Any]]) -> None:
    ran = cli.run("documents", "list", "--collection", "records", "--limit", "3")
    assert ran.stdout.count("records  file:///") == 3
    assert ran.stderr.startswith("There are more: --cursor ")
    queue = cli.run("jobs", "queue").stdout
    assert "ready" in queue
    assert "chunks a second" in queue
    failed = next(each for each in documents if each["state"] == "failed")
    shown = cli.run("documents", "show", failed["id"]).stdout
    assert "failed in" in shown
    assert "remedy" in shown
    assert "0 of 0 chunks" in cli.run("jobs", "show", failed["job_id"]).stdout
    ready = next(each for each in documents if each["state"] == "ready")
    assert cli.run("documents", "content", ready["id"]).stdout.startswith("# Stone ")


def test_a_failed_job_can_be_tried_again_and_ends_as_before(cli: CommandLine, documents: list[dict[str, Any]]) -> None:
    failed = next(each for each in documents if each["state"] == "failed")
    assert body(cli, "jobs", "retry", failed["job_id"])["state"] == "accepted"
    ready = next(each for each in documents if each["state"] == "ready")
    assert "cannot be cancelled" in cli.fails("jobs", "cancel", ready["job_id"])
    assert "nothing to retry" in cli.fails("jobs", "retry", ready["job_id"])


@pytest.mark.parametrize("command", [("documents", "delete"), ("keys", "revoke")])
def test_what_is_not_there(cli: CommandLine, command: tuple[str, ...]) -> None:
    assert "There is no such" in cli.fails(*command, NO_ID)


def test_a_cursor_that_is_none(cli: CommandLine) -> None:
    assert "is no cursor" in cli.fails("documents", "list", "--cursor", "01900000")


def test_deleted_documents_are_gone(cli: CommandLine, server: LiveServer, tmp_path: Path) -> None:
    far = ("--url", server.url)
    write_pages(tmp_path, 2)
    assert body(cli, "collections", "create", "gone", *far)["name"] == "gone"
    cli.run("ingest", str(tmp_path), "--collection", "gone", *far)
    first, second = (each["id"] for each in body(cli, "documents", "list", "--collection", "gone")["items"])
    assert cli.run("documents", "delete", first).stdout == f"deleted {first}\n"
    assert cli.run("documents", "delete", second, "--json", *far).stdout == ""
    assert re.search("gone +0 +0 ", cli.run("collections", "list").stdout)


def test_deleted_collections_are_gone(cli: CommandLine, server: LiveServer, tmp_path: Path) -> None:
    write_pages(tmp_path, 2)
    for name, where in (("near", []), ("far", ["--url", server.url])):
        cli.run("collections", "create", name)
        cli.run("ingest", str(tmp_path), "--collection", name)
        assert cli.run("collections", "delete", name, *where).stdout == f"deleted {name}\n"
        assert f"no collection named '{name}'" in cli.fails("documents", "list", "--collection", name, *where)
        assert f"no collection named '{name}'" in cli.fails("collections", "delete", name, "--json", *where)


def test_keys_are_shown_once_and_end_when_revoked(cli: CommandLine, server: LiveServer) -> None:
    made = body(cli, "keys", "create", "--name", "app", "--permission", "read", "--reader", "hr")
    assert made["permissions"] == ["read"]
    assert made["readers"] == ["everyone", "hr"]
    far = ("--url", server.url, "--key", made["key"])
    assert "items" in body(cli, "jobs", "list", *far)
    assert "may not write" in cli.fails("collections", "create", "new", *far)
    assert "may not write" in cli.fails("collections", "delete", "default", *far)
    listing = cli.run("keys", "list").stdout
    assert made["id"] in listing
    assert made["key"] not in listing
    assert "revoked" in cli.run("keys", "revoke", made["id"]).stdout
    assert "key is not valid" in cli.fails("collections", "list", *far)
    plain = cli.run("keys", "create", "--permission", "write")
    assert plain.stdout.startswith("rs_")
    assert len(plain.stdout.split()) == 1
    assert "not shown again" in plain.stderr


def test_the_database_is_looked_at_and_migrated(make_settings: MakeSettings) -> None:
    cli = on_record(make_settings())
    before = body(cli, "db", "status")
    assert "0001_foundations" in before["pending"]
    assert "applied 0001_foundations" in cli.run("db", "migrate").stdout
    after = body(cli, "db", "migrate")
    assert (after["pending"], after["applied"]) == ([], [])
    assert after["postgresql"].startswith(("15", "16", "17", "18"))


def test_a_pipe_that_closes_early_is_no_error(cli: CommandLine, documents: list[dict[str, Any]]) -> None:
    ready = next(each for each in documents if each["state"] == "ready")
    arguments = [RAGSTONE, "documents", "chunks", ready["id"], "--limit", "200"]
    with subprocess.Popen(arguments, env=cli.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        said = process.stderr.read().decode()
    assert "Traceback" not in said
