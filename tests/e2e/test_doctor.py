"""The doctor looks through the record: it names what is broken and the document, and its remedy mends it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.e2e.command_line import CommandLine, on_record

from ragstone.cli import record_check
from ragstone.container import Container
from ragstone.settings import Settings


@pytest.fixture
def sql(settings: Settings) -> Iterator[psycopg.Connection]:
    assert settings.database_url
    options = f"-c search_path={settings.database_schema},public"
    with psycopg.connect(settings.database_url.get_secret_value(), options=options, autocommit=True) as connection:
        yield connection


def record(cli: CommandLine, *options: str, code: int = 0) -> list[dict[str, Any]]:
    """Return what the doctor says of the record."""
    checks = json.loads(cli.run("doctor", "--json", *options, code=code).stdout)["checks"]
    return [check for check in checks if check["name"] == "record"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("delete from blob_parts", "versions whose original bytes are not all there: 1"),
        ("update chunks set text = 'Gone.'", "chunks whose text is not that of their place in the document: 1"),
    ],
)
def test_what_it_says_mends_what_is_broken(
    settings: Settings, sql: psycopg.Connection, tmp_path: Path, damage: str, said: str
) -> None:
    cli = on_record(settings)
    (tmp_path / "stones.md").write_text("# Stones\n\nThe keystone is of slate.\n")
    cli.run("ingest", str(tmp_path))
    (sound,) = record(cli)
    assert sound["status"] == "ok"
    assert record(cli, "--deep") == [sound]
    rows = sql.execute("select latest_version, id from documents").fetchall()
    version, document = rows[0]
    sql.execute(damage, {"version": version})
    broken = [check for check in record(cli, code=1) if said in check["detail"]]
    assert [check["status"] for check in broken] == ["failed"]
    assert str(document) in broken[0]["detail"]
    assert "`ragstone documents delete ID`, then send it again" in broken[0]["remedy"]
    cli.run("ingest", str(tmp_path))
    assert record(cli, code=1), "sending alone mends nothing"
    cli.run("documents", "delete", str(document))
    cli.run("ingest", str(tmp_path))
    assert record(cli) == [sound]


async def test_what_takes_too_long_is_left_to_deep(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_check, "_CONTENTS_SECONDS", 0.001)
    (unseen,) = await record_check.record(container, deep=False)
    assert (unseen.status, "--deep" in unseen.remedy) == ("info", True)
    (seen,) = await record_check.record(container, deep=True)
    assert seen.status == "ok"
