"""The filter language: conditions over metadata, and over what every document has beside it.

``filter_matching`` defines when a filter holds, and whatever a store makes of it must agree:

* A field leads to values: none, one, or, where an array stands on its way or at its end, one of each element.
  A condition holds if one of the values meets it: ``Equals`` on an array asks whether the value is in it.
  Arrays are opened once; an array within an array is a value that equals nothing.
* There is true and false and no third: where a field is not there, each condition on it is false, and its ``Not``
  is true.
* Nothing is converted. Numbers meet numbers (1 is 1.0), texts meet texts, and are ordered by code point.
* A ``datetime`` meets texts that hold an ISO 8601 time, as an instant; a ``date`` stands for the whole day in UTC.
  A text that holds no valid time is passed over. Times without a zone are UTC, on both sides.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeAlias

DEEPEST_FILTER = 16
MOST_NODES = 200
MOST_VALUES = 1000
"""Of all conditions together."""
MOST_TEXT_BYTES = 64 << 10
"""In UTF-8: the fields and the texts among the values, of all conditions together."""
LONGEST_PREFIX = 200
MOST_IGNORING_CASE = 16
"""Each is a regular expression, of which PostgreSQL keeps 32; it would compile the others again for each row."""
LONGEST_PATH = 16
LARGEST_NUMBER = sys.float_info.max

BUILT_IN: Mapping[str, type[str] | type[datetime]] = {
    "uri": str,
    "title": str,
    "collection": str,
    "media_type": str,
    "created_at": datetime,
    "updated_at": datetime,
}
"""What every document has beside its metadata, with its type."""

Scalar: TypeAlias = str | int | float | bool | None
Value: TypeAlias = Scalar | date
"""What a field is compared with; a ``datetime`` is a ``date``, too."""


class FilterError(ValueError):
    """A filter that makes no sense, or is too large. ``position``: where in its text, from 0, if it has one."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


@dataclass(frozen=True, slots=True)
class Field:
    """Where values are: a path of keys into the metadata, or the name of what every document has."""

    keys: tuple[str, ...]
    built_in: bool = False

    def __post_init__(self) -> None:
        if not 1 <= len(self.keys) <= LONGEST_PATH:
            raise FilterError(f"a field has 1 to {LONGEST_PATH} keys")
        for key in self.keys:
            _check_text(key)
        if self.built_in and (len(self.keys) > 1 or self.keys[0] not in BUILT_IN):
            raise FilterError(f"there is no @{'.'.join(self.keys)}; there are @{', @'.join(BUILT_IN)}")

    @property
    def name(self) -> str:
        """The one key of a built-in field."""
        return self.keys[0]

    def check(self, value: Value) -> None:
        """Raise ``FilterError`` where a built-in field never has such a value."""
        if not self.built_in:
            return
        if BUILT_IN[self.name] is datetime and not isinstance(value, date):
            raise FilterError(f"@{self.name} is a time; compare it with a date")
        if BUILT_IN[self.name] is str and not isinstance(value, str):
            raise FilterError(f"@{self.name} is a text; compare it with a text")


@dataclass(frozen=True, slots=True)
class And:
    """All of them hold."""

    of: "tuple[Filter, ...]"

    def __post_init__(self) -> None:
        _check_any(self.of, "and")


@dataclass(frozen=True, slots=True)
class Or:
    """One of them holds."""

    of: "tuple[Filter, ...]"

    def __post_init__(self) -> None:
        _check_any(self.of, "or")


@dataclass(frozen=True, slots=True)
class Not:
    """It does not hold."""

    of: "Filter"


@dataclass(frozen=True, slots=True)
class Equals:
    """One of the values is this one."""

    field: Field
    value: Value

    def __post_init__(self) -> None:
        _check_values(self.field, (self.value,))


@dataclass(frozen=True, slots=True)
class In:
    """One of the values is one of these."""

    field: Field
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        _check_values(self.field, self.values)


@dataclass(frozen=True, slots=True)
class Has:
    """Each of these is among the values."""

    field: Field
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        _check_values(self.field, self.values)


@dataclass(frozen=True, slots=True)
class Range:
    """One value lies within the bounds, of which there are one or two of the same kind: numbers, texts or times."""

    field: Field
    gt: Value = None
    gte: Value = None
    lt: Value = None
    lte: Value = None

    def __post_init__(self) -> None:
        bounds = [bound for bound in (self.gt, self.gte, self.lt, self.lte) if bound is not None]
        if not bounds:
            raise FilterError("a range needs a bound")
        if (self.gt is not None and self.gte is not None) or (self.lt is not None and self.lte is not None):
            raise FilterError("a range has one lower and one upper bound at most")
        _check_values(self.field, tuple(bounds))
        kinds = {kind_of(bound) for bound in bounds}
        if not kinds <= {"number", "string", "time"}:
            raise FilterError("a bound is a number, a text or a date")
        if len(kinds) > 1:
            raise FilterError("the bounds of a range are of one kind")

    @property
    def bounds(self) -> tuple[tuple[str, str | int | float | datetime], ...]:
        """Each bound with its comparison (``>``, ``>=``, ``<``, ``<=``); a day's is its first or its last instant."""
        given = ((">", self.gt), (">=", self.gte), ("<", self.lt), ("<=", self.lte))
        return tuple((sign, _edge(bound, last=sign in (">", "<="))) for sign, bound in given if bound is not None)


