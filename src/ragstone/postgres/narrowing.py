"""Who may read the text that answers while a newer version is on its way: nobody whom the newer one shuts out.

The sender who takes a right away means what is there now, and a newer version may wait for hours, or fail. A right
that is given, though, comes with the newer text only: it must not open the old one.
"""

from collections.abc import Sequence
from uuid import UUID

from ragstone.domain.access import EVERYONE
from ragstone.postgres.database import Connection

IN_COMMON = "(shown.readers && latest.readers or %(everyone)s = any(shown.readers || latest.readers))"
"""Whether what is shown may go on being shown, to some, once the latest version takes rights away."""

_HIDE = f"""
    update documents set current_version = case when latest.state in ('searchable', 'ready') then latest.id end
    from versions shown, versions latest
    where documents.id = any(%(ids)s) and shown.id = documents.current_version and latest.id = documents.latest_version
      and latest.id <> shown.id and not {IN_COMMON}
    returning documents.id
"""  # noqa: S608 (no input)

_NARROW = """
    update versions shown
    set readers = case when %(everyone)s = any(shown.readers) then latest.readers
        else array(select reader from unnest(shown.readers) with ordinality as had (reader, place)
                   where reader = any(latest.readers) order by place) end
    from documents d join versions latest on latest.id = d.latest_version
    where d.id = any(%(ids)s) and shown.id = d.current_version and latest.id <> shown.id
      and not shown.readers <@ latest.readers and not %(everyone)s = any(latest.readers)
"""


async def narrow(connection: Connection, document_ids: Sequence[UUID]) -> Sequence[UUID]:
    """Take what answers for these documents from readers whom their newest version is not for.

    It stays with those whom both name; who is for everyone names all. Where that is nobody, the document answers from
    its newest version, or from none until that is searchable: return these, whose former version is superseded.
    The documents must be locked.
    """
    names = {"ids": list(document_ids), "everyone": EVERYONE}
    cursor = await connection.execute(_HIDE, names)
    hidden = [row[0] for row in await cursor.fetchall()]
    await connection.execute(_NARROW, names)
    return hidden
