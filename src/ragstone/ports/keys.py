"""Port: API keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from ragstone.domain.access import Permission, Principal


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key's row; the secret itself is shown once, at creation, and stored as a SHA-256 digest."""

    id: UUID
    name: str
    tenant: str
    permissions: tuple[Permission, ...]
    readers: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


class Keys(Protocol):
    """API keys."""

    async def create(
        self, *, name: str, tenant: str, permissions: Sequence[Permission], readers: Sequence[str]
    ) -> tuple[ApiKey, str]:
        """Make a key; the second value is the secret, which is not stored and cannot be shown again."""
        ...

    async def principal(self, secret: str) -> Principal:
        """Return whom the secret stands for. Raise ``Unauthenticated``."""
        ...

    async def list(self) -> Sequence[ApiKey]:
        """Return all keys, the oldest first."""
        ...

    async def revoke(self, key_id: UUID) -> None:
        """End a key. Raise ``NotFound``."""
        ...

    async def any(self) -> bool:
        """Whether a key is there that is not revoked."""
        ...
