"""``ragstone doctor``: look at everything that Ragstone depends on, and say how to mend what is missing."""

from typing import TYPE_CHECKING, Annotated

import typer

from ragstone.cli import output
from ragstone.cli.options import AsJson
from ragstone.cli.running import run

if TYPE_CHECKING:
    from ragstone.cli.replies import Check

_STYLES = {"ok": "green", "info": "dim", "warning": "yellow", "failed": "red"}


def doctor(
    online: Annotated[
        bool, typer.Option("--online", help="Ask the language model, too; a few tokens that its provider counts.")
    ] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read the whole record, however long that takes, not for a few seconds only.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check every dependency and say how to mend what is missing. Exit code 1 if something that is needed is broken."""
    from ragstone.cli.diagnosis import diagnose

    diagnosis = run(diagnose(online=online, deep=deep))
    if as_json:
        output.print_json(diagnosis)
    else:
        for check in diagnosis.checks:
            _show(check)
    if not diagnosis.ok:
        raise typer.Exit(1)


def _show(check: "Check") -> None:
    from rich.text import Text

    line = Text.assemble((f"{check.status:<8}", _STYLES[check.status]), f"{check.name:<11}", check.detail)
    output.stdout().print(line, soft_wrap=True)
    if check.remedy:
        output.say(f"{'':<19}{check.remedy}")
