"""``ragstone db``: the database's schema, applied on its own or looked at."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from ragstone.cli import output
from ragstone.cli.options import AsJson
from ragstone.cli.running import run

if TYPE_CHECKING:
    from ragstone.cli.replies import DatabaseStatus
    from ragstone.container import Container

app = typer.Typer(no_args_is_help=True, help="Apply migrations, and see what the database is.")


@app.command()
def migrate(as_json: AsJson = False) -> None:
    """Apply the pending migrations. Every command that opens the record does so, too."""
    after = run(_status(apply=True))
    if as_json:
        output.print_json(after)
        return
    for name in after.applied:
        output.say(f"applied {name}")
    if not after.applied:
        output.say("Nothing to apply.")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show the database's versions and which migrations are pending. Applies none."""
    found = run(_status(apply=False))
    if as_json:
        output.print_json(found)
        return
    output.print_fields(
        {
            "PostgreSQL": found.postgresql,
            "pgvector": found.pgvector,
            "server": found.server,
            "schema": found.database_schema,
            "pending": ", ".join(found.pending) or "nothing",
        }
    )


async def _status(*, apply: bool) -> "DatabaseStatus":
    from ragstone.cli.local import quiet_settings
    from ragstone.container import open_container
    from ragstone.postgres.migrate import migrate as apply_pending

    applied: Sequence[str] = ()
    async with open_container(quiet_settings(), migrated=False) as container:
        if apply:
            async with container.database.connect() as connection:
                applied = [step.name for step in await apply_pending(connection, container.database.schema)]
        return (await database_status(container)).model_copy(update={"applied": applied})


async def database_status(container: "Container") -> "DatabaseStatus":
    """Return what the database of an open container is."""
    from ragstone.cli.replies import DatabaseStatus
    from ragstone.postgres.migrate import pending

    database = container.database
    async with database.connection() as connection:
        steps = await pending(connection, database.schema)
        cursor = await connection.execute(
            "select current_setting('server_version'), extversion from pg_extension where extname = 'vector'"
        )
        row = await cursor.fetchone()
        info = connection.info
        return DatabaseStatus(
            postgresql=row[0] if row else "",
            pgvector=row[1] if row else "",
            server=f"{info.host}:{info.port}/{info.dbname}" if container.settings.database_url else "embedded",
            database_schema=database.schema,
            pending=[step.name for step in steps],
        )
