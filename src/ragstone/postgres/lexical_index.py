"""BM25 over postings in PostgreSQL: exact, transactional, and sized for tens of thousands of chunks."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from ragstone.domain.documents import Chunk, embedding_text
from ragstone.domain.queries import Ranked, Scope
from ragstone.ports.record import Transaction
from ragstone.postgres.database import Database
from ragstone.postgres.record import connection_of
from ragstone.postgres.visibility import VISIBLE, scope_parameters
from ragstone.retrieve.analysis import count_terms

_ADD = "copy postings (term, chunk_id, version_id, frequency, word_count) from stdin"
_CHUNKS_IN_A_BLOCK = 100

# Document frequency and average length are taken over what the scope may see, so that neither a score nor
# an order tells anything of documents kept from the reader.
_SEARCH = f"""
    with visible as materialized ({VISIBLE}),
    corpus as (
        select sum(chunk_count)::float8 as chunks, sum(word_count)::float8 / sum(chunk_count) as average_length
        from visible where chunk_count > 0
    ),
    question (term, weight) as (select * from unnest(%(terms)s::text[], %(weights)s::float8[])),
    matches as materialized (
        select p.term, q.weight, p.chunk_id, p.frequency::float8 as frequency, p.word_count
        from question q join postings p on p.term = q.term join visible v on v.version_id = p.version_id
    ),
    rarity as (
        select term, ln(1 + (chunks - count(*) + 0.5) / (count(*) + 0.5)) as idf
        from matches, corpus group by term, chunks
    )
    select m.chunk_id, sum(
        m.weight * r.idf * m.frequency * (%(k1)s + 1)
        / (m.frequency + %(k1)s * (1 - %(b)s + %(b)s * m.word_count / average_length))) as score
    from matches m join rarity r on r.term = m.term, corpus
    group by m.chunk_id order by score desc, m.chunk_id limit %(limit)s
"""  # noqa: S608 (no input)


class PostgresLexicalIndex:
    """The ``LexicalIndex`` port. ``k1`` saturates term frequency, ``b`` (0..1) normalises by length."""

    def __init__(self, database: Database, *, k1: float = 1.2, b: float = 0.75) -> None:
        self._database = database
        self._k1 = k1
        self._b = b

    async def add(self, transaction: Transaction, version_id: UUID, title: str, chunks: Sequence[Chunk]) -> None:
        """Index the chunks of a version; they are found once ``transaction`` commits."""
        connection = connection_of(transaction)
        words = 0
        async with connection.cursor() as cursor, cursor.copy(_ADD) as copy:
            for start in range(0, len(chunks), _CHUNKS_IN_A_BLOCK):
                block = chunks[start : start + _CHUNKS_IN_A_BLOCK]
                rows, counted = await asyncio.to_thread(_rows, version_id, title, block)
                await copy.write(rows)
                words += counted
        await connection.execute(
            "update versions set word_count = %s, indexed_title = %s where id = %s", (words, title, version_id)
        )

    async def reindex(self, transaction: Transaction, version_id: UUID, title: str, chunks: Sequence[Chunk]) -> None:
        """Index the chunks of a version in place of what was indexed of it."""
        await connection_of(transaction).execute("delete from postings where version_id = %s", (version_id,))
        await self.add(transaction, version_id, title, chunks)

    async def search(self, question: str, scope: Scope, limit: int) -> Sequence[Ranked]:
        """Return at most ``limit`` chunks in ``scope``, best first; score is BM25 (0 or more, unbounded)."""
        terms = count_terms(question)
        if not terms:
            return []
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                _SEARCH,
                {
                    **scope_parameters(scope),
                    "terms": list(terms),
                    "weights": [float(weight) for weight in terms.values()],
                    "k1": self._k1,
                    "b": self._b,
                    "limit": limit,
                },
            )
            return [Ranked(chunk_id, score) for chunk_id, score in await cursor.fetchall()]


def _rows(version_id: UUID, title: str, chunks: Sequence[Chunk]) -> tuple[bytes, int]:
    """Return the postings of chunks in COPY's text form, and how many words they count.

    A term has no character that the form would need escaped: it is made of letters, digits and ``_.-/:@'``.
    """
    lines: list[str] = []
    words = 0
    for chunk in chunks:
        terms = count_terms(embedding_text(title, chunk.heading_path, chunk.text, lead=chunk.lead))
        length = terms.total()
        words += length
        lines += [f"{term}\t{chunk.id}\t{version_id}\t{frequency}\t{length}\n" for term, frequency in terms.items()]
    return "".join(lines).encode(), words
