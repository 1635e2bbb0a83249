"""Phrases in quotes: looked for in the texts of those chunks that have all their words."""

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from uuid import UUID

from ragstone.postgres.database import Connection
from ragstone.retrieve.analysis import holds_phrase
from ragstone.retrieve.analysis.stems import stem

Phrase = Sequence[str]

_TEXTS = """
    select distinct on (c.id) c.id, c.text, c.lead, c.heading_path, m.language
    from chunks c join lexical_members m on m.version_id = c.version_id where c.id = any(%s)
"""


def words_of(phrases: Sequence[Phrase], languages: Sequence[str]) -> list[list[str]]:
    """Return for each word of the phrases the terms that it may be in documents of these languages."""
    return [
        list(dict.fromkeys(stem(word, language) for language in languages or [""]))
        for phrase in phrases
        for word in phrase
    ]


async def holding(connection: Connection, chunk_ids: Sequence[UUID], phrases: Sequence[Phrase]) -> AbstractSet[UUID]:
    """Return those of the chunks whose text, headings or table's header hold every phrase."""
    cursor = await connection.execute(_TEXTS, (list(chunk_ids),))
    rows = await cursor.fetchall()
    return await asyncio.to_thread(
        lambda: {
            chunk_id
            for chunk_id, text, lead, headings, language in rows
            if all(any(holds_phrase(part, each, language) for part in (text, lead, *headings)) for each in phrases)
        }
    )