@dataclass(frozen=True, slots=True)
class Prefix:
    """One value is a text that begins so. ``ignore_case``: letter by letter, each in either case."""

    field: Field
    text: str
    ignore_case: bool = False

    def __post_init__(self) -> None:
        if len(self.text) > LONGEST_PREFIX:
            raise FilterError(f"a prefix has at most {LONGEST_PREFIX} characters")
        _check_values(self.field, (self.text,))


@dataclass(frozen=True, slots=True)
class Exists:
    """There is a value; null is none, and an empty array has none."""

    field: Field


Filter: TypeAlias = And | Or | Not | Equals | In | Has | Range | Prefix | Exists


def shorthand(values: Mapping[str, Value]) -> Filter | None:
    """Return the filter for keys of the metadata and the values they must equal; ``None`` for none."""
    each = tuple(Equals(Field((key,)), value) for key, value in values.items())
    return (each[0] if len(each) == 1 else And(each)) if each else None


def check_size(condition: Filter) -> None:
    """Raise ``FilterError`` for a filter that is deeper or larger than is taken."""
    size = Size()
    for depth, each in _walk(condition):
        names = () if isinstance(each, And | Or | Not) else each.field.keys
        size.add(depth, names, _values_of(each), ignoring=isinstance(each, Prefix) and each.ignore_case)


@dataclass(slots=True)
class Size:
    """How large the nodes of a filter are that were added so far, be they as they were sent or as they were read."""

    nodes: int = 0
    values: int = 0
    text_bytes: int = 0
    ignoring: int = 0

    def add(self, depth: int, names: Sequence[object], values: Sequence[object], *, ignoring: bool) -> None:
        """Add a node, which may be a prefix ``ignoring`` case.

        Raise ``FilterError``, which names the bound, as soon as the filter is past one.
        """
        self.nodes += 1
        self.values += len(values)
        if depth > DEEPEST_FILTER:
            raise FilterError(f"a filter is nested at most {DEEPEST_FILTER} deep")
        if self.nodes > MOST_NODES:
            raise FilterError(f"a filter has at most {MOST_NODES} conditions")
        if self.values > MOST_VALUES:
            raise FilterError(f"a filter has at most {MOST_VALUES} values in all its conditions")
        self.text_bytes += sum(_bytes(text) for part in (names, values) for text in part if isinstance(text, str))
        if self.text_bytes > MOST_TEXT_BYTES:
            raise FilterError(f"a filter has at most {MOST_TEXT_BYTES} bytes of fields and texts")
        self.ignoring += ignoring
        if self.ignoring > MOST_IGNORING_CASE:
            raise FilterError(f"a filter has at most {MOST_IGNORING_CASE} prefixes that ignore case")


def on_metadata(condition: Filter) -> bool:
    """Whether a filter asks for metadata at all."""
    return any(not isinstance(each, And | Or | Not) and not each.field.built_in for _, each in _walk(condition))


def kind_of(value: object) -> str:
    """Name the kind of a value, as JSON and JSONPath do; a date is a ``time``."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case date():
            return "time"
        case _:
            return "object"


def instants(value: date) -> tuple[datetime, datetime]:
    """Return the first and the last instant of a day, to the microsecond; of a time, itself twice."""
    if isinstance(value, datetime):
        at = value if value.tzinfo else value.replace(tzinfo=UTC)
        return at, at
    return datetime.combine(value, time.min, UTC), datetime.combine(value, time.max, UTC)


def cases(letter: str) -> str:
    """Return a letter in both cases, where either is one letter."""
    forms = dict.fromkeys((letter, letter.lower(), letter.upper()))
    return "".join(form for form in forms if len(form) == 1)


def _walk(condition: Filter) -> Iterator[tuple[int, Filter]]:
    """Yield every node with its depth, from 1. Not recursive: this is what holds off filters that are too deep."""
    waiting = [(1, condition)]
    while waiting:
        depth, each = waiting.pop()
        yield depth, each
        match each:
            case And(of) | Or(of):
                waiting += [(depth + 1, part) for part in of]
            case Not(of):
                waiting.append((depth + 1, of))


def _values_of(condition: Filter) -> tuple[Value, ...]:
    match condition:
        case Equals(_, value):
            return (value,)
        case In(_, values) | Has(_, values):
            return values
        case Range():
            return tuple(bound for _, bound in condition.bounds)
        case Prefix(_, text):
            return (text,)
        case _:
            return ()


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))


def _edge(bound: Value, *, last: bool) -> str | int | float | datetime:
    if isinstance(bound, date):
        return instants(bound)[last]
    if bound is None or isinstance(bound, bool):
        raise FilterError("a bound is a number, a text or a date")
    return bound


def _check_any(of: tuple[Filter, ...], name: str) -> None:
    if not of:
        raise FilterError(f"`{name}` needs a condition")


def _check_values(field: Field, values: tuple[Value, ...]) -> None:
    if not 1 <= len(values) <= MOST_VALUES:
        raise FilterError(f"a list has 1 to {MOST_VALUES} values")
    for value in values:
        field.check(value)
        if isinstance(value, str):
            _check_text(value)
        elif isinstance(value, int | float) and not abs(value) <= LARGEST_NUMBER:  # so that NaN is refused, too
            raise FilterError(f"a number is finite, and at most {LARGEST_NUMBER:.2g} above or below 0")
        elif isinstance(value, datetime) and (value.utcoffset() or timedelta()) % timedelta(minutes=1):
            raise FilterError("a time zone is hours and minutes away from UTC")


_NOT_STORED = re.compile("[\0\ud800-\udfff]")


def _check_text(text: str) -> None:
    """No metadata holds such a character, and PostgreSQL does not take it."""
    if _NOT_STORED.search(text):
        raise FilterError("a text must not hold U+0000, or half of a surrogate pair")
