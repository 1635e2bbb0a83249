"""A server that is too old, or lacks pgvector, is told before anything is done with it."""

from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from ragstone.domain.errors import ConfigurationError
from ragstone.postgres.database import _check


class Server:
    """As much of a connection as the checks look at."""

    def __init__(self, version: int, vector: str | None, error: Exception | None = None) -> None:
        self.info = SimpleNamespace(server_version=version)
        self._vector = vector
        self._error = error

    async def execute(self, statement: str) -> Any:
        if statement.startswith("create extension") and self._error:
            raise self._error

        async def fetchone() -> tuple[str] | None:
            return (self._vector,) if self._vector else None

        return SimpleNamespace(fetchone=fetchone)


@pytest.mark.parametrize(
    ("server", "said"),
    [
        (Server(140012, "0.8.1"), "PostgreSQL 14 is too old"),
        (Server(160000, "0.7.4"), "pgvector 0.7.4 is too old"),
        (Server(160000, None), "no pgvector"),
        (Server(160000, None, psycopg.errors.FeatureNotSupported()), "no pgvector"),
        (Server(160000, None, psycopg.errors.UndefinedFile()), "no pgvector"),
        (Server(160000, None, psycopg.errors.InsufficientPrivilege()), "may not create the extension"),
    ],
)
async def test_refused(server: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        await _check(server)
    assert caught.value.remedy


@pytest.mark.parametrize("server", [Server(150000, "0.8.0"), Server(180004, "0.8.5"), Server(190000, "0.10.0")])
async def test_accepted(server: Any) -> None:
    await _check(server)
