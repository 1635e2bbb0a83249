"""The rows of a Parquet file, which pyarrow reads where it is installed."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragstone.cli.importing_rows import Numbered, Row, RowRefused, to_row, unreadable
from ragstone.domain.errors import ConfigurationError, InvalidRequest

if TYPE_CHECKING:
    from pyarrow import RecordBatch

_ROWS_AT_A_TIME = 512
_OBJECTS = ("metadata", "document_metadata")
_NO_VALUE = (KeyError, ValueError, OverflowError)
"""What pyarrow raises for a map with a key twice, for texts that are no UTF-8, and for dates that Python has not."""


class ParquetRows:
    """A Parquet file with a column for each field of a row; only some hundred rows of a row group are held.

    Metadata is a struct, a map, or JSON as text. Rows are numbered from 1.
    Raises ``ConfigurationError`` without pyarrow.
    """

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError as error:
            raise ConfigurationError(
                "Parquet files need pyarrow, which is not installed.",
                remedy="pip install 'ragstone[parquet]', or convert the file to NDJSON.",
            ) from error
        self._broken: tuple[type[Exception], ...] = (pa.ArrowException, OSError)
        self.path = path
        self.size = path.stat().st_size
        self.read = 0
        try:
            self._file = parquet.ParquetFile(path, pre_buffer=False)
        except self._broken as error:
            raise unreadable(path, error) from error
        if unknown := sorted(set(self._file.schema_arrow.names) - set(Row.model_fields)):
            raise InvalidRequest(
                f"{path} has columns that are not known: {', '.join(unknown)}.",
                remedy=f"Leave them out. Known are {', '.join(Row.model_fields)}.",
            )

    def __iter__(self) -> Iterator[Numbered]:
        """Yield the rows."""
        total, number = self._file.metadata.num_rows, 0
        try:
            for batch in self._file.iter_batches(batch_size=_ROWS_AT_A_TIME):
                for row in _rows(batch):
                    number += 1
                    self.read = self.size * number // total
                    yield number, row
        except self._broken as error:
            raise unreadable(self.path, error) from error


def _rows(batch: "RecordBatch") -> Iterator[Row | RowRefused]:
    """Yield the rows of a batch; where one holds what Python has no value for, the others come all the same."""
    try:
        rows = batch.to_pylist(maps_as_pydicts="strict")
    except _NO_VALUE:
        for place in range(batch.num_rows):
            yield _row_at(batch, place)
    else:
        yield from map(_row, rows)


def _row_at(batch: "RecordBatch", place: int) -> Row | RowRefused:
    try:
        (fields,) = batch.slice(place, 1).to_pylist(maps_as_pydicts="strict")
    except _NO_VALUE as error:
        document = None
        with suppress(*_NO_VALUE):
            document = batch.column("document")[place].as_py()
        cause = str(error.args[0] if isinstance(error, KeyError) else error).rstrip(".")
        return RowRefused(f"The row cannot be read: {cause}.", document=document if isinstance(document, str) else None)
    return _row(fields)


def _row(fields: Mapping[str, Any]) -> "Row | RowRefused":
    given = {name: value for name, value in fields.items() if value is not None}
    for name in _OBJECTS:
        value = given.get(name)
        if isinstance(value, str):
            try:
                given[name] = json.loads(value)
            except (ValueError, RecursionError):
                return RowRefused(f"{name}: must be a JSON object.", document=fields.get("document"))
        elif isinstance(value, dict):
            # A struct has every field in every row; those that a row lacks are null.
            given[name] = {key: each for key, each in value.items() if each is not None}
    return to_row(given)
