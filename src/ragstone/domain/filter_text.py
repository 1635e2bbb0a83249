"""Filters as short text: ``year >= 2020 and (lang = "de" or tags has "urgent") and not draft = true``.

    filter     = all { "or" all }
    all        = one { "and" one }
    one        = "not" one | "(" filter ")" | condition
    condition  = field ( "=" | "!=" ) value
               | field ( "<" | "<=" | ">" | ">=" ) value                 one bound
               | value ( "<" | "<=" ) field ( "<" | "<=" ) value         two bounds
               | field [ "not" ] "in" list
               | field "has" ( value | "all" list | "any" list )
               | field ( "^=" | "starts with" ) text [ "ignoring case" ]
               | field [ "not" ] "exists"
    field      = [ "@" ] key { "." key }            key   = word | text, for keys that are no words
    value      = number | text | date | "true" | "false" | "null"
    list       = "[" value { "," value } "]"

Texts stand in double or single quotes; dates (``2024-05-01``, ``2024-05-01T10:00Z``) in none. ``@`` marks what every
document has beside its metadata. Words of the language may be written in capitals.
"""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime

from ragstone.domain.filter_tokens import Kind, Token, Tokens
from ragstone.domain.filters import (
    And,
    Equals,
    Exists,
    Field,
    Filter,
    FilterError,
    Has,
    In,
    Not,
    Or,
    Prefix,
    Range,
    Value,
    check_size,
)

LONGEST_TEXT_BYTES = 4096
_MOST_PARENTHESES = 50
_KEY_IN_QUOTES = "a key that is no plain word stands in quotes"
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_BOUND = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}


def parse_filter(text: str) -> Filter:
    """Return the filter that ``text`` says. Raise ``FilterError``, which names the place, for any other text."""
    if len(text.encode(errors="surrogatepass")) > LONGEST_TEXT_BYTES:
        raise FilterError(f"a filter is at most {LONGEST_TEXT_BYTES} bytes of text")
    tokens = Tokens(text)
    condition = _Parser(tokens).any_of()
    tokens.end("`and`, `or` or the end is missing")
    check_size(condition)
    return condition


def parse_field(text: str) -> Field:
    """Return the field that ``text`` names: ``author.name``, ``"due date"``, ``@uri``. Raise ``FilterError``."""
    tokens = Tokens(text)
    field = _Parser(tokens).field()
    tokens.end(_KEY_IN_QUOTES)
    return field


def to_text(condition: Filter) -> str:  # noqa: PLR0911 (a case each)
    """Return the text that ``parse_filter`` reads as ``condition``, but for an ``And`` or ``Or`` of one."""
    match condition:
        case And(of):
            return " and ".join(_inner(each, And | Or) if len(of) > 1 else to_text(each) for each in of)
        case Or(of):
            return " or ".join(_inner(each, Or) if len(of) > 1 else to_text(each) for each in of)
        case Not(Equals(field, value)):
            return f"{field_text(field)} != {_value_text(value)}"
        case Not(In(field, values)):
            return f"{field_text(field)} not in {_list_text(values)}"
        case Not(of):
            return f"not {_inner(of, And | Or)}"
        case Range():
            return _range_text(condition)
        case _:
            return f"{field_text(condition.field)} {_rest_text(condition)}"


def field_text(field: Field) -> str:
    """Return the text that ``parse_field`` reads as ``field``."""
    named = ".".join(key if Tokens.is_name(key) else _value_text(key) for key in field.keys)
    return f"@{named}" if field.built_in else named


