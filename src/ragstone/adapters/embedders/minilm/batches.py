"""Which texts run together."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

TOKENS_PER_RUN = 256
"""Measured on two cores: longer runs gain nothing, shorter ones leave the cores waiting for the weights."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts of one length in tokens, and the rows of the result that are theirs."""

    rows: list[int]
    ids: list[list[int]]


def same_length_batches(ids: Sequence[list[int]]) -> list[Batch]:
    """Group texts of one length into runs of at most ``TOKENS_PER_RUN`` tokens or one text; longest texts first.

    With equal lengths nothing is padded, and longest first leaves no core with a long text at the end.
    """
    order = sorted(range(len(ids)), key=lambda row: len(ids[row]), reverse=True)
    batches = []
    for length, group in groupby(order, key=lambda row: len(ids[row])):
        rows = list(group)
        size = max(1, TOKENS_PER_RUN // length)
        for start in range(0, len(rows), size):
            chosen = rows[start : start + size]
            batches.append(Batch(chosen, [ids[row] for row in chosen]))
    return batches
