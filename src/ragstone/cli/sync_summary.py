"""What one ``sync`` did, or would do."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel

from ragstone.cli import output
from ragstone.cli.delivery import Outcome
from ragstone.cli.summary import IngestFailure

_MOST_FAILURES = 20


class Change(BaseModel):
    """One thing that a dry run would do. ``to`` is the new uri of what would be renamed."""

    action: Literal["add", "change", "rename", "delete"]
    uri: str
    to: str | None = None


class SyncSummary(BaseModel):
    """The last line of ``sync --json``.

    Each document that the source lists is ``added``, ``changed``, ``renamed`` or ``unchanged``, or it ``failed``, or
    it was ``skipped``, by kind in ``skipped_kinds``. ``unknown`` of them cannot be followed: replaced or deleted by
    now, or for other readers than the caller. ``changes`` are those of a dry run.
    """

    added: int
    changed: int
    renamed: int
    deleted: int
    unchanged: int
    failed: int
    skipped: int
    seconds: float
    unknown: int = 0
    dry_run: bool = False
    skipped_kinds: dict[str, int]
    failures: list[IngestFailure]
    changes: list[Change] = []

    @property
    def idle(self) -> bool:
        """Whether all was as it should be."""
        return not (self.added or self.changed or self.renamed or self.deleted or self.failed)


def summed(
    outcomes: Mapping[str, Outcome],
    failures: Sequence[IngestFailure],
    skipped_kinds: Mapping[str, int],
    *,
    renamed: int,
    deleted: int,
    seconds: float,
) -> SyncSummary:
    """Count what became of each uri; one that failed counts as nothing else."""
    failed = {each.uri for each in failures}
    counted = [outcome for uri, outcome in outcomes.items() if uri not in failed]
    return SyncSummary(
        added=counted.count("added"),
        changed=counted.count("changed"),
        renamed=renamed,
        deleted=deleted,
        unchanged=counted.count("unchanged"),
        failed=len(failures),
        skipped=sum(skipped_kinds.values()),
        seconds=round(seconds, 2),
        skipped_kinds=dict(skipped_kinds),
        failures=list(failures),
    )


def show(summary: SyncSummary) -> None:
    """Print the outcome for a person: what a dry run would do, what failed and why, and the counts."""
    for change in summary.changes:
        output.say(f"{change.action:<7} {change.uri}" + (f" -> {change.to}" if change.to else ""))
    for failure in summary.failures[:_MOST_FAILURES]:
        output.say(f"failed  {failure.uri}")
        stage = f"{failure.stage}: " if failure.stage else ""
        output.say(f"        {stage}{failure.message} {failure.remedy}".rstrip())
    if len(summary.failures) > _MOST_FAILURES:
        output.say(f"        and {len(summary.failures) - _MOST_FAILURES:,} more; --json lists them all")
    if summary.skipped:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in summary.skipped_kinds.items())
        output.say(f"skipped {summary.skipped:,} that hold no document: {kinds}")
    if summary.unknown:
        output.say(
            f"unknown {summary.unknown:,} documents: replaced or deleted by now, or for readers that you are not"
        )
    would = "would be " if summary.dry_run else ""
    output.say(
        f"{would}{summary.added:,} added, {summary.changed:,} changed, {summary.renamed:,} renamed,"
        f" {summary.deleted:,} deleted; {summary.unchanged:,} unchanged, {summary.failed:,} failed"
        f" in {summary.seconds:,.1f} s"
    )
