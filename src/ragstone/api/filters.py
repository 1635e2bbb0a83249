"""Filters as they are sent: a tree of ``op``s, the short text form, or keys and the values they must equal."""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    AllowInfNan,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    Tag,
    field_validator,
    model_validator,
)

from ragstone.domain import filters
from ragstone.domain.filter_text import LONGEST_TEXT_BYTES, parse_field, parse_filter
from ragstone.domain.filters import LONGEST_PREFIX, MOST_NODES, MOST_VALUES, Size
from ragstone.domain.iso_times import parse_time

_LONGEST_FIELD = 1000
_MOST_KEYS = 50


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FilterDate(_Shape):
    """A day or a time, which texts in ISO 8601 are compared with as what they mean. A day is the whole day in UTC."""

    date: StrictStr = Field(max_length=40, examples=["2024-05-01", "2024-05-01T10:00Z"])

    @field_validator("date")
    @classmethod
    def _is_one(cls, text: str) -> str:
        if parse_time(text) is None:
            raise ValueError("must read as 2024-05-01 or 2024-05-01T10:00Z")
        return text

    def to_domain(self) -> dt.date:
        """Return the day or the time."""
        at = parse_time(self.date)
        if at is None:
            raise AssertionError("the text was validated")
        return at if ":" in self.date else at.date()


def _kind(sent: object) -> str | None:
    return "date" if isinstance(sent, Mapping | FilterDate) else _KINDS.get(type(sent))


_KINDS: Mapping[type, str] = {bool: "boolean", int: "integer", float: "number", str: "text", type(None): "null"}
_Number: TypeAlias = Annotated[StrictFloat, AllowInfNan(False)]
FilterValue: TypeAlias = Annotated[
    Annotated[StrictBool, Tag("boolean")]
    | Annotated[StrictInt, Tag("integer")]
    | Annotated[_Number, Tag("number")]
    | Annotated[StrictStr, Tag("text")]
    | Annotated[None, Tag("null")]
    | Annotated[FilterDate, Tag("date")],
    Discriminator(
        _kind,
        custom_error_type="filter_value",
        custom_error_message='A value is a text, a number, true, false, null, or {"date": "2024-05-01"}',
    ),
]
_FieldName = Annotated[
    StrictStr,
    Field(
        min_length=1,
        max_length=_LONGEST_FIELD,
        description="Keys of the metadata, joined by dots, in quotes those that are no plain words: `author.name`."
        " With `@` what every document has: `@uri`, `@title`, `@collection`, `@media_type`, `@created_at`,"
        " `@updated_at`.",
    ),
]


class _Condition(_Shape):
    """What is asked of one field. An array's elements are asked one by one; one that meets it is enough."""

    field: _FieldName

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        self.to_domain()
        return self

    def to_domain(self) -> filters.Filter:
        raise NotImplementedError


class FilterEquals(_Condition):
    """The field has this value, or is an array that holds it."""

    op: Literal["eq"]
    value: FilterValue

    def to_domain(self) -> filters.Filter:
        """Return the condition."""
        return filters.Equals(parse_field(self.field), _value(self.value))


class FilterIn(_Condition):
    """The field has one of these values, or is an array that holds one of them."""

    op: Literal["in"]
    values: list[FilterValue] = Field(min_length=1, max_length=MOST_VALUES)

    def to_domain(self) -> filters.Filter:
        """Return the condition."""
        return filters.In(parse_field(self.field), tuple(map(_value, self.values)))


class FilterHas(_Condition):
    """The field is an array that holds all of these values."""

    op: Literal["has"]
    values: list[FilterValue] = Field(min_length=1, max_length=MOST_VALUES)

    def to_domain(self) -> filters.Filter:
        """Return the condition."""
        return filters.Has(parse_field(self.field), tuple(map(_value, self.values)))


class FilterRange(_Condition):
    """The field is a number, a text or a time within bounds of the same kind; one of the two sides may be open."""

    op: Literal["range"]
    gt: FilterValue = None
    gte: FilterValue = None
    lt: FilterValue = None
    lte: FilterValue = None

    def to_domain(self) -> filters.Filter:
        """Return the condition."""
        return filters.Range(
            parse_field(self.field),
            gt=_value(self.gt),
            gte=_value(self.gte),
            lt=_value(self.lt),
            lte=_value(self.lte),
        )


class FilterPrefix(_Condition):
    """The field is a text that begins with this one."""

    op: Literal["prefix"]
    text: StrictStr = Field(max_length=LONGEST_PREFIX)
    ignore_case: StrictBool = False

    def to_domain(self) -> filters.Filter:
        """Return the condition."""
        return filters.Prefix(parse_field(self.field), self.text, self.ignore_case)


