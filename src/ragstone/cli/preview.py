"""What a ``sync`` would do: a dry run looks at pages, too, and changes nothing."""

from dataclasses import dataclass, field

from ragstone.api.schemas import Document
from ragstone.cli.client import Client
from ragstone.cli.delivery import GONE, Outcome, outcome_of
from ragstone.cli.files import Finding, Item
from ragstone.cli.pages import page_at
from ragstone.cli.running import for_each
from ragstone.cli.summary import IngestFailure, of_error
from ragstone.cli.sync_summary import Change
from ragstone.domain.errors import Forbidden, RagstoneError, Unauthenticated
from ragstone.ingest.sync import Plan, Wanted, check_not_emptied
from ragstone.ports.fetcher import Gone

_LOOKED_AT_A_TIME = 4


@dataclass(slots=True)
class Preview:
    """The outcome of each uri, had it been sent."""

    client: Client
    finding: Finding
    plan: Plan[Document]
    wanted: Wanted
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    failures: list[IngestFailure] = field(default_factory=list)
    gone: list[Document] = field(default_factory=list)

    async def look(self) -> None:
        """Look at every page that would be looked at."""
        self.outcomes |= {each.uri: "unchanged" for each in self.plan.unchanged}
        await for_each(self.finding.items, self._look_at, at_a_time=_LOOKED_AT_A_TIME)

    def check(self) -> None:
        """Raise ``Conflict`` where the sync would not go through with it."""
        kept = len(self.plan.known) - len(self.gone) + self._count("added")
        check_not_emptied(self.wanted.source, deleted=len(self.plan.deleted) + len(self.gone), kept=kept)

    def changes(self) -> list[Change]:
        """Return what would be done, in the order in which it would be."""
        return [
            *(Change(action="rename", uri=old.uri, to=uri) for old, uri in self.plan.renamed),
            *(Change(action="add", uri=uri) for uri, outcome in self.outcomes.items() if outcome == "added"),
            *(Change(action="change", uri=uri) for uri, outcome in self.outcomes.items() if outcome == "changed"),
            *(Change(action="delete", uri=each.uri) for each in (*self.plan.deleted, *self.gone)),
        ]

    def _count(self, wanted: Outcome) -> int:
        return sum(outcome == wanted for outcome in self.outcomes.values())

    async def _look_at(self, item: Item) -> None:
        known = self.plan.known.get(item.uri)
        if not isinstance(item.source, str):
            if known is None or known.uri == item.uri:  # else it would be renamed
                self.outcomes[item.uri] = outcome_of(known, same=item.uri in self.plan.relabelled)
            return
        try:
            async with page_at(self.client, item.source, known, self.wanted) as page:
                self.outcomes[item.uri] = outcome_of(known, same=page.same)
        except Gone:
            if known and known.source == self.wanted.source:
                self.gone.append(known)
            else:
                self.finding.skipped[GONE] += 1
        except (Unauthenticated, Forbidden):
            raise
        except RagstoneError as error:
            self.failures.append(of_error(item.uri, error))
