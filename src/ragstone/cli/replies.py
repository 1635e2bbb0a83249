"""What ``--json`` prints of commands that HTTP has no route for."""

from typing import Literal

from pydantic import BaseModel

from ragstone.api.schemas import ApiKey


class NewApiKey(ApiKey):
    """A key that was just made, with its secret, ``key``."""

    key: str


class DatabaseStatus(BaseModel):
    """The database: versions, where it is (no password), and the names of migrations."""

    postgresql: str
    pgvector: str
    server: str
    database_schema: str
    pending: list[str]
    applied: list[str] = []


class Reembedding(BaseModel):
    """What ``reembed`` did: documents enqueued, and how many are in the new space by now."""

    model: str
    version: str
    documents: int
    ready: int
    failed: int
    seconds: float


class Check(BaseModel):
    """One thing that ``doctor`` looked at. Only ``failed`` makes it end with exit code 1."""

    name: str
    status: Literal["ok", "info", "warning", "failed"]
    detail: str
    remedy: str = ""


class Diagnosis(BaseModel):
    """All that ``doctor`` looked at."""

    ok: bool
    checks: list[Check]
