"""Who asks: the principal that every read and write is done for."""

from dataclasses import dataclass, field
from enum import StrEnum

DEFAULT_TENANT = "default"
EVERYONE = "everyone"
"""The reader that every principal of a tenant is; a document without readers of its own is for it."""


class Permission(StrEnum):
    """What a key may do. ``ADMIN`` includes the others."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """One caller: its tenant, the reader names it holds, and what it may do.

    A document is visible to a principal of the same tenant that holds at least
    one of the document's reader names.
    """

    tenant: str = DEFAULT_TENANT
    name: str = "local"
    readers: frozenset[str] = field(default_factory=lambda: frozenset({EVERYONE}))
    permissions: frozenset[Permission] = field(default_factory=lambda: frozenset(Permission))

    def may(self, permission: Permission) -> bool:
        """Say whether the principal holds ``permission``, by itself or through ``ADMIN``."""
        return permission in self.permissions or Permission.ADMIN in self.permissions


LOCAL = Principal()
"""The person at this machine: the command line on its own record, and a server on a loopback address."""
