"""What became of one ``import``."""

from pydantic import BaseModel

from ragstone.cli import output

_MOST_FAILURES = 20


class ImportFailure(BaseModel):
    """A row that was skipped or a document that failed: where, what is wrong, and how to mend it."""

    file: str
    line: int
    message: str
    remedy: str


class ImportSummary(BaseModel):
    """The last line of ``import --json``.

    ``documents`` were taken in, with ``chunks`` in all; ``unchanged`` of them were there as they are. ``failed``
    documents were refused, and ``skipped`` rows left out; ``failures`` tells of the first thousand.
    """

    documents: int = 0
    chunks: int = 0
    unchanged: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    failures: list[ImportFailure] = []


def show(summary: ImportSummary) -> None:
    """Print the outcome for a person: what was left out and why, and the counts."""
    for failure in summary.failures[:_MOST_FAILURES]:
        output.say(f"{failure.file}, line {failure.line:,}: {failure.message} {failure.remedy}".rstrip())
    rest = summary.failed + summary.skipped - _MOST_FAILURES
    if rest > 0:
        output.say(f"and {rest:,} more; --json tells of the first thousand")
    speed = summary.chunks / summary.seconds if summary.seconds else 0.0
    output.say(
        f"{summary.documents:,} documents ({summary.unchanged:,} as before), {summary.chunks:,} chunks;"
        f" {summary.failed:,} documents failed, {summary.skipped:,} rows skipped"
        f" in {summary.seconds:,.1f} s ({speed:,.0f} chunks/s)"
    )
