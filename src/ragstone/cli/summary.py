"""What became of the documents of one ``ingest``."""

from pydantic import BaseModel

from ragstone.api.schemas import Job
from ragstone.cli import output
from ragstone.domain.errors import RagstoneError

_MOST_FAILURES = 20
_MOST_KINDS = 10


class IngestFailure(BaseModel):
    """A document that did not become searchable: in which stage, why, and how to mend it."""

    uri: str
    stage: str
    code: str
    message: str
    remedy: str


class IngestSummary(BaseModel):
    """The last line of ``ingest --json``.

    ``documents`` were taken in: ``accepted`` anew, ``unchanged`` as before; ``skipped`` files of folders were not,
    by kind in ``skipped_kinds``. ``unknown`` documents were taken in and cannot be followed: replaced or deleted by
    now, or for other readers than the caller. ``chunks`` are those of all ``documents``.
    """

    documents: int
    accepted: int
    unchanged: int
    skipped: int
    skipped_kinds: dict[str, int]
    ready: int
    failed: int
    unknown: int
    chunks: int
    seconds: float
    failures: list[IngestFailure]


def of_error(uri: str, error: RagstoneError) -> IngestFailure:
    """Return the failure of a document that was refused."""
    return IngestFailure(uri=uri, stage="accept", code=error.code, message=error.message, remedy=error.remedy)


def unreadable(uri: str, error: OSError) -> IngestFailure:
    """Return the failure of a file that cannot be read here."""
    cause = error.strerror or type(error).__name__
    return IngestFailure(
        uri=uri,
        stage="read",
        code="unreadable",
        message=f"The file cannot be read: {cause}.",
        remedy="Check that it is there and its permissions.",
    )


def of_job(job: Job) -> IngestFailure:
    """Return the failure of a job that failed or was cancelled."""
    retry = f"`ragstone jobs retry {job.id}` begins it again."
    if job.failure is None:
        return IngestFailure(uri=job.uri, stage="", code=job.state, message="The job was cancelled.", remedy=retry)
    failure = job.failure
    remedy = f"{failure.remedy} {retry}" if failure.retryable else failure.remedy
    return IngestFailure(
        uri=job.uri, stage=failure.stage, code=failure.code, message=failure.message, remedy=remedy.strip()
    )


def show(summary: IngestSummary, *, waited: bool) -> None:
    """Print the outcome for a person: the counts, what was skipped, what failed and why."""
    for failure in summary.failures[:_MOST_FAILURES]:
        output.say(f"failed  {failure.uri}")
        stage = f"{failure.stage}: " if failure.stage else ""
        output.say(f"        {stage}{failure.message} {failure.remedy}".rstrip())
    if len(summary.failures) > _MOST_FAILURES:
        output.say(f"        and {len(summary.failures) - _MOST_FAILURES:,} more; --json lists them all")
    if summary.skipped:
        kinds = [f"{count:,} {kind}" for kind, count in summary.skipped_kinds.items()]
        more = ", ..." if len(kinds) > _MOST_KINDS else ""
        output.say(f"skipped {summary.skipped:,} files that hold no document: {', '.join(kinds[:_MOST_KINDS])}{more}")
    if waited and summary.unknown:
        output.say(
            f"unknown {summary.unknown:,} documents: replaced or deleted by now, or for readers that you are not"
        )
    counted = f"{summary.documents:,} documents ({summary.accepted:,} new, {summary.unchanged:,} as before)"
    if waited:
        output.say(
            f"{counted}: {summary.ready:,} ready, {summary.failed:,} failed; {summary.chunks:,} chunks"
            f" in {summary.seconds:,.1f} s"
        )
    else:
        output.say(f"{counted} accepted in {summary.seconds:,.1f} s; `ragstone jobs list` shows how far they are")
