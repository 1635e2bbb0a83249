"""Filters as SQL: a condition over a row, its values bound as parameters, never written into it.

Metadata is asked by JSONPath in lax mode, which opens arrays as a ``Field`` does, or by containment where an index
can serve it. Every condition is true or false, never null. ``ragstone.domain.filter_matching`` says what it must be.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import product
from typing import Any

from psycopg.types.json import Jsonb

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
from ragstone.domain.iso_times import DAYS, LEAP_DAY, WITH_ZONE, WITHOUT_ZONE

_MOST_CONTAINMENTS = 16
"""More of them than this are slower than to take the values out and look each up, index or not."""

_IS_TEXT = '@.type() == "string"'


@dataclass(frozen=True, slots=True)
class FilterSql:
    """A condition, with the parameters that it names."""

    condition: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a row has what a filter asks for: ``metadata`` (jsonb, not null), and each built-in field by its name."""

    metadata: str
    built_in: Mapping[str, str]


def compile_filter(condition: Filter, columns: Columns) -> FilterSql:
    """Return ``condition`` over a row of ``columns``. The same filter has the same parameters over any columns."""
    compiler = _Compiler(columns)
    return FilterSql(compiler.sql(condition), compiler.parameters)


@dataclass(frozen=True, slots=True)
class _Compiler:
    columns: Columns
    parameters: dict[str, Any] = field(default_factory=dict)

    def sql(self, condition: Filter) -> str:
        match condition:
            case And(of):
                return self._all(map(self.sql, of))
            case Or(of):
                return self._any(map(self.sql, of))
            case Not(of):
                return f"(not {self.sql(of)})"
            case _ if condition.field.built_in:
                return self._on_column(condition)
            case _:
                return self._on_metadata(condition)

    def _on_column(self, condition: Equals | In | Has | Range | Prefix | Exists) -> str:
        column = f"({self.columns.built_in[condition.field.name]})"
        match condition:
            case Equals(_, value):
                return self._column_equals(column, value)
            case In(_, values):
                return self._column_in(column, values)
            case Has(_, values):
                return self._all(self._column_equals(column, value) for value in values)
            case Range():
                return self._compared(column, condition)
            case Prefix():
                return self._begins(column, condition)
            case Exists():
                return "true"

    def _column_in(self, column: str, values: tuple[Value, ...]) -> str:
        texts = [value for value in values if isinstance(value, str)]
        parts = [self._within(column, value) for value in values if isinstance(value, date)]
        return self._any([*parts, *([f"{column} = any({self._bind(texts)}::text[])"] if texts else [])])

    def _column_equals(self, column: str, value: Value) -> str:
        if isinstance(value, date):
            return self._within(column, value)
        return f"{column} = {self._bind(value)}"

    def _on_metadata(self, condition: Equals | In | Has | Range | Prefix | Exists) -> str:  # noqa: PLR0911 (a case each)
        at = condition.field
        match condition:
            case Equals(_, value):
                return self._equals(at, value)
            case In(_, values):
                return self._in(at, values)
            case Has(_, values):
                return self._has(at, values)
            case Range():
                return self._range(at, condition)
            case Prefix(_, text, True):
                return self._path_exists(at, f"{_IS_TEXT} && @ like_regex {json.dumps(_either_case(text))}", {})
            case Prefix(_, text):
                return self._path_exists(at, f"{_IS_TEXT} && @ starts with $prefix", {"prefix": text})
            case Exists():
                return self._path_exists(at, '@.type() != "null"', {})

    def _equals(self, at: Field, value: Value) -> str:
        if isinstance(value, date):
            return f"exists (select from {self._times(at)} where {self._within('instant', value)})"
        if 2 ** len(at.keys) > _MOST_CONTAINMENTS:
            return self._path_exists(at, f'@.type() == "{kind_of(value)}" && @ == $value', {"value": value})
        return self._any(f"{self.columns.metadata} @> {self._bind(Jsonb(each))}" for each in _shapes(at.keys, value))

    def _in(self, at: Field, values: tuple[Value, ...]) -> str:
        plain = [value for value in values if not isinstance(value, date)]
        parts = [self._in_times(at, [value for value in values if isinstance(value, date)])]
        if len(plain) * 2 ** len(at.keys) <= _MOST_CONTAINMENTS:
            parts += [self._equals(at, value) for value in plain]
        else:
            parts.append(f"exists (select from {self._found(at)} where value = any({self._bind_all(plain)}))")
        return self._any(part for part in parts if part)

    def _in_times(self, at: Field, times: list[date]) -> str:
        if not times:
            return ""
        return f"exists (select from {self._times(at)}, {self._asked(times)} where instant between first and last)"

    def _has_times(self, at: Field, times: list[date]) -> str:
        found = f"exists (select from {self._times(at)} where instant between first and last)"
        return f"not exists (select from {self._asked(times)} where not {found})"

    def _asked(self, times: list[date]) -> str:
        """Return a relation of the times that are asked for: ``first``, ``last``."""
        first, last = zip(*map(instants, times), strict=True)
        unnested = f"unnest({self._bind([*first])}::timestamptz[], {self._bind([*last])}::timestamptz[])"
        return f"{unnested} as asked (first, last)"

    def _has(self, at: Field, values: tuple[Value, ...]) -> str:
        times = [value for value in values if isinstance(value, date)]
        plain = [value for value in values if not isinstance(value, date)]
        parts = [self._has_times(at, times)] if times else []
        if len(plain) * 2 ** len(at.keys) <= _MOST_CONTAINMENTS:
            return self._all([*parts, *(self._equals(at, value) for value in plain)])
        found = f"array(select value from {self._found(at)})"  # noqa: S608 (no input)
        return self._all([*parts, f"{found} @> {self._bind_all(plain)}"])

    def _range(self, at: Field, condition: Range) -> str:
        kind = kind_of(condition.bounds[0][1])
        if kind == "time":
            return f"exists (select from {self._times(at)} where {self._compared('instant', condition)})"
        bounds = [(sign, f"bound{n}", bound) for n, (sign, bound) in enumerate(condition.bounds)]
        compared = "".join(f" && @ {sign} ${name}" for sign, name, _ in bounds)
        return self._path_exists(at, f'@.type() == "{kind}"{compared}', {name: bound for _, name, bound in bounds})

    def _path_exists(self, at: Field, predicate: str, variables: Mapping[str, Any]) -> str:
        """Whether a value meets a JSONPath predicate, which asks for the type: a filter opens arrays once more."""
        path = self._bind(f"{_path(at)} ? ({predicate})")
        return f"jsonb_path_exists({self.columns.metadata}, {path}::jsonpath, {self._bind(Jsonb(variables))}, true)"

    def _found(self, at: Field) -> str:
        """Return a relation of the field's values: ``value``."""
        return f"jsonb_path_query({self.columns.metadata}, {self._bind(_path(at) + '[*]')}::jsonpath) as found (value)"

    def _times(self, at: Field) -> str:
        """Return a relation of the times among the field's values: ``instant``, null for any other value."""
        # A cast fails for what is no time; `case` keeps it from what does not look like one.
        with_zone = self._share("with_zone", f"^(?:{WITH_ZONE})$")
        without_zone = self._share("without_zone", f"^(?:{WITHOUT_ZONE})$")
        days, leap_day = self._share("days", list(DAYS)), self._share("leap_day", f"^{LEAP_DAY}")
        day = f"(substr(said, 6, 5) = any({days}::text[]) or said ~ {leap_day}) and said !~ '^0000'"
        return f"""(select case
                when said ~ {with_zone} and {day} then said::timestamptz
                when said ~ {without_zone} and {day} then said::timestamp at time zone 'UTC'
            end as instant from (select value #>> '{{}}' as said from {self._found(at)}) as texts) as times"""  # noqa: S608 (no input)

    def _compared(self, expression: str, condition: Range) -> str:
        bytewise = ' collate "C"' if kind_of(condition.bounds[0][1]) == "string" else ""
        return self._all(f"{expression}{bytewise} {sign} {self._bind(bound)}" for sign, bound in condition.bounds)

    def _within(self, expression: str, value: date) -> str:
        first, last = instants(value)
        return f"{expression} between {self._bind(first)} and {self._bind(last)}"

    def _begins(self, expression: str, condition: Prefix) -> str:
        if condition.ignore_case:
            return f"{expression} ~ {self._bind(_either_case(condition.text))}"
        return f"starts_with({expression}, {self._bind(condition.text)})"

    def _all(self, conditions: Iterable[str]) -> str:
        return f"({' and '.join(conditions)})"

    def _any(self, conditions: Iterable[str]) -> str:
        return f"({' or '.join(conditions)})"

    def _bind(self, value: Any) -> str:
        name = f"filter_{len(self.parameters)}"
        self.parameters[name] = value
        return f"%({name})s"

    def _share(self, name: str, value: Any) -> str:
        """Bind what is the same in every condition, once."""
        self.parameters[f"filter_{name}"] = value
        return f"%(filter_{name})s"

    def _bind_all(self, values: Iterable[Value]) -> str:
        return f"{self._bind([Jsonb(value) for value in values])}::jsonb[]"


def _path(at: Field) -> str:
    """Return the JSONPath of a field; its strings are written as JSON's."""
    return "$" + "".join(f".{json.dumps(key)}" for key in at.keys)


def _shapes(keys: tuple[str, ...], value: Value) -> Iterable[dict[str, Any]]:
    """Yield what metadata contains that has ``value`` at the path ``keys``, each key's value alone or in an array."""
    for in_array in product((False, True), repeat=len(keys)):
        shape: Any = value
        for key, wrapped in zip(reversed(keys), in_array, strict=True):
            shape = {key: [shape] if wrapped else shape}
        yield shape


def _either_case(text: str) -> str:
    """Return the regular expression for what begins with ``text``, each letter in either case.

    The database's own notion of case depends on its locale.
    """
    return "^" + "".join(f"[{cases(letter)}]" if len(cases(letter)) > 1 else re.escape(letter) for letter in text)