class _Parser:
    """Reads one rule of the grammar by each method; the tokens know how far it is."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._depth = 0

    def any_of(self) -> Filter:
        found = [self._all_of()]
        while self._tokens.take("or"):
            found.append(self._all_of())
        return Or(tuple(found)) if len(found) > 1 else found[0]

    def _all_of(self) -> Filter:
        found = [self._one()]
        while self._tokens.take("and"):
            found.append(self._one())
        return And(tuple(found)) if len(found) > 1 else found[0]

    def _one(self) -> Filter:
        self._depth += 1
        if self._depth > _MOST_PARENTHESES:
            raise self._tokens.error("this is nested too deep")
        condition: Filter
        if self._tokens.take("not"):
            condition = Not(self._one())
        elif self._tokens.take("("):
            condition = self.any_of()
            self._tokens.expect(")")
        else:
            condition = self._condition()
        self._depth -= 1
        return condition

    def _condition(self) -> Filter:
        start = self._tokens.next
        first = self._operand()
        try:
            if self._tokens.next.text in _BOUND:
                return self._range(first)
            return self._other(self._as_field(first, start))
        except FilterError as error:
            if error.position is not None:
                raise
            raise self._tokens.error(str(error), start) from error

    def _other(self, field: Field) -> Filter:
        if self._tokens.take("=", "=="):
            return Equals(field, self._value())
        if self._tokens.take("!=", "<>"):
            return Not(Equals(field, self._value()))
        if self._tokens.take("has"):
            return self._has(field)
        if self._tokens.take("^="):
            return self._prefix(field)
        if self._tokens.take("starts"):
            self._tokens.expect("with")
            return self._prefix(field)
        return self._there_or_in(field)

    def _there_or_in(self, field: Field) -> Filter:
        negated = self._tokens.take("not")
        if self._tokens.take("in"):
            found: Filter = In(field, self._list())
        elif self._tokens.take("exists"):
            found = Exists(field)
        else:
            wanted = "`in` or `exists`" if negated else "a comparison (=, !=, <, <=, >, >=, ^=, in, has, exists)"
            raise self._tokens.error(f"{wanted} is missing")
        return Not(found) if negated else found

    def _has(self, field: Field) -> Filter:
        if self._tokens.take("all"):
            return Has(field, self._list())
        if self._tokens.take("any"):
            return In(field, self._list())
        return Has(field, (self._value(),))

    def _prefix(self, field: Field) -> Filter:
        text = self._value()
        if not isinstance(text, str):
            raise self._tokens.error("a text in quotes is missing", self._tokens.last)
        ignore_case = bool(self._tokens.take("ignoring"))
        if ignore_case:
            self._tokens.expect("case")
        return Prefix(field, text, ignore_case)

    def _range(self, first: "Field | Value") -> Filter:
        """Read the rest of ``year < 2020``, ``2020 > year`` or ``2019 <= year < 2021``, from its sign on.

        A text in quotes may be a key or a value: which, its place decides.
        """
        sign = self._tokens.advance().text
        place = self._tokens.next
        second = self._value() if isinstance(first, Field) else self._operand()
        if (upper := self._tokens.next).text in _BOUND:
            self._tokens.advance()
            if upper.text[0] != sign[0]:
                raise self._tokens.error(f"`{upper.text}` looks another way than `{sign}` before it", upper)
            bounds = {_BOUND[_MIRRORED[sign]]: self._as_value(first), _BOUND[upper.text]: self._value()}
            return Range(self._as_field(second, place), **bounds)
        if isinstance(second, Field) or (isinstance(second, str) and not isinstance(first, str | Field)):
            return Range(self._as_field(second, place), **{_BOUND[_MIRRORED[sign]]: self._as_value(first)})
        return Range(self._as_field(first, place), **{_BOUND[sign]: second})

    def _operand(self) -> "Field | Value":
        """Return a field or a value; a lone text in quotes, which may be either, as the text."""
        token = self._tokens.next
        if token.kind is Kind.VALUE and not (isinstance(token.value, str) and self._tokens.dot_follows):
            return self._value()
        return self.field()

    def field(self) -> Field:
        built_in = bool(self._tokens.take("@"))
        start = self._tokens.next
        keys = [self._key()]
        while self._tokens.take("."):
            keys.append(self._key())
        try:
            return Field(tuple(keys), built_in)
        except FilterError as error:
            raise self._tokens.error(str(error), start) from error

    def _key(self) -> str:
        token = self._tokens.next
        if token.kind is Kind.NAME:
            return self._tokens.advance().text
        if token.kind is Kind.VALUE and isinstance(token.value, str):
            return str(self._tokens.advance().value)
        raise self._tokens.error(f"a field is missing; {_KEY_IN_QUOTES}")

    def _value(self) -> Value:
        if self._tokens.next.kind is not Kind.VALUE:
            raise self._tokens.error("a value is missing: a number, a date, true, false, null, or a text in quotes")
        return self._tokens.advance().value

    def _list(self) -> tuple[Value, ...]:
        closing = ")" if self._tokens.take("(") else "]"
        if closing == "]":
            self._tokens.expect("[")
        values = [self._value()]
        while self._tokens.take(","):
            values.append(self._value())
        self._tokens.expect(closing)
        return tuple(values)

    def _as_field(self, operand: "Field | Value", place: Token) -> Field:
        if isinstance(operand, Field):
            return operand
        if isinstance(operand, str):
            return Field((operand,))
        raise self._tokens.error(f"a field is missing; {_KEY_IN_QUOTES}", place)

    def _as_value(self, operand: "Field | Value") -> Value:
        if isinstance(operand, Field):
            raise self._tokens.error("two comparisons in a row stand around a field: 2019 <= year < 2021")
        return operand


def _inner(condition: Filter, loose: type | object) -> str:
    """Return the text of a part, in parentheses where it would fall apart without."""
    text = to_text(condition)
    return f"({text})" if isinstance(condition, loose) else text  # type: ignore[arg-type]


def _rest_text(condition: Equals | In | Has | Prefix | Exists) -> str:
    match condition:
        case Equals(_, value):
            return f"= {_value_text(value)}"
        case In(_, values):
            return f"in {_list_text(values)}"
        case Has(_, (value,)):
            return f"has {_value_text(value)}"
        case Has(_, values):
            return f"has all {_list_text(values)}"
        case Prefix(_, text, ignore_case):
            return f"^= {_value_text(text)}{' ignoring case' if ignore_case else ''}"
        case Exists():
            return "exists"


def _range_text(condition: Range) -> str:
    given: Mapping[str, Value] = {sign: getattr(condition, name) for sign, name in _BOUND.items()}
    (sign, bound), *upper = [(sign, bound) for sign, bound in given.items() if bound is not None]
    name = field_text(condition.field)
    if not upper:
        return f"{name} {sign} {_value_text(bound)}"
    return f"{_value_text(bound)} {_MIRRORED[sign]} {name} {upper[0][0]} {_value_text(upper[0][1])}"


def _list_text(values: tuple[Value, ...]) -> str:
    return f"[{', '.join(map(_value_text, values))}]"


def _value_text(value: Value) -> str:
    match value:
        case datetime():
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
        case date():
            return value.isoformat()
        case _:
            return json.dumps(value, ensure_ascii=False)
