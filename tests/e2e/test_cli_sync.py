"""``ragstone sync`` of folders, by the real command line: what it does, what it refuses, what it survives."""

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from tests.e2e.command_line import CommandLine, on_record, write_pages
from tests.e2e.conftest import LiveServer, MakeSettings, serving

from ragstone.settings import Settings

COUNTS = ("added", "changed", "renamed", "deleted", "unchanged", "failed", "skipped")


@pytest.fixture(scope="module")
def settings(make_settings: MakeSettings) -> Settings:
    return make_settings()


@pytest.fixture(scope="module")
def cli(settings: Settings) -> CommandLine:
    return on_record(settings)


def counted(line: str) -> dict[str, int]:
    """Return the counts of a summary that are not zero."""
    body: dict[str, Any] = json.loads(line)
    assert set(COUNTS) | {"seconds"} <= set(body)
    return {name: body[name] for name in COUNTS if body[name]}


def synced(cli: CommandLine, *arguments: str, code: int = 0) -> dict[str, int]:
    return counted(cli.run("sync", *arguments, "--json", code=code).stdout.splitlines()[-1])


def documents(cli: CommandLine, collection: str) -> dict[str, dict[str, Any]]:
    """Return the documents of a collection by the last part of their uris."""
    page = json.loads(cli.run("documents", "list", "--collection", collection, "--limit", "200", "--json").stdout)
    return {each["uri"].rpartition("/")[2]: each for each in page["items"]}


def rows(settings: Settings, table: str, column: str = "id") -> set[Any]:
    """Return the values of a column of the record."""
    assert settings.database_url
    names = (sql.Identifier(column), sql.Identifier(settings.database_schema, table))
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        return {row[0] for row in connection.execute(sql.SQL("select {} from {}").format(*names)).fetchall()}


def vectors(settings: Settings) -> set[Any]:
    """Return the ids of all chunks that have a vector."""
    return rows(settings, "vectors", "chunk_id")


def test_additions_changes_renames_and_deletions(cli: CommandLine, settings: Settings, tmp_path: Path) -> None:
    target = (str(write_pages(tmp_path, 5)), "--collection", "mirror")
    assert synced(cli, *target) == {"added": 5}
    before, had = documents(cli, "mirror"), vectors(settings)
    assert {each["source"] for each in before.values()} == {tmp_path.as_uri()}

    (tmp_path / "page-001.md").write_text("# Stone 1\n\nIt was weighed again: 77 kg.\n")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "page-002.md").rename(tmp_path / "deeper" / "two.md")
    (tmp_path / "page-003.md").unlink()
    (tmp_path / "page-006.md").write_text("# Stone 6\n\nIt is new.\n")
    told = cli.run("sync", *target, "--dry-run")
    assert told.stdout.splitlines()[:-1] == [
        f"rename  {(tmp_path / 'page-002.md').as_uri()} -> {(tmp_path / 'deeper' / 'two.md').as_uri()}",
        f"add     {(tmp_path / 'page-006.md').as_uri()}",
        f"change  {(tmp_path / 'page-001.md').as_uri()}",
        f"delete  {(tmp_path / 'page-003.md').as_uri()}",
    ]
    assert told.stdout.splitlines()[-1].startswith("would be 1 added, 1 changed, 1 renamed, 1 deleted; 2 unchanged")
    assert documents(cli, "mirror") == before
    wanted = {"added": 1, "changed": 1, "renamed": 1, "deleted": 1, "unchanged": 2}
    assert synced(cli, *target, "--dry-run") == wanted
    assert synced(cli, *target) == wanted

    after = documents(cli, "mirror")
    assert sorted(after) == ["page-001.md", "page-004.md", "page-005.md", "page-006.md", "two.md"]
    assert after["two.md"]["id"] == before["page-002.md"]["id"]
    assert after["two.md"]["job_id"] == before["page-002.md"]["job_id"]
    assert after["page-001.md"]["current_version"] != before["page-001.md"]["current_version"]
    has = vectors(settings)
    assert (len(has - had), len(had - has)) == (2, 2)  # one chunk for each that was added, changed, deleted
    assert synced(cli, *target) == {"unchanged": 5}
    assert vectors(settings) == has
    found = json.loads(cli.run("search", "weight of stone 1", "--collection", "mirror", "--json").stdout)["hits"]
    assert any("77 kg" in hit["text"] for hit in found)
    assert not any("stone 3" in hit["text"].lower() for hit in found)


def test_a_folder_that_is_a_link_is_the_same_whatever_it_leads_to(cli: CommandLine, tmp_path: Path) -> None:
    write_pages(tmp_path / "r1", 3)
    write_pages(tmp_path / "r2", 3)
    (tmp_path / "r2" / "page-002.md").write_text("# Stone 2\n\nIt was weighed again: 77 kg.\n")
    (tmp_path / "current").symlink_to("r1")
    target = (str(tmp_path / "current"), "--collection", "linked")
    assert synced(cli, *target) == {"added": 3}
    before = documents(cli, "linked")
    assert {each["source"] for each in before.values()} == {(tmp_path / "current").as_uri()}
    (tmp_path / "fresh").symlink_to("r2")
    (tmp_path / "fresh").rename(tmp_path / "current")
    assert synced(cli, *target) == {"changed": 1, "unchanged": 2}
    after = documents(cli, "linked")
    assert {name: each["id"] for name, each in after.items()} == {name: each["id"] for name, each in before.items()}


