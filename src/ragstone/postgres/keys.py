"""API keys: random secrets, of which only a digest is stored."""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from ragstone.domain.access import EVERYONE, Permission, Principal
from ragstone.domain.errors import NotFound, Unauthenticated
from ragstone.domain.ids import new_id
from ragstone.ports.keys import ApiKey
from ragstone.postgres.database import Connection

_PREFIX = "rs_"
_COLUMNS = "id, name, tenant, permissions, readers, created_at, revoked_at"


class PostgresKeys:
    """The ``Keys`` of the record port."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(
        self, *, name: str, tenant: str, permissions: Sequence[Permission], readers: Sequence[str]
    ) -> tuple[ApiKey, str]:
        """Make a key; the second value is the secret, which is not stored and cannot be shown again."""
        secret = _PREFIX + secrets.token_urlsafe(32)
        cursor = await self._connection.execute(
            f"insert into api_keys (id, name, tenant, permissions, readers, digest) values (%s, %s, %s, %s, %s, %s)"  # noqa: S608
            f" returning {_COLUMNS}",
            (new_id(), name, tenant, list(permissions), sorted({EVERYONE, *readers}), _digest(secret)),
        )
        rows = await cursor.fetchall()
        return _to_key(rows[0]), secret

    async def principal(self, secret: str) -> Principal:
        """Return whom the secret stands for. Raise ``Unauthenticated``.

        The secret has 256 random bits, so a plain digest, found by index, tells an attacker nothing.
        """
        cursor = await self._connection.execute(
            "select name, tenant, permissions, readers from api_keys where digest = %s and revoked_at is null",
            (_digest(secret),),
        )
        row = await cursor.fetchone()
        if row is None:
            raise Unauthenticated(
                "The API key is not valid.", remedy="Check it, or make one with `ragstone keys create`."
            )
        name, tenant, permissions, readers = row
        return Principal(tenant, name, frozenset(readers), frozenset(Permission(each) for each in permissions))

    async def list(self) -> Sequence[ApiKey]:
        """Return all keys, the oldest first."""
        cursor = await self._connection.execute(f"select {_COLUMNS} from api_keys order by id")  # noqa: S608
        return [_to_key(row) for row in await cursor.fetchall()]

    async def revoke(self, key_id: UUID) -> None:
        """End a key. Raise ``NotFound``."""
        cursor = await self._connection.execute(
            "update api_keys set revoked_at = coalesce(revoked_at, now()) where id = %s", (key_id,)
        )
        if cursor.rowcount == 0:
            raise NotFound("There is no such key.", remedy="`ragstone keys list` shows them.")

    async def any(self) -> bool:
        """Whether a key is there that is not revoked."""
        cursor = await self._connection.execute("select from api_keys where revoked_at is null limit 1")
        return await cursor.fetchone() is not None


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _to_key(row: Sequence[Any]) -> ApiKey:
    id_, name, tenant, permissions, readers, created_at, revoked_at = row
    held = tuple(Permission(each) for each in permissions)
    return ApiKey(id_, name, tenant, held, tuple(readers), created_at, revoked_at)
