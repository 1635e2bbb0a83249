"""What must hold of a record at any moment: no row below breaks it, or something was lost, doubled or left behind.

Shared by the tests, which look after every kill, and by ``ragstone doctor``. The structure is quick to look at; the
contents, that is, texts, words, vectors and bytes, are read whole, in one pass over each table.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from psycopg import errors

from ragstone.postgres.database import Connection
from ragstone.postgres.lexical.checks import wrong_words
from ragstone.postgres.visibility import NAME, TITLE

_SEND_AGAIN = (
    "`ragstone documents delete ID`, then send it again. Sent without that, bytes that are known are not read."
)
_REPORT = "Please report it. Nothing that answers questions is lost."
_RENAME = "Send the document again: its words are then indexed with the title that it has."
_INDEX_ANEW = "`ragstone index rebuild --words` indexes all anew, while questions go on."
_MADE_ANEW = "A worker makes it anew by itself within a minute: see that one runs, `ragstone worker`."
_OTHER_VECTORS = (
    "Nothing among these texts is found by its meaning. Where all are in a language that the model cannot read, take"
    " another one: `ragstone reembed --model MODEL`; else `ragstone documents delete ID`, then send them again."
)

_PART, _BLOCK = 1 << 17, 1 << 13
"""Characters that are cut out of a text at once, then out of these: each ``substr`` counts from the beginning, so that
one for each chunk would take hours for a long text."""
_MOST_DIGESTED = 32 << 20
"""Bytes: larger originals, which PostgreSQL would hold in memory whole, are checked by their length alone."""
_MOST_ALIKE = 10
"""Different texts that may have one and the same vector: a model may not tell some apart."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """``broken`` selects one row for each thing that breaks it: the id of the document it belongs to, or null."""

    what: LiteralString
    broken: LiteralString
    remedy: str = _SEND_AGAIN


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold: in how many rows, and of which documents (a few of them)."""

    invariant: Invariant
    how_many: int
    documents: tuple[UUID, ...]


STRUCTURE = (
    Invariant(
        "documents without their newest version",
        """select d.id from documents d where not exists (
            select from versions v where v.id = d.latest_version and v.document_id = d.id)""",
    ),
    Invariant(
        "documents answering from a version that is not theirs",
        """select d.id from documents d where current_version is not null and not exists (
            select from versions v where v.id = d.current_version and v.document_id = d.id)""",
    ),
    Invariant(
        "versions that are neither the newest, nor the one that answers, nor the one between them under way",
        """select d.id from versions v join documents d on d.id = v.document_id
        where v.id <> d.latest_version and v.id is distinct from d.current_version
        group by d.id having count(*) > 1 or d.current_version is not distinct from d.latest_version""",
        _REPORT,
    ),
    Invariant(
        "ready documents that do not answer from their newest version",
        """select d.id from documents d join versions v on v.id = d.latest_version
        where v.state = 'ready' and d.current_version is distinct from v.id""",
    ),
    Invariant(
        "searchable documents that answer from no version",
        """select d.id from documents d join versions v on v.id = d.latest_version
        where v.state = 'searchable' and d.current_version is null""",
    ),
    Invariant(
        "versions whose chunks are not all there, numbered from 0",
        """select v.document_id from versions v left join (
            select version_id, count(*) as chunks, min(ordinal) as first, max(ordinal) as last
            from chunks group by version_id) c on c.version_id = v.id
        where v.chunk_count <> coalesce(c.chunks, 0) or c.first <> 0 or c.last <> c.chunks - 1""",
    ),
    Invariant(
        "versions that have another count of embedded chunks than they can have",
        """select document_id from versions where embedded_count < 0 or embedded_count > chunk_count
            or state = 'ready' and embedded_count <> chunk_count""",
    ),
    Invariant(
        "versions whose vectors are not all there",
        """select v.document_id from versions v where v.space_id is not null and v.embedded_count <> (
            select count(*) from chunks c join vectors x on x.chunk_id = c.id and x.space_id = v.space_id
            where c.version_id = v.id and c.ordinal < v.embedded_count)""",
    ),
    Invariant(
        "ready versions whose vectors are not of the space that answers",
        """select document_id from versions where state = 'ready' and space_id is distinct from (
            select id from embedding_spaces where role = 'active')""",
    ),
    Invariant(
        "versions whose words are indexed with another title",
        f"""select d.id from versions v join documents d on d.id = v.document_id
        where v.indexed_title <> {TITLE}""",  # noqa: S608 (no input)
        _RENAME,
    ),
    Invariant(
        "versions to be read that have no bytes",
        "select document_id from versions where state in ('accepted', 'parsing') and blob_id is null",
    ),
    Invariant(
        "versions whose bytes are not those that were sent",
        """select v.document_id from versions v join blobs b on b.id = v.blob_id
        where b.size <> v.size or b.sha256 <> v.sha256""",
    ),
    Invariant(
        "versions whose original bytes are not all there",
        """select v.document_id from versions v join blobs b on b.id = v.blob_id left join (
            select blob_id, count(*) as parts, min(ordinal) as first, max(ordinal) as last,
                sum(octet_length(data)) as size
            from blob_parts group by blob_id) p on p.blob_id = b.id
        where coalesce(p.size, 0) <> b.size or p.first <> 0 or p.last <> p.parts - 1""",
    ),
    Invariant(
        "versions whose words are not indexed",
        """select v.document_id from versions v
        where v.state in ('searchable', 'ready') and v.chunk_count > 0
            and not exists (select from lexical_members m where m.version_id = v.id)""",
        _MADE_ANEW,
    ),
    Invariant(
        "segments of words that lack a part",
        """select null::uuid from lexical_segments s
        where s.block_count <> (select count(*) from lexical_blocks b where b.segment_id = s.id)""",
        _MADE_ANEW,
    ),
    Invariant(
        "words of what was deleted that were not cleaned away for long",
        "select null::uuid from lexical_segments s where s.dead_since < now() - interval '1 hour'",
        _MADE_ANEW,
    ),
    Invariant(
        "bytes that no version has",
        "select null::uuid from blobs b where not exists (select from versions v where v.blob_id = b.id)",
        _REPORT,
    ),
    Invariant(
        "parts of bytes that are gone",
        "select null::uuid from blob_parts p where not exists (select from blobs b where b.id = p.blob_id)",
        _REPORT,
    ),
    Invariant(
        "final versions that a worker holds",
        """select document_id from versions
        where state in ('ready', 'failed', 'cancelled') and lease_owner is not null""",
        _REPORT,
    ),
    Invariant(
        "failed versions without a cause",
        "select document_id from versions where state = 'failed' and failure is null",
        _REPORT,
    ),
)
"""Reads no text, posting, vector or byte."""

