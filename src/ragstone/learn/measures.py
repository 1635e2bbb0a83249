"""What a ranking is worth, as ir-measures computes it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ragstone.domain.errors import ConfigurationError, InvalidRequest
from ragstone.learn.questions import JudgedQuestion
from ragstone.learn.significance import Values

if TYPE_CHECKING:
    from ir_measures.measures import Measure

MAIN = "nDCG@10"
_CUTOFFS = {MAIN: 10, "recall@10": 10, "recall@100": 100, "MRR@10": 10, "success@1": 1}
_BY_NAME = {name.lower(): name for name in _CUTOFFS}


def measures_at(depth: int) -> tuple[str, ...]:
    """Return the measures that look no deeper than ``depth`` documents."""
    return tuple(name for name, cutoff in _CUTOFFS.items() if cutoff <= depth)


def measure_named(name: str) -> str:
    """Return a measure as it is written, however its letters are. Raises ``InvalidRequest``."""
    try:
        return _BY_NAME[name.strip().lower()]
    except KeyError:
        raise InvalidRequest(f"There is no measure {name!r}.", remedy=f"There are {', '.join(_CUTOFFS)}.") from None


def check_installed() -> None:
    """Raise ``ConfigurationError`` where ir-measures is not installed."""
    _measures(())


def measured(
    questions: Sequence[JudgedQuestion], rankings: Mapping[str, Sequence[str]], names: Sequence[str]
) -> Values:
    """Return shape ``(questions, names)``: each measure of each question's ranking of uris. CPU-bound.

    ``nDCG`` takes the grades as gains, with the discount ``1 / log2(rank + 1)`` (Järvelin and Kekäläinen 2002, as
    trec_eval has it); the others take every document that answers alike. Raises ``ConfigurationError``.
    """
    wanted = _measures(names)
    # trec_eval orders by score and, where these are equal, by name: they must not be.
    run = {question.id: {uri: float(-rank) for rank, uri in enumerate(rankings[question.id])} for question in questions}
    qrels = {question.id: dict(question.judgements) for question in questions}
    rows = {question.id: row for row, question in enumerate(questions)}
    columns = {measure: column for column, measure in enumerate(wanted)}
    values = np.zeros((len(questions), len(names)))
    for each in _computed(wanted, qrels, run):
        values[rows[each.query_id], columns[each.measure]] = each.value
    return values


def _computed(wanted: "Sequence[Measure]", qrels: Mapping[str, Any], run: Mapping[str, Any]) -> Any:
    import ir_measures

    return ir_measures.iter_calc(wanted, qrels, run)


def _measures(names: Sequence[str]) -> "list[Measure]":
    try:
        from ir_measures import RR, R, Success, nDCG
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "ir-measures, which computes the measures, is not installed.", remedy="pip install 'ragstone[eval]'"
        ) from error
    known = {MAIN: nDCG @ 10, "recall@10": R @ 10, "recall@100": R @ 100, "MRR@10": RR @ 10, "success@1": Success @ 1}
    return [known[name] for name in names]
