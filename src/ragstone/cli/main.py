"""``ragstone``: every command, and the one place where errors become a line on standard error."""

import os
import sys
import traceback
from typing import Annotated

import typer

from ragstone import __version__
from ragstone.cli import (
    ask,
    collections,
    db,
    doctor,
    documents,
    evaluate,
    importing,
    index,
    ingest,
    jobs,
    keys,
    reembed,
    search,
    serving,
    sync,
)
from ragstone.cli.output import plain
from ragstone.cli.running import Stopped, note_interrupts
from ragstone.domain.errors import RagstoneError

app = typer.Typer(
    name="ragstone",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ragstone {__version__}")
        raise typer.Exit


@app.callback()
def ragstone(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Index documents, ask, and get answers in which every sentence carries a checked citation."""


app.command("up")(serving.up)
app.command("serve")(serving.serve)
app.command("worker")(serving.worker)
app.command("ingest")(ingest.ingest)
app.command("sync")(sync.sync)
app.command("import")(importing.import_chunks)
app.command("search")(search.search)
app.command("ask")(ask.ask)
app.command("eval")(evaluate.evaluate)
app.command("reembed")(reembed.reembed)
app.command("doctor")(doctor.doctor)
app.add_typer(documents.app, name="documents")
app.add_typer(jobs.app, name="jobs")
app.add_typer(collections.app, name="collections")
app.add_typer(keys.app, name="keys")
app.add_typer(index.app, name="index")
app.add_typer(db.app, name="db")


def main() -> None:
    """Run the command line. Exit code 0: done; 1: it failed; 2: it was called wrongly; 128 + n: ended by signal n."""
    note_interrupts()
    try:
        app()
    except Stopped as stopped:
        sys.exit(stopped.exit_code)
    except (RagstoneError, BaseExceptionGroup) as error:
        known = _known(error)
        if known is None:
            raise
        if os.environ.get("RAGSTONE_LOG_LEVEL") == "debug":
            traceback.print_exception(error)
        print(_line(known), file=sys.stderr)  # noqa: T201
        sys.exit(1)


def _line(error: RagstoneError) -> str:
    """Say what is wrong and how to mend it, in one line."""
    message = error.message if error.message.endswith((".", "!", "?")) else f"{error.message}."
    return plain(" ".join(f"Error: {message} {error.remedy}".split()))


def _known(error: BaseException) -> RagstoneError | None:
    """Return the error that a user can act on: the error itself, or the first within a group of tasks' errors."""
    if isinstance(error, RagstoneError):
        return error
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(_known, error.exceptions)), None)
    return None
