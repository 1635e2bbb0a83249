"""JSON as people read it: a line ``path.to.key: value`` for each value, a table where records are alike."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from ragstone.adapters.parsers.kreuzberg.composition import prose
from ragstone.adapters.parsers.kreuzberg.decoding import clean
from ragstone.adapters.parsers.kreuzberg.tables import markdown_table

_LARGEST = 64 * 2**20
"""Characters from which on JSON is kept as it is: the objects that it becomes take ten times as much."""
_LONGEST_PATH = 400
"""Characters of a path from which on it is told once, on a line of its own, and by its end on those below it."""
_KEPT_OF_PATH = 80
_MOST_GROWTH = 16
"""Characters of text for each of the file, beyond which it is kept as it is: each value repeats its path."""
_ALWAYS = 16 * 2**20
_NEVER = 192 * 2**20
"""Characters of text, whatever the file's: so many are no harm, and so many no child process can hold."""
_MOST_COLUMNS = 60
_FILLED = 0.5
"""Share of a table's cells that must hold something for records to count as alike."""

Record = Mapping[str, Any]


def json_to_text(text: str) -> tuple[str, bool]:
    """Return the text, and whether it is Markdown; text that is no JSON is returned as it is."""
    try:
        value = _load(text)
    except ValueError:
        return ndjson_to_text(text) if "\n" in text.strip() else (text, False)
    except RecursionError:
        return text, False
    if value in ({}, []):
        return "", False
    return _readable(text, lambda pieces: pieces.value("", value))


def ndjson_to_text(text: str) -> tuple[str, bool]:
    """Return the text of a value for each line, and whether it is Markdown.

    Lines that are no JSON stay as they are, in their place; if most are, so does the whole text.
    """
    try:
        values = [_line(line) for line in text.splitlines() if line.strip()] if len(text) <= _LARGEST else []
        if sum(isinstance(value, _Broken) for value in values) * 2 >= len(values):
            return text, False
    except RecursionError:
        return text, False
    return _readable(text, lambda pieces: pieces.lines(values))


class _Broken(str):
    """A line that is no JSON."""

    __slots__ = ()


class _Table(str):
    """Lines that are a Markdown table."""

    __slots__ = ()


class _Repeated(list[Any]):
    """The values of a key that an object has more than once."""

    __slots__ = ()


class _TooLong(Exception):
    """The text would be many times as long as the file."""


def _load(text: str) -> Any:
    if len(text) > _LARGEST:
        raise ValueError("too much to hold as objects")
    # numbers as they are written, those too that no number is, such as NaN
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    found.clear()
    for key, value in pairs:
        if key not in found:
            found[key] = value
        elif isinstance(found[key], _Repeated):
            found[key].append(value)
        else:
            found[key] = _Repeated([found[key], value])
    return found


def _line(line: str) -> Any:
    try:
        return _load(line)
    except ValueError:
        return _Broken(line.strip())


def _readable(text: str, turn: Callable[["_Pieces"], Iterator[str]]) -> tuple[str, bool]:
    """Return what a JSON text becomes, itself where that nests too deep or is far longer."""
    try:
        return _rendered(_bounded(turn(_Pieces()), min(_ALWAYS + _MOST_GROWTH * len(text), _NEVER)))
    except (RecursionError, _TooLong):
        return text, False


def _bounded(pieces: Iterator[str], most: int) -> Iterator[str]:
    for piece in pieces:
        most -= len(piece)
        if most < 0:
            raise _TooLong
        yield piece


def _rendered(pieces: Iterator[str]) -> tuple[str, bool]:
    """Join lines and tables; an empty string among them is an empty line."""
    groups = [(table, "\n".join(group)) for table, group in groupby(pieces, lambda piece: isinstance(piece, _Table))]
    structured = any(table for table, _ in groups)
    texts = [text if table or not structured else prose(text) for table, text in groups]
    return clean("\n\n".join(filter(None, (text.strip("\n") for text in texts)))), structured


class _Pieces:
    """Turns values into lines and tables, depth first, in the order of the file."""

    def lines(self, values: Sequence[Any]) -> Iterator[str]:
        """Values of an NDJSON file: the good ones as one list, each broken line in its place."""
        for broken, run in groupby(values, lambda value: isinstance(value, _Broken)):
            alike = list(run)
            yield from alike if broken else self.value("", alike)
            yield ""

    def value(self, path: str, value: Any) -> Iterator[str]:
        """Yield what a value below ``path`` becomes."""
        if isinstance(value, _Repeated):
            for one in value:
                yield from self.value(path, one)
        elif isinstance(value, dict | list) and len(path) > _LONGEST_PATH:
            yield f"{path}:"
            yield from self.value("…" + path[-_KEPT_OF_PATH:], value)
        elif isinstance(value, dict) and value:
            for key, inner in value.items():
                yield from self.value(f"{path}.{key}" if path else key, inner)
        elif isinstance(value, list) and value:
            yield from self._list(path, value)
        elif (text := _scalar(value)) or path:
            yield f"{path}: {text}" if path else text

    def _list(self, path: str, values: list[Any]) -> Iterator[str]:
        if not any(isinstance(value, dict | list) for value in values):
            if path:
                yield f"{path}: {', '.join(map(_scalar, values))}"
            else:
                yield from map(_scalar, values)
            return
        rows = _rows(values)
        if rows is not None:
            if path:
                yield f"{path}:"
            yield _Table(markdown_table(rows))
            return
        for number, value in enumerate(values, 1):
            yield from self.value(f"{path}[{number}]" if path else "", value)
            if not path:
                yield ""


def _rows(values: list[Any]) -> list[list[str]] | None:
    """Return records as rows below their keys, ``None`` where they are not alike enough for a table."""
    records = [_flat(value) for value in values if isinstance(value, dict)]
    if len(records) != len(values) or None in records:
        return None
    found = [record for record in records if record is not None]
    keys = list(dict.fromkeys(key for record in found for key in record))
    if not 0 < len(keys) <= _MOST_COLUMNS or sum(map(len, found)) < _FILLED * len(keys) * len(found):
        return None
    return [keys, *([record.get(key, "") for key in keys] for record in found)]


def _flat(record: Record) -> dict[str, str] | None:
    """Return a record's values by key, one level of records within it included; ``None`` if it is deeper."""
    cells: dict[str, str] = {}
    for key, value in record.items():
        inner = value if isinstance(value, dict) and value else {"": value}
        for name, leaf in inner.items():
            if (isinstance(leaf, dict) and leaf) or (
                isinstance(leaf, list) and any(isinstance(i, dict | list) for i in leaf)
            ):
                return None
            text = ", ".join(map(_scalar, leaf)) if isinstance(leaf, list) else _scalar(leaf)
            cells[f"{key}.{name}" if name else key] = text
    return cells


def _scalar(value: Any) -> str:
    if value is None:
        return ""
    if value == {}:
        return "{}"
    if value == []:
        return "[]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
