"""What a record holds of documents: nothing may be left where none is."""

from psycopg import sql

from ragstone.postgres.database import Connection

_OF_DOCUMENTS = (
    "documents",
    "versions",
    "chunks",
    "lexical_members",
    "vectors",
    "kept_vectors",
    "refused_chunks",
    "blobs",
    "blob_parts",
)


async def rows_of_documents(connection: Connection) -> dict[str, int]:
    """Return how many rows each table of documents has, where it has any."""
    counted = {}
    for table in _OF_DOCUMENTS:
        cursor = await connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table)))
        counted[table] = int((await cursor.fetchall())[0][0])
    return {table: rows for table, rows in counted.items() if rows}
