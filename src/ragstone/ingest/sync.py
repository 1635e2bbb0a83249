"""What a sync has to do: the difference between what a source lists and what the record has.

A listed document is its ``uri`` and, for a file, its size and the SHA-256 of its bytes. Of a page only fetching it
tells whether it changed.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from ragstone.domain.access import EVERYONE
from ragstone.domain.documents import State
from ragstone.domain.errors import Conflict


@dataclass(frozen=True, slots=True)
class Listed:
    """A document of the source. ``size`` in bytes; no ``sha256`` where nothing could be told by it."""

    uri: str
    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a sync wants: documents of this ``source``, of each of which this is said."""

    source: str
    readers: Collection[str]
    metadata: Mapping[str, Any]


class Cause(Protocol):
    """Why the newest version failed."""

    @property
    def retryable(self) -> bool: ...


class Known(Protocol):
    """A document as the record has it."""

    @property
    def uri(self) -> str: ...
    @property
    def source(self) -> str | None: ...
    @property
    def size(self) -> int: ...
    @property
    def sha256(self) -> str: ...
    @property
    def readers(self) -> Sequence[str]: ...
    @property
    def metadata(self) -> Mapping[str, Any]: ...
    @property
    def state(self) -> State: ...
    @property
    def failure(self) -> Cause | None: ...


D = TypeVar("D", bound=Known)


@dataclass(frozen=True, slots=True)
class Plan(Generic[D]):
    """What is to be done. ``changed`` holds pages, too, of which nobody knows yet; ``relabelled`` what is to be sent
    again, though its bytes are the same, because other things are said of it now: what is renamed, too."""

    added: Sequence[str] = ()
    changed: Sequence[str] = ()
    relabelled: Sequence[str] = ()
    renamed: Sequence[tuple[D, str]] = ()
    unchanged: Sequence[D] = ()
    deleted: Sequence[D] = ()
    known: Mapping[str, D] = field(default_factory=dict)
    """Documents by the uris under which the source lists them: what is renamed by its new one."""


def to_digest(wanted: Wanted, listed: Iterable[Listed], documents: Sequence[D]) -> list[str]:
    """Return the uris whose SHA-256 says something: that of a file of another size, or of one all new, does not."""
    sizes = {document.uri: document.size for document in documents}
    files = [each for each in listed if each.size is not None]
    uris = {each.uri for each in files}
    left = {
        (each.size, _suffix(each.uri)) for each in documents if each.source == wanted.source and each.uri not in uris
    }
    return [
        each.uri
        for each in files
        if (sizes[each.uri] == each.size if each.uri in sizes else (each.size, _suffix(each.uri)) in left)
    ]


def draw_plan(
    wanted: Wanted, listed: Sequence[Listed], documents: Sequence[D], *, whole: bool, held: Collection[str] = ()
) -> Plan[D]:
    """Return what makes the record hold what the source lists.

    ``documents`` are those of the source and those of the listed uris. Only documents of the source are renamed or
    deleted, and none where the listing is not ``whole``: what it lacks may still be there. So may what is ``held``.
    """
    by_uri = {document.uri: document for document in documents}
    there = {each.uri: by_uri[each.uri] for each in listed if each.uri in by_uri}
    kept = {*there, *held}
    gone = [each for each in documents if each.source == wanted.source and each.uri not in kept] if whole else []
    renamed = _renamed((each for each in listed if each.uri not in by_uri), gone)
    known = there | {uri: old for old, uri in renamed}
    same = [each.uri for each in listed if each.uri in there and each.sha256 == there[each.uri].sha256]
    relabelled = [uri for uri in (*same, *(uri for _, uri in renamed)) if not as_wanted(known[uri], wanted)]
    settled, said = set(same), set(relabelled)
    moved = {old.uri for old, _ in renamed}
    return Plan(
        added=[each.uri for each in listed if each.uri not in known],
        changed=[each.uri for each in listed if each.uri in there and each.uri not in settled],
        relabelled=relabelled,
        renamed=renamed,
        unchanged=[known[uri] for uri in same if uri not in said],
        deleted=[each for each in gone if each.uri not in moved],
        known=known,
    )


def as_wanted(document: Known, wanted: Wanted) -> bool:
    """Whether the document is said what is wanted.

    One that cannot be read is left as it is until its bytes change; an earlier version may answer, though, and must
    not do so to readers whom it is not for.
    """
    if document.state in (State.FAILED, State.CANCELLED):
        return EVERYONE in wanted.readers or set(document.readers) <= set(wanted.readers)
    return set(document.readers) == set(wanted.readers) and dict(document.metadata) == dict(wanted.metadata)


def may_mend(document: Known) -> bool:
    """Whether the newest version failed for a cause that may be over by now."""
    return document.state is State.FAILED and document.failure is not None and document.failure.retryable


def check_not_emptied(source: str, *, deleted: int, kept: int) -> None:
    """Raise ``Conflict`` where a source that had documents would have none left: more likely it is out of reach."""
    if deleted and not kept:
        raise Conflict(
            f"Nothing is left of {source}; {deleted:,} documents would be deleted.",
            remedy="Check that the source is complete, or say --allow-empty.",
        )


def _renamed(added: Iterable[Listed], gone: Sequence[D]) -> list[tuple[D, str]]:
    """Pair documents that are gone with new ones of the same bytes, each once.

    One with another extension is none of them: it may be read in another way.
    """
    left: defaultdict[tuple[str, str], list[D]] = defaultdict(list)
    for document in sorted(gone, key=lambda each: each.uri, reverse=True):
        left[document.sha256, _suffix(document.uri)].append(document)
    pairs = []
    for each in added:
        candidates = left.get((each.sha256 or "", _suffix(each.uri)))
        if candidates:
            pairs.append((candidates.pop(), each.uri))
    return pairs


def _suffix(uri: str) -> str:
    name = uri.rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""
