"""The rows of a file to import: one chunk each, read as they are asked for, checked one by one."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated, Any, Protocol, TypeAlias

from pydantic import Field, ValidationError

from ragstone.api.requests import Metadata, Reader, ReadyChunk, Text, Title, Uri, to_vector
from ragstone.domain.errors import InvalidRequest
from ragstone.ingest.importing import ReadyChunk as DomainChunk

_LONGEST_LINE = 4 << 20
_BOM = b"\xef\xbb\xbf"


class Row(ReadyChunk):
    """One chunk, and what is said of its document. A field that is null is one that is not there."""

    document: Uri
    title: Title | None = None
    document_metadata: Metadata | None = None
    readers: Annotated[list[Reader], Field(min_length=1, max_length=100)] | None = None
    heading_path: Annotated[list[Annotated[Text, Field(max_length=1000)]], Field(max_length=20)] | None = None  # type: ignore[assignment]
    metadata: Metadata | None = None  # type: ignore[assignment]

    def to_domain(self) -> DomainChunk:
        """Return the chunk as the offline flow takes it."""
        return DomainChunk(
            self.text, self.id, tuple(self.heading_path or ()), self.page, self.metadata or {}, to_vector(self.vector)
        )


class RowRefused(InvalidRequest):
    """A row cannot be taken. ``document`` is the name of its document, where that can be read."""

    def __init__(self, message: str, *, remedy: str = "Mend the row.", document: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.document = document


Numbered: TypeAlias = tuple[int, Row | RowRefused]
"""A row with its number in the file, from 1; or what is wrong with it."""


class Rows(Protocol):
    """A file of rows. ``read`` of its ``size`` bytes are read so far."""

    @property
    def path(self) -> Path: ...
    @property
    def size(self) -> int: ...
    @property
    def read(self) -> int: ...

    def __iter__(self) -> Iterator[Numbered]:
        """Yield the rows. Blocks. Raises ``InvalidRequest`` where the file cannot be read on."""
        ...


def open_rows(path: Path) -> Rows:
    """Return the rows of a file, whose kind its name tells. Raises ``InvalidRequest``, ``ConfigurationError``."""
    name = path.name.lower()
    if not path.is_file():
        raise InvalidRequest(f"There is no file {str(path)!r}.", remedy="Check the path.")
    if name.endswith(".parquet"):
        from ragstone.cli.importing_parquet import ParquetRows

        return ParquetRows(path)
    if name.removesuffix(".gz").endswith((".ndjson", ".jsonl", ".json")):
        return NdjsonRows(path)
    raise InvalidRequest(
        f"{path.name} is of no kind that is imported.",
        remedy="Give .ndjson or .jsonl, also packed as .gz, or .parquet; `ragstone ingest` takes documents.",
    )


class NdjsonRows:
    """Newline-delimited JSON, as it is or packed by gzip. Empty lines are passed over."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size
        self.read = 0

    def __iter__(self) -> Iterator[Numbered]:
        """Yield the rows, numbered by their lines."""
        try:
            with self.path.open("rb") as file:
                packed = self.path.suffix.lower() == ".gz"
                lines: IO[bytes] = gzip.open(file) if packed else file  # type: ignore[assignment]  # noqa: SIM115
                for number, line in enumerate(_lines(lines), 1):
                    self.read = file.tell()
                    if line is None:
                        yield (
                            number,
                            RowRefused(
                                f"The line is longer than {_LONGEST_LINE >> 20} MiB.", remedy="Cut its text smaller."
                            ),
                        )
                    elif line.strip():
                        yield number, to_row(line if number > 1 else line.removeprefix(_BOM))
        except (OSError, EOFError, zlib.error) as error:
            raise unreadable(self.path, error) from error


def _lines(file: IO[bytes]) -> Iterator[bytes | None]:
    """Yield the lines; ``None`` for one that is too long, which is not held in memory."""
    while line := file.readline(_LONGEST_LINE):
        whole = line.endswith(b"\n") or len(line) < _LONGEST_LINE
        yield line if whole else None
        while not whole and (line := file.readline(_LONGEST_LINE)):
            whole = line.endswith(b"\n")


def to_row(sent: bytes | dict[str, Any]) -> Row | RowRefused:
    """Return the row, from JSON or from its fields, or what is wrong with it."""
    try:
        return Row.model_validate_json(sent) if isinstance(sent, bytes) else Row.model_validate(sent)
    except ValidationError as error:
        return RowRefused("; ".join(_wrong(error)) + ".", document=_document(sent))


def _document(sent: bytes | dict[str, Any]) -> str | None:
    """Return the name of the document that a row which is wrong belongs to, if it says so."""
    if isinstance(sent, bytes):
        try:
            sent = json.loads(sent)
        except (ValueError, RecursionError):
            return None
    name = sent.get("document") if isinstance(sent, dict) else None
    return name if isinstance(name, str) else None


def _wrong(error: ValidationError) -> Iterator[str]:
    for each in error.errors(include_url=False, include_input=False, include_context=False):
        field = ".".join(str(part) for part in each["loc"])
        message = each["msg"].removeprefix("Value error, ")
        yield f"{field}: {message}" if field else message


def unreadable(path: Path, error: Exception) -> InvalidRequest:
    """Return the error of a file that cannot be read."""
    cause = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return InvalidRequest(f"{path} cannot be read: {cause}.", remedy="Check the file; what was stored is kept.")