# As domain.documents.embedding_text makes it of the title that a worker or a reembedding read.
_HEADING = """array_to_string(array_remove(
    case when c.heading_path[1] = {title} then c.heading_path else array_prepend({title}, c.heading_path) end, ''),
    ' > ')"""
_DIGEST = f"""sha256(convert_to(concat_ws(
    E'\\n', nullif({_HEADING}, ''), nullif(c.lead, ''), nullif(c.text, '')), 'UTF8'))"""
_EMBEDDED_TITLE = f"coalesce(nullif(coalesce(v.given_title, v.title), ''), {NAME})"

# Each vector with the digests of what it stands for. ``given``: its sender made it
# (ingest.importing says under what text it is kept). ``due``: the digest under the title of now.
_READ = f"""
    embedded as materialized (
        select v.document_id, c.version_id, c.ordinal, x.space_id, x.text_hash,
            md5(halfvec_send(x.embedding)) as direction, l2_norm(x.embedding) = 0 as empty,
            vector_dims(x.embedding) as dimensions, md5(concat_ws(E'\\n', nullif(c.lead, ''), c.text)) as says,
            coalesce(x.text_hash = sha256('\\x006f776e00'::bytea || convert_to(c.text, 'UTF8')), false) as given,
            {_DIGEST.format(title=_EMBEDDED_TITLE)} as due,
            x.text_hash in ({_DIGEST.format(title=_EMBEDDED_TITLE)}, {_DIGEST.format(title=TITLE)}) as told
        from vectors x join chunks c on c.id = x.chunk_id join versions v on v.id = c.version_id
        join documents d on d.id = v.document_id)
"""  # noqa: S608 (no input)

