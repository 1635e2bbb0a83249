"""The one place that decides which chunks a search or a read may see.

Every query that reads documents or chunks for a caller takes them from here: a search by ``visible``, the rest by
``OWN_DOCUMENTS`` and ``OWN_VERSIONS``. A test looks for searches that go around it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ragstone.domain.access import Principal
from ragstone.domain.filters import BUILT_IN, on_metadata
from ragstone.domain.queries import Scope
from ragstone.postgres.filter_sql import Columns, compile_filter

NAME = "coalesce(nullif(v.filename, ''), d.uri)"
TITLE = f"coalesce(v.given_title, v.title, {NAME})"
"""A version's title: the sender's, else the one its text has, else its file's name, else its document's uri."""

_OF_PRINCIPAL = "d.tenant = %(tenant)s and v.readers && %(readers)s::text[]"

OWN_DOCUMENTS = f"""select d.*, l.name as collection, v.metadata, v.readers, {TITLE} as title,
        case when latest.readers && %(readers)s::text[] then latest.id else v.id end as newest_version
    from documents d
    join collections l on l.id = d.collection_id
    join versions v on v.id = coalesce(d.current_version, d.latest_version)
    join versions latest on latest.id = d.latest_version
    where {_OF_PRINCIPAL}"""  # noqa: S608 (no input)
"""The documents that a principal may read, with their collection's name, metadata and readers: those of the version
that answers questions, or of the first one on its way; and the newest version that the principal may read.
Takes ``principal_parameters``."""

OWN_VERSIONS = f"""select v.*, d.uri, l.name as collection, v.id = d.latest_version as is_latest
    from documents d
    join collections l on l.id = d.collection_id
    join versions v on v.document_id = d.id
    where {_OF_PRINCIPAL}"""  # noqa: S608 (no input)
"""The versions that a principal may read, whether they answer or not. Takes ``principal_parameters``."""

_VERSIONS = f"""select d.id as document_id, d.uri, l.name as collection, v.id as version_id,
        {TITLE} as title, v.chunk_count, {{by_chunk}}
    from documents d
    join collections l on l.id = d.collection_id
    join versions v on v.id = d.current_version
    where {_OF_PRINCIPAL}
      and (cardinality(%(collections)s::text[]) = 0 or l.name = any(%(collections)s::text[]))
      and {{condition}}"""  # noqa: S608 (no input)

_OF_VERSION = Columns(
    "v.metadata",
    {
        "uri": "d.uri",
        "title": TITLE,
        "collection": "l.name",
        "media_type": "v.media_type",
        "created_at": "d.created_at",
        "updated_at": "v.updated_at",
    },
)

_OF_CHUNK = Columns("overlaid.metadata", {name: f"visible.{name}" for name in BUILT_IN})

# Without `offset`, the two would be joined again for each condition of the filter.
_CHUNK = """(not visible.by_chunk
    or (select {} from (select visible.metadata || c.metadata as metadata offset 0) as overlaid))"""

_FOR_CHUNKS = "v.chunk_metadata as by_chunk, v.metadata, v.media_type, d.created_at, v.updated_at"


@dataclass(frozen=True, slots=True)
class Visible:
    """What a scope may see, as the parts of a query.

        with visible as ({versions}) select ... from chunks c join visible on visible.version_id = c.version_id
        where {chunks} and ...

    ``versions`` has the current versions: ``document_id``, ``uri``, ``collection``, ``version_id``, ``title``,
    ``chunk_count`` and ``by_chunk``. ``chunks`` is the condition on a chunk; it needs to be asked only where
    ``by_chunk`` is true, as chunks of such a version have metadata of their own. ``prepare`` is for ``execute``.
    """

    versions: str
    chunks: str
    parameters: Mapping[str, Any]
    prepare: bool | None = None


def visible(scope: Scope) -> Visible:
    """Return what ``scope`` may see."""
    asked = {**principal_parameters(scope.principal), "collections": list(scope.collections)}
    condition = scope.condition
    if condition is None:
        return Visible(_VERSIONS.format(by_chunk="false as by_chunk", condition="true"), "true", asked)
    compiled = compile_filter(condition, _OF_VERSION)
    if on_metadata(condition):
        either = f"(v.chunk_metadata or {compiled.condition})"
        versions = _VERSIONS.format(by_chunk=_FOR_CHUNKS, condition=either)
        chunks = _CHUNK.format(compile_filter(condition, _OF_CHUNK).condition)
    else:
        versions = _VERSIONS.format(by_chunk="false as by_chunk", condition=compiled.condition)
        chunks = "true"
    # Planned for its values each time: how many versions they leave makes the plan.
    return Visible(versions, chunks, {**asked, **compiled.parameters}, prepare=False)


def principal_parameters(principal: Principal) -> dict[str, Any]:
    """Return the parameters of ``OWN_DOCUMENTS``."""
    return {"tenant": principal.tenant, "readers": sorted(principal.readers)}
