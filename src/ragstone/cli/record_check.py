"""What ``doctor`` says of the record: what was lost, doubled or left behind, in which documents, and how to mend it."""

from ragstone.cli.replies import Check
from ragstone.container import Container
from ragstone.postgres.invariants import Violation, broken_contents, broken_structure

_STRUCTURE_SECONDS = 30.0
_CONTENTS_SECONDS = 10.0


async def record(container: Container, *, deep: bool) -> list[Check]:
    """Look through the record. Its contents are read for a few seconds; to their end, however long, if ``deep``.

    What is broken comes last, in a line each.
    """
    async with container.database.connection() as connection:
        structure = await broken_structure(connection, seconds=None if deep else _STRUCTURE_SECONDS)
    async with container.database.connection() as connection:
        contents = await broken_contents(connection, seconds=None if deep else _CONTENTS_SECONDS)
    unseen = []
    if structure is None:
        unseen.append(_too_large("too large to be looked through", _STRUCTURE_SECONDS))
    if contents is None:
        unseen.append(_too_large("its texts, words, vectors and bytes could not be read", _CONTENTS_SECONDS))
    broken = [_failed(each) for each in (*(structure or ()), *(contents or ()))]
    if unseen or broken:
        return unseen + broken
    detail = "nothing is missing, doubled or left behind; texts, words, vectors and bytes are what they were"
    return [Check(name="record", status="ok", detail=detail)]


def _too_large(what: str, seconds: float) -> Check:
    return Check(
        name="record",
        status="info",
        detail=f"{what} within {seconds:.0f} seconds",
        remedy="`ragstone doctor --deep` takes the time that it needs.",
    )


def _failed(violation: Violation) -> Check:
    documents = ", ".join(str(each) for each in violation.documents)
    among = f", among them of document {documents}" if documents else ""
    detail = f"{violation.invariant.what}: {violation.how_many:,}{among}"
    return Check(name="record", status="failed", detail=detail, remedy=violation.invariant.remedy)
