"""What Ragstone is asked, as JSON or as a form: every field bounded, and nothing that PostgreSQL cannot store."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Annotated, Any, Self

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    model_validator,
)

from ragstone.api.filters import FilterInput, to_filter
from ragstone.domain.access import EVERYONE, Principal
from ragstone.domain.documents import DEFAULT_COLLECTION, LONGEST_COLLECTION_NAME, LONGEST_URI_BYTES
from ragstone.domain.errors import InvalidRequest
from ragstone.domain.queries import Mode, Scope
from ragstone.ingest.intake import Label
from ragstone.ingest.intake import ReadyChunk as DomainChunk
from ragstone.ports.embedder import Vectors
from ragstone.ports.fetcher import Validators
from ragstone.retrieve.shaping import Shape

LONGEST_METADATA = 16 << 10
DEEPEST_METADATA = 16
MOST_CHUNKS = 50_000
LONGEST_VECTOR = 4000
_SURROGATE = re.compile("[\ud800-\udfff]")


def _storable_text(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not hold the character U+0000")
    if not value.isascii() and _SURROGATE.search(value):
        raise ValueError("must not hold half of a surrogate pair")
    return value


def _filled(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value


def _short_as_bytes(value: str) -> str:
    if len(value.encode()) > LONGEST_URI_BYTES:
        raise ValueError(f"must not be longer than {LONGEST_URI_BYTES} bytes")
    return value


def _storable(value: Mapping[str, Any]) -> Mapping[str, Any]:
    for text in _texts(value, 0):
        _storable_text(text)
    if len(json.dumps(value)) > LONGEST_METADATA:
        raise ValueError(f"must not be longer than {LONGEST_METADATA} characters of JSON")
    return value


def _texts(value: Any, depth: int) -> Iterator[str]:
    """Yield every string in ``value``. Raise ``ValueError`` for what JSON in PostgreSQL cannot hold."""
    if depth > DEEPEST_METADATA:
        raise ValueError(f"must not be nested deeper than {DEEPEST_METADATA}")
    match value:
        case str():
            yield value
        case float() if not math.isfinite(value):
            raise ValueError("must hold finite numbers only")
        case Mapping():
            for key, each in value.items():
                if not isinstance(key, str):
                    raise ValueError("must have texts for keys")  # noqa: TRY004 (pydantic tells of it)
                yield key
                yield from _texts(each, depth + 1)
        case list():
            for each in value:
                yield from _texts(each, depth + 1)
        case None | int() | float():
            pass
        case _:  # from a file of another format
            raise ValueError(f"must hold what JSON can, and no {type(value).__name__}")


Text = Annotated[str, AfterValidator(_storable_text)]
Question = Annotated[
    Text, Field(min_length=1, description="At most RAGSTONE_MAX_QUESTION_CHARS characters."), AfterValidator(_filled)
]
CollectionName = Annotated[Text, Field(min_length=1, max_length=LONGEST_COLLECTION_NAME)]
Uri = Annotated[
    Text, Field(min_length=1, max_length=LONGEST_URI_BYTES), AfterValidator(_filled), AfterValidator(_short_as_bytes)
]
Source = Annotated[
    Text, Field(min_length=1, max_length=LONGEST_URI_BYTES), AfterValidator(_filled), AfterValidator(_short_as_bytes)
]
Validator = Annotated[str, Field(min_length=1, max_length=1000, pattern="^[ -~]+$")]
Title = Annotated[Text, Field(min_length=1, max_length=1000), AfterValidator(_filled)]
Vector = Annotated[
    list[Annotated[float, Field(strict=True, allow_inf_nan=False)]], Field(min_length=1, max_length=LONGEST_VECTOR)
]
MediaType = Annotated[Text, Field(min_length=1, max_length=255)]
Reader = Annotated[Text, Field(min_length=1, max_length=200)]
Metadata = Annotated[dict[str, Any], AfterValidator(_storable)]


class Sent(BaseModel):
    """What every request has in common: a field that is not known is an error, so that a slip shows."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Described(Sent):
    """What the sender says of a document."""

    collection: CollectionName = DEFAULT_COLLECTION
    uri: Uri | None = Field(None, description="Its name within the collection; sent again, it is a new version.")
    title: Title | None = Field(None, description="Its title, if the document's own is not to stand.")
    metadata: Metadata = Field(default_factory=dict, description="JSON object to filter by.")
    readers: Annotated[list[Reader], Field(min_length=1, max_length=100)] = Field(
        [EVERYONE], description="The readers who may find it; a key holds reader names."
    )
    source: Source | None = Field(None, description="What a sync mirrors it from; it keeps the source it has.")
    etag: Validator | None = Field(None, description="The ETag that a web server gave with these bytes.")
    last_modified: Validator | None = Field(None, description="The Last-Modified that it gave with them.")

    def label(
        self, *, filename: str = "", media_type: str | None = None, validators: Validators = Validators()
    ) -> Label:
        """Return the label under which the document is taken in; ``validators`` are those it was fetched with."""
        return Label(
            collection=self.collection,
            uri=self.uri,
            title=self.title,
            filename=filename,
            media_type=media_type,
            metadata=self.metadata,
            readers=tuple(dict.fromkeys(self.readers)),
            source=self.source,
            etag=self.etag or validators.etag,
            last_modified=self.last_modified or validators.last_modified,
        )


