"""``ragstone index`` over a real record: what it shows, and that building anew disturbs no search."""

import asyncio
import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from tests.e2e.command_line import CommandLine, on_record, write_pages
from tests.e2e.conftest import LiveServer, MakeSettings, serving

from ragstone.container import open_container
from ragstone.domain.access import LOCAL
from ragstone.ports.embedding_spaces import Role
from ragstone.postgres.vector_index import PgVectorIndex
from ragstone.settings import Settings

PAGES = 6


@pytest.fixture
def settings(make_settings: MakeSettings) -> Settings:
    return make_settings()


@pytest.fixture
def cli(settings: Settings, tmp_path: Path) -> CommandLine:
    command_line = on_record(settings)
    command_line.run("ingest", str(write_pages(tmp_path / "pages", PAGES, words=400)))
    return command_line


def body(cli: CommandLine, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cli.run(*arguments, "--json").stdout)
    return found


def checks(cli: CommandLine, *, code: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(cli.run("doctor", "--json", "--deep", code=code).stdout)["checks"]
    return found


def first_hit(cli: CommandLine, mode: str) -> str:
    hits = body(cli, "search", "What is the weight of stone 4?", "--mode", mode)["hits"]
    return str(hits[0]["title"])


def execute(settings: Settings, statement: str) -> None:
    assert settings.database_url
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        connection.execute(sql.SQL("set search_path to {}").format(sql.Identifier(settings.database_schema)))
        connection.execute(statement.encode())


async def build(settings: Settings) -> None:
    """Build the index of the space that answers, small as it is."""
    async with open_container(settings) as container:
        async with container.record.transaction() as transaction:
            active = await transaction.spaces.of_role(Role.ACTIVE)
        assert active
        assert await PgVectorIndex(container.database, exact=1).tune(active.model, active.version)


def test_the_words_are_indexed_anew(cli: CommandLine) -> None:
    before = body(cli, "index", "status")
    assert before["words"]["waiting"] == before["words"]["outdated"] == 0
    done = body(cli, "index", "rebuild", "--words")
    assert (done["spaces"], done["words"]) == ([], PAGES)
    after = body(cli, "index", "status")
    for figure in ("chunks", "versions", "waiting", "deleted", "outdated"):
        assert after["words"][figure] == before["words"][figure]
    assert after["words"]["bytes"] > 0
    assert first_hit(cli, "words") == "Stone 4"


def test_words_are_shown_by_collection(cli: CommandLine, tmp_path: Path) -> None:
    cli.run("ingest", str(write_pages(tmp_path / "others", 2)), "--collection", "others")
    words = body(cli, "index", "status")["words"]
    assert [(each["tenant"], each["collection"]) for each in words["collections"]] == [
        (LOCAL.tenant, "default"),
        (LOCAL.tenant, "others"),
    ]
    for each in words["collections"]:
        assert each["segments"] >= 1
        assert 0 < each["bytes"] < words["bytes"]
        assert each["unmerged"] == (each["segments"] if each["segments"] > 1 else 0)
    for figure in ("segments", "chunks"):
        assert sum(each[figure] for each in words["collections"]) == words[figure]
    assert "others" in cli.run("index", "status").stdout


def test_damaged_words_are_mended_by_indexing_them_anew(cli: CommandLine, settings: Settings) -> None:
    execute(settings, "update lexical_blocks set data = set_byte(data, 40, (get_byte(data, 40) + 1) % 256)")
    (damaged,) = (check for check in checks(cli, code=1) if check["status"] == "failed")
    assert "words are damaged" in damaged["detail"]
    assert "ragstone index rebuild --words" in damaged["remedy"]
    cli.run("index", "rebuild", "--words")
    assert not [check for check in checks(cli) if check["name"] == "record" and check["status"] != "ok"]
    assert first_hit(cli, "words") == "Stone 4"


def test_words_that_are_lost_wait_and_are_mended(cli: CommandLine, settings: Settings) -> None:
    execute(settings, "delete from lexical_segments")
    lost = body(cli, "index", "status")["words"]
    assert (lost["waiting"], lost["segments"]) == (PAGES, 0)
    assert f"{PAGES} documents to be indexed" in cli.run("index", "status").stdout
    assert "nothing to build" in cli.run("index", "tune").stdout
    assert body(cli, "index", "status")["words"]["waiting"] == 0
    assert first_hit(cli, "words") == "Stone 4"


def test_a_space_is_shown_with_its_indexes(cli: CommandLine, settings: Settings) -> None:
    (space,) = body(cli, "index", "status")["spaces"]
    assert space["indexes"] == []
    assert (space["role"], space["dimensions"]) == ("active", 384)
    assert space["vectors"] >= PAGES
    assert "none: read whole" in cli.run("index", "status").stdout
    asyncio.run(build(settings))
    (space,) = body(cli, "index", "status")["spaces"]
    (index,) = space["indexes"]
    assert (index["kind"], index["state"], index["done"]) == ("hnsw", "valid", None)
    assert index["parameters"].keys() == {"m", "ef_construction"}
    assert index["bytes"] > 0
    shown = cli.run("index", "status").stdout
    assert "hnsw, m 24" in shown
    assert "valid" in shown
    assert first_hit(cli, "meaning") == "Stone 4"


def test_what_was_broken_off_is_shown_and_cleared_away(cli: CommandLine, settings: Settings) -> None:
    asyncio.run(build(settings))
    (index,) = body(cli, "index", "status")["spaces"][0]["indexes"]
    # As a building leaves it that was killed.
    execute(settings, f"update pg_index set indisvalid = false where indexrelid = '{index['name']}'::regclass")
    assert body(cli, "index", "status")["spaces"][0]["indexes"][0]["state"] == "broken"
    assert body(cli, "index", "tune")["spaces"][0]["built"] is False  # it is too small to need another
    assert body(cli, "index", "status")["spaces"][0]["indexes"] == []
    assert first_hit(cli, "meaning") == "Stone 4"


def test_beside_a_worker_that_keeps_the_words(settings: Settings, tmp_path: Path) -> None:
    with serving(settings) as server:
        assert isinstance(server, LiveServer)
        cli = on_record(server.settings)
        cli.run("ingest", str(write_pages(tmp_path / "pages", PAGES)))
        assert body(cli, "index", "tune")["words"] == 0
        assert body(cli, "index", "rebuild")["words"] == PAGES
        assert body(cli, "index", "status")["words"]["waiting"] == 0
        assert first_hit(cli, "words") == "Stone 4"
