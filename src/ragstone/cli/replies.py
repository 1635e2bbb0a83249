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
    """What ``reembed`` did: how many of the chunks are in the model's space by now, and what came of it."""

    outcome: str
    model: str
    version: str
    chunks: int
    embedded: int
    seconds: float
    ndcg_before: float | None = None
    ndcg_after: float | None = None


class SpaceState(BaseModel):
    """One embedding space."""

    model: str
    version: str
    role: str | None
    embedded: int
    chunks: int
    trouble: str | None


class EmbeddingSpaces(BaseModel):
    """All embedding spaces, the oldest first."""

    spaces: list[SpaceState]


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