class DocumentText(Described):
    """A document as JSON: its ``text``, or the ``uri`` to fetch it from."""

    text: Text | None = Field(None, description="The whole text; without it, the document is fetched from `uri`.")
    media_type: MediaType | None = Field(None, description="`text/markdown` if not said.")

    @model_validator(mode="after")
    def _has_content(self) -> Self:
        if self.text is None and self.uri is None:
            raise ValueError("needs text, or a uri to fetch")
        return self


class DocumentForm(Described):
    """The fields of a form beside its ``file``. ``metadata`` is JSON; ``readers`` may be repeated."""


class DocumentChanges(Sent):
    """What is to be another about a document; its text, chunks and vectors stay."""

    uri: Uri | None = Field(None, description="Its new name within the collection.")
    source: Source | None = Field(None, description="What a sync mirrors it from, from now on.")

    @model_validator(mode="after")
    def _has_changes(self) -> Self:
        if self.uri is None and self.source is None:
            raise ValueError("needs a uri, or a source")
        return self


class ReadyChunk(Sent):
    """A chunk that the sender has cut."""

    text: Text = Field(min_length=1)
    id: Annotated[Text, Field(min_length=1, max_length=200)] | None = Field(None, description="The sender's own id.")
    heading_path: Annotated[list[Annotated[Text, Field(max_length=1000)]], Field(max_length=20)] = []
    page: Annotated[StrictInt, Field(ge=1, lt=2**31)] | None = None
    metadata: Metadata = {}
    vector: Vector | None = Field(None, description="What it means, by the model of `vectors_of`; of any length but 0.")

    def to_domain(self) -> DomainChunk:
        """Return the chunk as the offline flow takes it."""
        return DomainChunk(
            self.text, self.id, tuple(self.heading_path), self.page, self.metadata, to_vector(self.vector)
        )


class VectorsOf(Sent):
    """The model that made the vectors. It must be the one that answers questions."""

    model: Annotated[Text, Field(min_length=1, max_length=500)]
    version: Annotated[Text, Field(min_length=1, max_length=500)]


class DocumentChunks(Described):
    """A document as ready-made chunks, in order."""

    chunks: Annotated[list[ReadyChunk], Field(min_length=1, max_length=MOST_CHUNKS)]
    vectors_of: VectorsOf | None = Field(None, description="The model of the vectors, where chunks have them.")


class NewCollection(Sent):
    """A collection to make."""

    name: str = Field(
        pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", description="Letters, digits, dots, dashes and underscores."
    )


class Scoped(Sent):
    """A question, and where to look."""

    question: Question
    collections: Annotated[list[CollectionName], Field(max_length=100)] = Field(
        [], description="Where to look; everywhere if empty."
    )
    filter: FilterInput = Field(
        default_factory=dict,
        description="What must hold of the metadata: text, a tree of `op`s, or keys and the values they must equal;"
        " null for nothing.",
    )
    mode: Mode = Field(Mode.HYBRID, description="Search by words, by meaning, or by both.")

    def scope(self, principal: Principal) -> Scope:
        """Return what the search may see."""
        return Scope(principal, tuple(dict.fromkeys(self.collections)), filter=to_filter(self.filter))


class Retrieve(Scoped):
    """Find passages."""

    top_k: Annotated[StrictInt, Field(ge=1, le=100)] = Field(10, description="Most passages to return.")
    fold_duplicates: StrictBool | None = Field(
        None, description="Give passages that say the same as one, which names the others; as the settings say if null."
    )
    max_per_document: Annotated[StrictInt, Field(ge=0, le=100)] | None = Field(
        None, description="Most passages of one document; 0 sets no bound; as the settings say if null."
    )
    join_neighbours: StrictBool | None = Field(
        None, description="Give passages that follow one another as one; as the settings say if null."
    )
    parent_chars: Annotated[StrictInt, Field(ge=0, le=100_000)] | None = Field(
        None,
        description="Most characters of a document, or section of one, that is given in place of its passages; 0 for"
        " none; as the settings say if null.",
    )
    explain: StrictBool = Field(False, description="Say with a `trace` how the search went, and what it left out.")

    def shape(self, usual: Shape) -> Shape:
        """Return the shape that is asked for; what is not said is as ``usual``."""
        return Shape(
            fold=usual.fold if self.fold_duplicates is None else self.fold_duplicates,
            per_document=usual.per_document if self.max_per_document is None else self.max_per_document,
            join=usual.join if self.join_neighbours is None else self.join_neighbours,
            parents=usual.parents if self.parent_chars is None else self.parent_chars,
        )


class Ask(Scoped):
    """Answer a question."""

    top_k: Annotated[StrictInt, Field(ge=1, le=100)] = Field(20, description="Most passages to consider.")
    stream: StrictBool = Field(False, description="Reply with server-sent events.")


def to_vector(numbers: Sequence[float] | None) -> Vectors | None:
    """Return the numbers as float32, where there are any; one that is too large for it becomes infinite."""
    if numbers is None:
        return None
    with np.errstate(over="ignore"):
        return np.array(numbers, dtype=np.float64).astype(np.float32)


def file_name(sent: str | None) -> str:
    """Return the last part of the name that a form gives its file; its folders are the sender's own affair.

    Raises ``InvalidRequest`` for a name that cannot be stored.
    """
    name = PurePosixPath((sent or "").replace("\\", "/")).name
    if "\0" in name or len(name.encode(errors="replace")) > 255:
        raise InvalidRequest("The file's name cannot be stored.", remedy="Name it with at most 255 bytes.")
    return name
