"""Whether a filter holds: the definition with which every store must agree."""

import operator
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ragstone.domain.filters import (
    And,
    Equals,
    Exists,
    Field,
    Filter,
    Has,
    In,
    Not,
    Or,
    Prefix,
    Range,
    Value,
    cases,
    instants,
    kind_of,
)
from ragstone.domain.iso_times import parse_time

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def matches(
    condition: Filter, metadata: Mapping[str, Any], built_in: Mapping[str, str | datetime] | None = None
) -> bool:
    """Whether ``condition`` holds of this metadata, as parsed from JSON; ``built_in`` has what ``BUILT_IN`` names."""
    match condition:
        case And(of):
            return all(matches(each, metadata, built_in) for each in of)
        case Or(of):
            return any(matches(each, metadata, built_in) for each in of)
        case Not(of):
            return not matches(of, metadata, built_in)
        case Has(field, values):
            found = _values(field, metadata, built_in)
            return all(any(_equals(have, value) for have in found) for value in values)
        case _:
            return any(_meets(have, condition) for have in _values(condition.field, metadata, built_in))


def overlaid(metadata: Mapping[str, Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a filter sees of a chunk: its document's metadata, where the chunk has no value of its own."""
    return {**metadata, **own}


def _meets(have: object, condition: Equals | In | Range | Prefix | Exists) -> bool:
    match condition:
        case Equals(_, value):
            return _equals(have, value)
        case In(_, values):
            return any(_equals(have, value) for value in values)
        case Range():
            return all(_compares(have, sign, bound) for sign, bound in condition.bounds)
        case Prefix(_, text, ignore_case):
            return isinstance(have, str) and _begins(have, text, ignore_case=ignore_case)
        case Exists():
            return have is not None


def _values(field: Field, metadata: Mapping[str, Any], built_in: Mapping[str, str | datetime] | None) -> list[Any]:
    """Return the values that a field leads to."""
    if field.built_in:
        return [(built_in or {})[field.name]] if field.name in (built_in or {}) else []
    found: list[Any] = [metadata]
    for key in field.keys:
        found = [each[key] for each in _opened(found) if isinstance(each, Mapping) and key in each]
    return _opened(found)


def _opened(values: list[Any]) -> list[Any]:
    """Return the values, those of arrays in the arrays' place."""
    return [inner for each in values for inner in (each if isinstance(each, list) else [each])]


def _equals(have: object, value: Value) -> bool:
    if isinstance(value, date):
        at, (first, last) = _instant(have), instants(value)
        return at is not None and first <= at <= last
    if kind_of(have) != kind_of(value):
        return False
    return _number(have) == _number(value) if kind_of(value) == "number" else have == value


def _compares(have: object, sign: str, bound: str | int | float | datetime) -> bool:
    compare = _COMPARISONS[sign]
    if isinstance(bound, datetime):
        at = _instant(have)
        return at is not None and compare(at, bound)
    if kind_of(have) != kind_of(bound):
        return False
    return compare(have, bound) if isinstance(bound, str) else compare(_number(have), _number(bound))


def _number(value: object) -> Decimal:
    """Return a number as it is written: 1e23 is ten to the 23rd, not the binary fraction next to it."""
    return Decimal(repr(value))


def _instant(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    return parse_time(value) if isinstance(value, str) else None


def _begins(have: str, text: str, *, ignore_case: bool) -> bool:
    if not ignore_case:
        return have.startswith(text)
    return len(have) >= len(text) and all(letter in cases(asked) for letter, asked in zip(have, text, strict=False))