def test_files_that_are_links_to_a_version_get_new_versions(cli: CommandLine, tmp_path: Path) -> None:
    """Kubernetes mounts a ConfigMap so: `p.md -> ..data/p.md`, `..data -> ..v1`."""
    folder = tmp_path / "mounted"
    write_pages(folder / "..v1", 2)
    (folder / "..data").symlink_to("..v1")
    for name in ("page-001.md", "page-002.md"):
        (folder / name).symlink_to(f"..data/{name}")
    target = (str(folder), "--collection", "mounted")
    assert synced(cli, *target) == {"added": 2}
    write_pages(folder / "..v2", 2, words=90)
    (folder / "fresh").symlink_to("..v2")
    (folder / "fresh").rename(folder / "..data")
    shutil.rmtree(folder / "..v1")
    assert synced(cli, *target) == {"changed": 2}
    assert synced(cli, *target) == {"unchanged": 2}


def test_the_same_against_a_server(server: LiveServer, tmp_path: Path) -> None:
    cli = on_record(server.settings)
    target = (str(write_pages(tmp_path, 3)), "--collection", "far-mirror", "--url", server.url)
    assert synced(cli, *target) == {"added": 3}
    (tmp_path / "page-001.md").rename(tmp_path / "other.md")
    (tmp_path / "page-002.md").unlink()
    (tmp_path / "page-003.md").write_text("# Three\n\nAll is new.\n")
    wanted = {"renamed": 1, "deleted": 1, "changed": 1}
    assert synced(cli, *target, "--dry-run") == wanted
    assert synced(cli, *target) == wanted
    assert synced(cli, *target[:-2]) == {"unchanged": 2}
    assert sorted(documents(cli, "far-mirror")) == ["other.md", "page-003.md"]


def test_a_folder_that_was_ingested_is_adopted(cli: CommandLine, tmp_path: Path) -> None:
    target = (str(write_pages(tmp_path, 3)), "--collection", "adopted")
    cli.run("ingest", *target)
    before = documents(cli, "adopted")
    assert {each["source"] for each in before.values()} == {None}
    assert synced(cli, *target, "--dry-run") == {"unchanged": 3}
    assert {each["source"] for each in documents(cli, "adopted").values()} == {None}
    assert synced(cli, *target) == {"unchanged": 3}
    adopted = documents(cli, "adopted")
    assert {each["source"] for each in adopted.values()} == {tmp_path.as_uri()}
    assert {each["job_id"] for each in adopted.values()} == {each["job_id"] for each in before.values()}
    (tmp_path / "page-001.md").unlink()
    assert synced(cli, *target) == {"unchanged": 2, "deleted": 1}


def test_only_documents_of_the_source_are_deleted(cli: CommandLine, tmp_path: Path) -> None:
    write_pages(tmp_path / "a", 2)
    (write_pages(tmp_path / "b", 1) / "page-001.md").rename(tmp_path / "b" / "by-hand.md")
    where = ("--collection", "two-sources")
    cli.run("ingest", str(tmp_path / "b"), *where)
    synced(cli, str(tmp_path / "a"), *where)
    (tmp_path / "b" / "by-hand.md").rename(tmp_path / "elsewhere.md")
    (tmp_path / "a" / "page-002.md").unlink()
    assert synced(cli, str(tmp_path / "a"), *where) == {"unchanged": 1, "deleted": 1}
    assert sorted(documents(cli, "two-sources")) == ["by-hand.md", "page-001.md"]


def test_a_folder_that_is_suddenly_empty_is_doubted(cli: CommandLine, tmp_path: Path) -> None:
    target = (str(write_pages(tmp_path / "pages", 2)), "--collection", "emptied")
    synced(cli, *target)
    shutil.move(tmp_path / "pages", tmp_path / "away")
    (tmp_path / "pages").mkdir()
    for dry in ((), ("--dry-run",)):
        line = cli.fails("sync", *target, *dry)
        assert "2 documents would be deleted" in line
        assert "--allow-empty" in line
    assert len(documents(cli, "emptied")) == 2
    assert synced(cli, *target, "--allow-empty", "--dry-run") == {"deleted": 2}
    assert synced(cli, *target, "--allow-empty") == {"deleted": 2}
    assert documents(cli, "emptied") == {}
    (tmp_path / "pages").rmdir()
    assert "no file or folder" in cli.fails("sync", *target)


def test_readers_and_metadata_follow_without_new_work(cli: CommandLine, tmp_path: Path) -> None:
    target = (str(write_pages(tmp_path, 2)), "--collection", "said")
    synced(cli, *target, "--metadata", "year=2025")
    before = documents(cli, "said")
    assert synced(cli, *target, "--metadata", "year=2026") == {"unchanged": 2}
    after = documents(cli, "said")
    assert [each["metadata"] for each in after.values()] == [{"year": "2026"}] * 2
    assert {each["job_id"] for each in after.values()} == {each["job_id"] for each in before.values()}


