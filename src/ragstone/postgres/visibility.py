"""The one place that decides which chunks a search or a read may see.

Every query that reads documents or chunks for a caller puts ``visible_documents`` into its ``with``;
a test greps the repositories for reads that go around it.
"""

from typing import Any

from psycopg.types.json import Jsonb

from ragstone.domain.access import Principal
from ragstone.domain.queries import Scope

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

VISIBLE = f"""select d.id as document_id, d.uri, l.name as collection, v.id as version_id,
        {TITLE} as title, v.chunk_count, v.word_count
    from documents d
    join collections l on l.id = d.collection_id
    join versions v on v.id = d.current_version
    where {_OF_PRINCIPAL}
      and (cardinality(%(collections)s::text[]) = 0 or l.name = any(%(collections)s::text[]))
      and v.metadata @> %(metadata)s::jsonb"""  # noqa: S608 (no input)
"""The current versions that a scope may see. Takes ``scope_parameters``."""


def principal_parameters(principal: Principal) -> dict[str, Any]:
    """Return the parameters of ``OWN_DOCUMENTS``."""
    return {"tenant": principal.tenant, "readers": sorted(principal.readers)}


def scope_parameters(scope: Scope) -> dict[str, Any]:
    """Return the parameters of ``VISIBLE``."""
    return {
        **principal_parameters(scope.principal),
        "collections": list(scope.collections),
        "metadata": Jsonb(dict(scope.metadata)),
    }
