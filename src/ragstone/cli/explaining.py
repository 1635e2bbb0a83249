"""How a search went, as tables: its steps, and what became of each passage that it considered."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragstone.cli import output

if TYPE_CHECKING:
    from ragstone.api.found import Considered, LegRank, Step, Trace

_MOST_SHOWN = 30
_LONGEST_TITLE = 40


def show_trace(trace: "Trace") -> None:
    """Print the steps of a search, and the passages in the order of the fusion."""
    output.say("")
    output.print_table(("step", "ms", "details"), (_step(each) for each in trace.steps), wrap=("details",))
    if not trace.considered:
        return
    shown = trace.considered[:_MOST_SHOWN]
    legs = list(dict.fromkeys(leg for each in shown for leg in each.legs))
    more = [name for name, there in _optional(shown).items() if there]
    output.say("")
    output.print_table(
        ("rank", "fused", *legs, *more, "title", "chunk", "left out"), (_row(each, legs, more) for each in shown)
    )
    if len(trace.considered) > len(shown):
        output.note(f"{len(trace.considered) - len(shown):,} more were considered; --json lists all of them.")


def _optional(shown: Sequence["Considered"]) -> dict[str, bool]:
    """Say which of the columns that few searches need have something to show."""
    return {
        "boost": any(each.boost != 1 for each in shown),
        "reranked": any(each.reranked is not None for each in shown),
    }


def _step(step: "Step") -> tuple[str, str, str]:
    details = ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in step.details.items()
    )
    return step.name, f"{step.milliseconds:.1f}", details


def _row(each: "Considered", legs: Sequence[str], more: Sequence[str]) -> tuple[object, ...]:
    optional = {"boost": f"{each.boost:.3f}", "reranked": _rank(each.reranked)}
    return (
        each.rank or "",
        _rank(each.fused),
        *(_rank(each.legs.get(leg)) for leg in legs),
        *(optional[name] for name in more),
        each.title if len(each.title) <= _LONGEST_TITLE else f"{each.title[: _LONGEST_TITLE - 1]}…",
        str(each.chunk_id)[-12:],
        f"{each.cut} {str(each.of)[-12:]}" if each.of else each.cut,
    )


def _rank(rank: "LegRank | None") -> str:
    """Write a rank and the score that goes with it."""
    return f"#{rank.rank} {rank.score:.3f}" if rank else "-"