def test_what_cannot_be_read_fails_each_time_and_harms_nothing(cli: CommandLine, tmp_path: Path) -> None:
    write_pages(tmp_path, 1)
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7\n" + b"no such thing\n" * 50)
    (tmp_path / "film.mp4").write_bytes(b"\0\0\0\x20ftypisom" + bytes(100))
    (tmp_path / "empty.md").touch()
    target = (str(tmp_path), "--collection", "broken")
    assert synced(cli, *target, code=1) == {"added": 1, "failed": 1, "skipped": 2}
    before = documents(cli, "broken")
    again = cli.run("sync", *target, "--json", code=1).stdout
    assert counted(again) == {"unchanged": 1, "failed": 1, "skipped": 2}
    (failure,) = json.loads(again)["failures"]
    assert failure["uri"].endswith("broken.pdf")
    assert failure["remedy"]
    assert documents(cli, "broken") == before
    (tmp_path / "broken.pdf").unlink()
    assert synced(cli, *target) == {"unchanged": 1, "deleted": 1, "skipped": 2}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_broken_off_and_run_again_it_ends_the_same(
    make_settings: MakeSettings, tmp_path: Path, number: signal.Signals
) -> None:
    cli = on_record(make_settings())
    write_pages(tmp_path, 20, words=700)
    with cli.running("sync", str(tmp_path)) as first:
        first.until(lambda seen: "accepted" in seen.err)
        first.end(number)
        assert "Traceback" not in first.err
    (tmp_path / "page-020.md").unlink()
    outcome = synced(cli, str(tmp_path))
    assert outcome.get("added", 0) + outcome.get("unchanged", 0) == 19
    held = documents(cli, "default")
    assert len(held) == 19
    assert {each["state"] for each in held.values()} == {"ready"}
    assert synced(cli, str(tmp_path)) == {"unchanged": 19}


def test_watching_it_follows_what_happens(cli: CommandLine, tmp_path: Path) -> None:
    write_pages(tmp_path, 2)
    with cli.running("sync", str(tmp_path), "--collection", "watched", "--watch", "0.2", "--json") as watching:

        def after(count: int) -> Callable[[Any], bool]:
            return lambda seen: seen.out.count("\n") >= count

        watching.until(after(1))
        (tmp_path / "page-001.md").write_text("# Stone 1\n\nHalf")
        (tmp_path / "page-001.md").write_text("# Stone 1\n\nHalf and whole.\n")
        watching.until(after(2))
        (tmp_path / "page-002.md").rename(tmp_path / "second.md")
        watching.until(after(3))
        shutil.move(tmp_path, tmp_path.with_name("away"))
        watching.until(lambda seen: "Looking again" in seen.err)
        shutil.move(tmp_path.with_name("away"), tmp_path)
        (tmp_path / "page-001.md").unlink()
        watching.until(after(4))
        assert watching.end(signal.SIGTERM) == 0
        assert "Stopped." in watching.err
        assert [counted(line) for line in watching.out.splitlines()] == [
            {"added": 2},
            {"changed": 1, "unchanged": 1},
            {"renamed": 1, "unchanged": 1},
            {"deleted": 1, "unchanged": 1},
        ]
    assert sorted(documents(cli, "watched")) == ["second.md"]


def test_no_wait_leaves_the_work_to_a_worker(make_settings: MakeSettings, tmp_path: Path) -> None:
    with serving(make_settings(), with_worker=False) as server:
        cli = on_record(server.settings)
        target = (str(write_pages(tmp_path, 2)), "--url", server.url)
        assert synced(cli, *target, "--no-wait") == {"added": 2}
        assert {each["state"] for each in documents(cli, "default").values()} == {"accepted"}
        assert synced(cli, *target[:1]) == {"unchanged": 2}
        assert {each["state"] for each in documents(cli, "default").values()} == {"ready"}


def test_what_is_no_list_of_addresses_is_refused(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("# Pages\nhttp://docs.test/a\nno address\n")
    assert "Line 3 is no web address: 'no address'" in cli.fails("sync", str(tmp_path / "list.txt"))
    assert "--metadata reads" in cli.fails("sync", str(tmp_path), "--metadata", "x")
    assert "blocked" in cli.fails("sync", "http://127.0.0.1:9/sitemap.xml")


def test_a_synced_folder_of_155_pages_is_no_work_again(make_settings: MakeSettings, shared_data: Path) -> None:
    """Acceptance: less than 5 s, and nothing for a worker to do. No worker runs here, so that it is quick to test."""
    settings = make_settings()
    cli = on_record(settings)
    target = (str(shared_data / "docs" / "fastapi_en"), "--glob", "*.md", "--no-wait")
    assert synced(cli, *target) == {"added": 155}
    queued = rows(settings, "procrastinate_jobs")
    assert len(queued) == 155
    again = cli.run("sync", *target, "--json").stdout
    assert counted(again) == {"unchanged": 155}
    assert json.loads(again)["seconds"] < 5
    assert rows(settings, "procrastinate_jobs") == queued
