"""Fixtures: a real PostgreSQL from the wheel for the whole run, a schema of its own for each test."""

import contextlib
import os
import tempfile
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from ragstone.container import Container, open_container
from ragstone.domain.errors import ConfigurationError
from ragstone.postgres import embedded
from ragstone.postgres.embedded import EmbeddedPostgres
from ragstone.settings import Settings

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

SLOWEST = (
    "integration/test_parsers_files.py",
    "e2e/test_kill.py",
    "e2e/test_cli_sync.py",
    "e2e/test_reembed.py",
    "e2e/test_index_cli.py",
    "e2e/test_cli_serving.py",
    "e2e/test_cli_ingest.py",
    "e2e/test_cli_records.py",
    "e2e/test_doctor.py",
    "e2e/test_cli_questions.py",
    "e2e/test_eval.py",
    "e2e/test_api_schema.py",
    "contract/test_embedders.py",
    "integration/test_parsers_pictures.py",
    "integration/test_evaluation.py",
    "integration/test_noninterference.py",
)
"""Files that take longest, which many processes begin with: one that comes last would keep one of them alone."""


def pytest_configure(config: pytest.Config) -> None:
    """Make the user that root runs PostgreSQL as, before many processes start a server at once and each makes it."""
    if os.geteuid() == 0 and not hasattr(config, "workerinput"):
        with contextlib.suppress(ConfigurationError):  # the tests that need it say so
            embedded._server_ids()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the slowest files. Refuse tests of one name: of those, many processes would run only the first."""
    twice = [name for name, count in Counter(item.nodeid for item in items).items() if count > 1]
    assert not twice, f"tests of one name: {twice}"
    if hasattr(config, "workerinput"):
        places = {Path(__file__).parent / file: place for place, file in enumerate(SLOWEST)}
        items.sort(key=lambda item: places.get(item.path, len(SLOWEST)))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the developer's own RAGSTONE_* variables and ragstone.toml out of the tests."""
    for name in list(os.environ):
        if name.startswith("RAGSTONE_") or name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("RAGSTONE_CONFIG", str(tmp_path_factory.getbasetemp() / "none.toml"))


@pytest.fixture(scope="session")
def data_dir() -> Iterator[Path]:
    """A data directory for the run: the cluster and the model graph are made once."""
    with tempfile.TemporaryDirectory(prefix="ragstone-test-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def postgres_url(data_dir: Path) -> Iterator[str]:
    """URL of a PostgreSQL that lives as long as the run."""
    server = EmbeddedPostgres(data_dir)
    yield server.start()
    server.stop()


@pytest.fixture
def settings(postgres_url: str, data_dir: Path) -> Iterator[Settings]:
    """Settings of a fresh, empty record in a schema that goes with the test."""
    schema = f"test_{uuid.uuid4().hex[:12]}"
    yield Settings(
        database_url=SecretStr(postgres_url), database_schema=schema, data_dir=data_dir, port=0, log_level="warning"
    )
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema)))


@pytest.fixture
async def container(settings: Settings) -> AsyncIterator[Container]:
    """An open container on the fresh record."""
    async with open_container(settings) as opened:
        yield opened


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The public data sets, where they are."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs ../shared/data, which is not here")
    return SHARED_DATA
