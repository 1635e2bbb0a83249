"""A document's title is searched with its text: where it gets another name, its words are indexed anew."""

from collections.abc import Sequence
from uuid import UUID

from ragstone.ports.lexical_index import Entry, LexicalIndex
from ragstone.ports.record import Transaction


async def index_renamed(transaction: Transaction, lexical: LexicalIndex, document_ids: Sequence[UUID]) -> None:
    """Index the words of those of the documents that have another title than they are indexed with.

    Vectors stay as they are: a title is a small part of what a passage means, and embedding costs time and money.
    """
    await lexical.add(transaction, [Entry(*each) for each in await transaction.versions.misnamed(document_ids)])