CONTENTS = (
    Invariant(
        "chunks whose text is not that of their place in the document",
        f"""select v.document_id from versions v
        cross join lateral (
            select max(octet_length(c.text)) as longest from chunks c where c.version_id = v.id) chunk
        cross join lateral (
            select distinct c.start_char / {_PART} as part from chunks c where c.version_id = v.id) parts
        cross join lateral (
            select substr(coalesce(v.content, ''), part * {_PART} + 1, {_PART} + longest) as long offset 0) long_cut
        cross join lateral (
            select distinct mod(c.start_char, {_PART}) / {_BLOCK} as block from chunks c
            where c.version_id = v.id and c.start_char / {_PART} = part) blocks
        cross join lateral (select substr(long, block * {_BLOCK} + 1, {_BLOCK} + longest) as short offset 0) short_cut
        cross join lateral (
            select from chunks c
            where c.version_id = v.id
                and c.start_char / {_PART} = part and mod(c.start_char, {_PART}) / {_BLOCK} = block
                and (c.end_char::bigint - c.start_char <> length(c.text)
                    or c.text <> substr(short, mod(c.start_char, {_BLOCK}) + 1, length(c.text)))
            offset 0) wrong""",  # noqa: S608 (no input)
    ),
    Invariant(
        "vectors of chunks that are gone",
        "select null::uuid from vectors x where not exists (select from chunks c where c.id = x.chunk_id)",
        _REPORT,
    ),
    Invariant(
        "vectors of length 0, or of another size than their space has",
        """select e.document_id from embedded e join embedding_spaces s on s.id = e.space_id
        where e.empty or e.dimensions <> s.dimensions""",
    ),
    # A text that was embedded under another title than that of now has the digest of that: renaming leaves vectors as
    # they are. So a digest is wrong where it is that of another text, or where that of a chunk before it is right:
    # a version that was renamed in the middle of its embedding has the old title's digests first.
    Invariant(
        "vectors of another text than that of their chunk",
        """select e.document_id from embedded e
        left join (
            select version_id, space_id, min(ordinal) as ordinal from embedded where told or given
            group by version_id, space_id) first on first.version_id = e.version_id and first.space_id = e.space_id
        left join (
            select due, min(says) as one, max(says) as another from embedded group by due) due on due.due = e.text_hash
        left join (
            select text_hash, min(says) as one, max(says) as another from embedded group by text_hash
        ) had on had.text_hash = e.text_hash
        where not e.told and not e.given and (
            e.ordinal > first.ordinal or had.one <> had.another or due.one <> e.says or due.another <> e.says)""",
    ),
    Invariant(
        f"vectors that more than {_MOST_ALIKE} different texts have",
        f"""select e.document_id from embedded e where not e.given and (e.space_id, e.direction) in (
            select space_id, direction from embedded where not given
            group by space_id, direction having count(distinct says) > {_MOST_ALIKE})""",  # noqa: S608 (no input)
        _OTHER_VECTORS,
    ),
    Invariant(
        "versions whose original bytes are damaged",
        f"""select v.document_id from versions v join blobs b on b.id = v.blob_id
        where b.size <= {_MOST_DIGESTED} and b.sha256 is distinct from (
            select sha256(string_agg(p.data, ''::bytea order by p.ordinal)) from blob_parts p where p.blob_id = b.id)""",  # noqa: S608, E501 (no input)
    ),
)
"""Reads everything but the index of words."""

WORDS = Invariant("documents whose words are damaged, or not those of their text", "", _INDEX_ANEW)
"""Checked by comparing what is stored with what would be stored now."""


def _statement(invariants: Iterable[Invariant]) -> LiteralString:
    """Return a query for one row for each invariant: what it says, how many rows break it, of which documents."""
    return "union all".join(
        f" select '{each.what}' as what, count(*) as how_many,"  # noqa: S608 (no input)
        f" (array_agg(distinct document) filter (where document is not null))[1:3] as documents"
        f" from ({each.broken}) broken (document) "
        for each in invariants
    )


_STRUCTURE = _statement(STRUCTURE)
_CONTENTS = f"with {_READ} {_statement(CONTENTS)}"
VIOLATIONS = f"with {_READ} {_statement((*STRUCTURE, *CONTENTS))}"
"""One row for each invariant: what it says, the number of rows that break it, and a few of their documents."""


async def violations(connection: Connection, *, seconds: float) -> Mapping[str, int] | None:
    """Return what does not hold, and in how many rows; ``None`` where looking takes longer. Reads the whole record."""
    found = await _look(connection, VIOLATIONS, (*STRUCTURE, *CONTENTS), seconds)
    words = None if found is None else await _look_at_words(connection, seconds)
    if found is None or words is None:
        return None
    return {each.invariant.what: each.how_many for each in (*found, *words)}


async def broken_structure(connection: Connection, *, seconds: float | None) -> Sequence[Violation] | None:
    """Return what of ``STRUCTURE`` does not hold; ``None`` where looking takes longer than ``seconds``, if given."""
    return await _look(connection, _STRUCTURE, STRUCTURE, seconds)


async def broken_contents(connection: Connection, *, seconds: float | None) -> Sequence[Violation] | None:
    """Return what of ``CONTENTS`` and ``WORDS`` does not hold; ``None`` where either takes longer than ``seconds``."""
    found = await _look(connection, _CONTENTS, CONTENTS, seconds)
    words = None if found is None else await _look_at_words(connection, seconds)
    return None if found is None or words is None else [*found, *words]


async def _look_at_words(connection: Connection, seconds: float | None) -> Sequence[Violation] | None:
    try:
        async with asyncio.timeout(seconds):
            wrong = [document async for document in wrong_words(connection)]
    except TimeoutError:
        return None
    return [Violation(WORDS, len(wrong), tuple(wrong[:3]))] if wrong else []


async def _look(
    connection: Connection, statement: LiteralString, invariants: Iterable[Invariant], seconds: float | None
) -> Sequence[Violation] | None:
    timeout = str(max(1, round(seconds * 1000))) if seconds is not None else "0"
    await connection.execute("select set_config('statement_timeout', %s, true)", (timeout,))
    try:
        cursor = await connection.execute(statement)
    except errors.QueryCanceled:
        await connection.rollback()
        return None
    known = {each.what: each for each in invariants}
    return [
        Violation(known[what], how_many, tuple(documents or ()))
        for what, how_many, documents in await cursor.fetchall()
        if how_many
    ]
