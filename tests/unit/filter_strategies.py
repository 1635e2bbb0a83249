"""Made-up filters and metadata, close enough to each other to meet."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from ragstone.domain.filters import (
    BUILT_IN,
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
)

KEYS = (
    "a",
    "b",
    "year",
    "a.b",
    "due date",
    "ключ",
    "0",
    "@uri",
    "exists",
    "",
    'q"uo\\te',
    "'; drop table versions; --",
)
TIMES = (
    "2024-02-29",
    "2024-02-29T10:30",
    "2024-02-29 10:30:15",
    "2024-02-29T23:59:59.9999995Z",
    "2024-03-01T01:00:00.25+02:00",
    "2024-02-29T20:00:00-0430",
    "0001-01-01T00:00+14:00",
    "9999-12-31T23:59:59.999999999",
)
NO_TIMES = (
    "2023-02-29",
    "1900-02-29",
    "2024-2-9",
    "0000-01-01",
    "2024-02-29T24:00",
    "2024-02-29\n",
    " 2024-02-29",
    "2024-02-29T10:30+15:00",
    "24-02-29",
    "20240229",
    "infinity",
    "now",
    "2024-02-29Z",
)
TEXTS = (
    *("", "1", "true", "null", "de", "De", "DE", "straße", "STRASSE", "σ", "ς", "Σ", "İ", "ﬁ", "\uff61", "😀", "😀a"),
    *("%s", "%(x)s", "a'b", '"', "\\", "\\d", ".*", "a\nb", "\t", "[", "$a", "/handbook/gates", "/Handbook/"),
)
NUMBERS = (0, -0.0, 1, 1.0, -1, 0.1, 0.30000000000000004, 1e23, 10**23, 2**53 + 1, 2.0**53, 1e-300, 1.5e300, 10**40)

keys = st.sampled_from(KEYS)
# PostgreSQL stores no NUL, and UTF-8 has no surrogates.
texts = st.sampled_from((*TEXTS, *TIMES, *NO_TIMES)) | st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5
)
numbers = (
    st.sampled_from(NUMBERS) | st.integers(-3, 3) | st.floats(allow_nan=False, allow_infinity=False) | st.integers()
)
scalars = texts | numbers | st.booleans() | st.none()
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
near = datetime(2024, 2, 29, 10, 30, tzinfo=UTC)
times = (
    st.sampled_from((near, near + timedelta(seconds=15), datetime(2024, 3, 1, tzinfo=UTC)))
    | st.sampled_from((date(2024, 2, 29), date(2024, 3, 1), date.min, date.max))
    | st.datetimes(timezones=zones)
    | st.dates()
)
values: st.SearchStrategy[Value] = scalars | times

json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)
metadata = st.dictionaries(keys, json_values, min_size=1, max_size=4)

built_in_values = st.fixed_dictionaries(
    {
        name: texts if kind is str else st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
        for name, kind in BUILT_IN.items()
    }
)


Document = tuple[dict[str, Any], dict[str, Any]]
"""Metadata, and what every document has beside it."""

documents: st.SearchStrategy[list[Document]] = st.lists(st.tuples(metadata, built_in_values), min_size=1, max_size=4)


def _listed(of: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    # Long lists are compiled another way.
    return st.lists(of, min_size=1, max_size=3).map(tuple) | st.lists(of, min_size=17, max_size=20).map(tuple)


def _places(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the paths that lead somewhere in metadata, each with what stands there; arrays are opened without end."""
    if isinstance(value, list):
        for each in value:
            yield from _places(each, path)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _places(each, (*path, key))
    if path:
        yield path, value


@st.composite
def _fields(
    draw: st.DrawFn, there: list[Document]
) -> tuple[Field, st.SearchStrategy[Any], list[st.SearchStrategy[Any]]]:
    """Draw a field, values to compare it with, and kinds of bounds; most of them as they stand in the documents."""
    choice = draw(st.integers(0, 9))
    if choice < 2:
        name = draw(st.sampled_from(tuple(BUILT_IN)))
        fitting: st.SearchStrategy[Any] = st.sampled_from([built_in[name] for _, built_in in there])
        fitting |= texts if BUILT_IN[name] is str else times
        return Field((name,), built_in=True), fitting, [fitting]
    found = [place for each, _ in there for place in _places(each)]
    if choice < 4 or not found:
        return Field(tuple(draw(st.lists(keys, min_size=1, max_size=5)))), values, [texts, numbers, times]
    path = draw(st.sampled_from([path for path, _ in found]))
    present = [value for place, value in found if place == path and not isinstance(value, list | dict)]
    bounds = [texts, numbers, times]
    for value in present:
        if isinstance(value, str):
            bounds.append(st.just(value) | texts)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            bounds.append(st.just(value) | numbers)
    return Field(path), st.sampled_from(present) | values if present else values, bounds


@st.composite
def conditions(draw: st.DrawFn, there: list[Document]) -> Filter:
    """Draw a condition without parts."""
    field, fitting, bounds = draw(_fields(there))
    kind = draw(st.sampled_from((Equals, In, Has, Range, Prefix, Exists)))
    if kind is Equals:
        return Equals(field, draw(fitting))
    if kind in (In, Has):
        return kind(field, draw(_listed(fitting)))
    if kind is Prefix and not (field.built_in and BUILT_IN[field.name] is not str):
        text = draw(fitting.filter(lambda value: isinstance(value, str)) if field.built_in else fitting | texts)
        text = text if isinstance(text, str) else ""
        text = draw(st.sampled_from((text, text[:3], text.upper(), text.lower())))
        return Prefix(field, text, draw(st.booleans()))
    return draw(_ranges(field, bounds)) if kind is Range else Exists(field)


@st.composite
def _ranges(draw: st.DrawFn, field: Field, kinds: list[st.SearchStrategy[Any]]) -> Range:
    bounds = draw(st.sampled_from(kinds))
    lower = draw(st.sampled_from((None, "gt", "gte")))
    upper = draw(st.sampled_from(("lt", "lte") if lower is None else (None, "lt", "lte")))
    return Range(field, **{name: draw(bounds) for name in (lower, upper) if name})


def filters(there: list[Document]) -> st.SearchStrategy[Filter]:
    """Return filters that may hold of some of the documents."""
    return st.recursive(
        conditions(there),
        lambda inner: (
            st.builds(Not, inner)
            | st.lists(inner, min_size=2, max_size=3).map(tuple).map(And)
            | st.lists(inner, min_size=2, max_size=3).map(tuple).map(Or)
        ),
        max_leaves=4,
    )


asked: st.SearchStrategy[tuple[list[Document], Filter]] = documents.flatmap(
    lambda there: st.tuples(st.just(there), filters(there))
)
"""Documents, and a filter for them."""