class FilterExists(_Condition):
    """The field has a value; null and an empty array are none."""

    op: Literal["exists"]

    def to_domain(self) -> filters.Filter:
        """Return the condition."""
        return filters.Exists(parse_field(self.field))


class FilterAnd(_Shape):
    """All of them hold."""

    op: Literal["and"]
    of: list["FilterTree"] = Field(min_length=1, max_length=MOST_NODES)

    def to_domain(self) -> filters.Filter:
        """Return the condition."""
        return filters.And(tuple(each.to_domain() for each in self.of))


class FilterOr(_Shape):
    """One of them holds."""

    op: Literal["or"]
    of: list["FilterTree"] = Field(min_length=1, max_length=MOST_NODES)

    def to_domain(self) -> filters.Filter:
        """Return the condition."""
        return filters.Or(tuple(each.to_domain() for each in self.of))


class FilterNot(_Shape):
    """It does not hold; so it is, too, where the field is missing."""

    op: Literal["not"]
    of: "FilterTree"

    def to_domain(self) -> filters.Filter:
        """Return the condition."""
        return filters.Not(self.of.to_domain())


FilterTree: TypeAlias = Annotated[
    FilterAnd | FilterOr | FilterNot | FilterEquals | FilterIn | FilterHas | FilterRange | FilterPrefix | FilterExists,
    Field(discriminator="op"),
]

for _model in (FilterAnd, FilterOr, FilterNot):
    _model.model_rebuild()


def _form(sent: object) -> str | None:
    """Say which of the three forms a filter has, or that it is null; ``None`` for anything else."""
    if isinstance(sent, str):
        return "text"
    if sent is None:
        return "null"
    if isinstance(sent, BaseModel) or (isinstance(sent, Mapping) and "op" in sent):
        return "tree"
    return "keys" if isinstance(sent, Mapping) else None


def _not_too_large(sent: Any) -> Any:
    """Look at the nodes before they are validated, which goes down with them."""
    waiting, size = [(1, sent)], Size()
    while waiting:
        depth, each = waiting.pop()
        node = each if isinstance(each, Mapping) else {}
        size.add(depth, (node.get("field"),), _values_sent(node), ignoring=node.get("ignore_case") is True)
        of = node.get("of")
        waiting += [(depth + 1, part) for part in (of if isinstance(of, list) else [of] if of is not None else [])]
    return sent


def _values_sent(node: Mapping[str, Any]) -> list[Any]:
    values = node.get("values")
    alone = [node[name] for name in ("value", "gt", "gte", "lt", "lte", "text") if name in node]
    return [*alone, *values] if isinstance(values, list) else alone


def _not_too_long(sent: Any) -> Any:
    """Look at the texts before they are validated; how many keys there are is looked at then."""
    if isinstance(sent, Mapping):
        Size().add(1, tuple(sent), tuple(sent.values())[:_MOST_KEYS], ignoring=False)
    return sent


def _parsed(text: str) -> str:
    parse_filter(text)
    return text


def _sensible(keys: dict[str, FilterValue]) -> dict[str, FilterValue]:
    _shorthand(keys)
    return keys


def _shorthand(keys: Mapping[str, FilterValue]) -> filters.Filter | None:
    return filters.shorthand({key: _value(value) for key, value in keys.items()})


FilterInput: TypeAlias = Annotated[
    Annotated[
        StrictStr,
        Field(
            max_length=LONGEST_TEXT_BYTES,
            examples=['year >= 2020 and (lang = "de" or tags has "urgent") and not draft = true'],
        ),
        AfterValidator(_parsed),
        Tag("text"),
    ]
    | Annotated[FilterTree, BeforeValidator(_not_too_large), Tag("tree")]
    | Annotated[
        dict[Annotated[StrictStr, Field(max_length=200)], FilterValue],
        Field(max_length=_MOST_KEYS),
        BeforeValidator(_not_too_long),
        AfterValidator(_sensible),
        Tag("keys"),
    ]
    | Annotated[None, Tag("null")],
    Discriminator(
        _form,
        custom_error_type="filter_form",
        custom_error_message='A filter is text ("year >= 2020"), keys with the values they must equal ({"year": 2020}),'
        ' a tree of `op`s ({"op": "eq", "field": "year", "value": 2020}), or null for none',
    ),
]
"""A filter in one of its three forms; an object with an ``op`` is a tree, any other holds keys. ``None`` is none."""


def to_filter(sent: FilterInput) -> filters.Filter | None:
    """Return the filter that was sent; ``None`` where nothing is asked."""
    if isinstance(sent, str):
        return parse_filter(sent)
    if sent is None or isinstance(sent, dict):
        return _shorthand(sent or {})
    return sent.to_domain()


def _value(sent: FilterValue) -> filters.Value:
    return sent.to_domain() if isinstance(sent, FilterDate) else sent
