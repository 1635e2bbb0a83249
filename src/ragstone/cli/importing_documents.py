"""The documents of the files to import: rows that follow each other and name the same document are its chunks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from ragstone.api.requests import MOST_CHUNKS, DocumentForm
from ragstone.cli.importing_rows import Row, RowRefused, Rows
from ragstone.domain.errors import RagstoneError
from ragstone.ingest.importing import ReadyChunk
from ragstone.ingest.intake import Label, ReadyDocument

_MOST_BYTES = 256 << 20
_BYTES_OF_A_NUMBER = 8
_BYTES_BESIDE = 1000
"""Of a chunk, beside its text and vector."""


@dataclass(frozen=True, slots=True)
class Place:
    """A row of a file, numbered from 1: the line of NDJSON."""

    path: Path
    number: int

    def __str__(self) -> str:
        return f"{self.path}, line {self.number:,}"


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be taken, and why."""

    place: Place
    error: RagstoneError


@dataclass(frozen=True, slots=True)
class BadDocument:
    """A document that is left out because of a bad row. ``place``: where it begins."""

    place: Place


@dataclass(frozen=True, slots=True)
class Gathered:
    """A document, and the rows that its chunks are from."""

    document: ReadyDocument
    path: Path
    numbers: Sequence[int]
    weight: int
    """Bytes that it takes in memory, about: a small packed file may hold large documents."""

    def place(self, chunk: int = 0) -> Place:
        """Return where a chunk is from, by its place in the document."""
        return Place(self.path, self.numbers[chunk])


class Documents:
    """The documents of several files, one after the other. ``described``: collection and readers where no row says.

    Of documents that are over only a digest is held, some hundred bytes each, to tell where one begins a second time:
    stored again, it would take the place of what came before.
    """

    def __init__(self, files: Sequence[Rows], described: DocumentForm) -> None:
        self._files = files
        self._described = described
        self._begun: dict[bytes, tuple[int, int]] = {}

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(each.size for each in self._files)

    @property
    def read(self) -> int:
        """Bytes that are read so far."""
        return sum(each.read for each in self._files)

    def __iter__(self) -> Iterator[Gathered | BadRow | BadDocument]:
        """Yield each document when its last row was read, and each bad row, which takes its document with it: that may
        be the row that says who may read it. Blocks."""
        for index, file in enumerate(self._files):
            open_one: _Open | None = None
            spoiled = False  # a bad row came that does not say whose it is
            for number, row in file:
                refused = row if isinstance(row, RowRefused) else None
                name = row.document
                if open_one and name is not None and open_one.uri != name:
                    yield open_one.gathered(self._described)
                    open_one = None
                if open_one is None and name is not None:
                    refused = self._begin(name, index, number) or refused
                    open_one = _Open(file.path, name, number, spoiled=spoiled)
                if name is not None:
                    spoiled = False
                if isinstance(row, Row) and open_one and not refused:
                    refused = open_one.add(number, row)
                if refused:
                    yield BadRow(Place(file.path, number), refused)
                    spoiled = name is None
                    if open_one:
                        open_one.spoiled = True
            if open_one:
                yield open_one.gathered(self._described)

    def _begin(self, uri: str, file: int, number: int) -> RowRefused | None:
        """Note where a document begins; return what is wrong if it did before."""
        digest = blake2b(uri.encode(), digest_size=12).digest()
        before = self._begun.setdefault(digest, (file, number))
        if before == (file, number):
            return None
        return RowRefused(
            f"The document {uri!r} began at {Place(self._files[before[0]].path, before[1])}; others came between.",
            remedy="Sort the file, so that the rows of a document follow each other.",
        )


class _Open:
    """A document whose rows are being read."""

    def __init__(self, path: Path, uri: str, number: int, *, spoiled: bool) -> None:
        self.uri = uri
        self.spoiled = spoiled
        self._first = Place(path, number)
        self._said: dict[str, object] = {}
        self._chunks: list[ReadyChunk] = []
        self._numbers: list[int] = []
        self._weight = 0

    def add(self, number: int, row: Row) -> RowRefused | None:
        """Add a chunk; return what is wrong with it instead."""
        said = {"title": row.title, "document_metadata": row.document_metadata, "readers": row.readers}
        for name, value in said.items():
            if value is not None and self._said.setdefault(name, value) != value:
                return RowRefused(
                    f"{name}: an earlier row of the document says something else.",
                    remedy="Say it the same in each row, or in the first one only.",
                )
        if len(self._chunks) == MOST_CHUNKS:
            return RowRefused(
                f"The document has more than {MOST_CHUNKS:,} chunks.", remedy="Make several documents of it."
            )
        chunk = row.to_domain()
        self._weight += _weight(chunk)
        if self._weight > _MOST_BYTES:
            self._chunks.clear()
            return RowRefused(f"The document is larger than {_MOST_BYTES >> 20} MiB.", remedy="Make several of it.")
        self._chunks.append(chunk)
        self._numbers.append(number)
        return None

    def gathered(self, described: DocumentForm) -> Gathered | BadDocument:
        """Return the document as it is now."""
        if self.spoiled:
            return BadDocument(self._first)
        said = {
            "uri": self.uri,
            "title": self._said.get("title"),
            "metadata": self._said.get("document_metadata", {}),
            "readers": self._said.get("readers", described.readers),
        }
        label: Label = described.model_copy(update=said).label()
        return Gathered(ReadyDocument(label, self._chunks), self._first.path, self._numbers, self._weight)


def _weight(chunk: ReadyChunk) -> int:
    vector = 0 if chunk.vector is None else _BYTES_OF_A_NUMBER * len(chunk.vector)
    return _BYTES_BESIDE + len(chunk.text) + vector
