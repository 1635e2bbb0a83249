"""Files of ready-made chunks: what a row is, which rows make a document, and what is told of those that are wrong."""

import gzip
import json
import re
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragstone.api.requests import DocumentChunks, DocumentForm, VectorsOf
from ragstone.cli import importing_rows
from ragstone.cli.client import requested
from ragstone.cli.importing_body import chunks_body
from ragstone.cli.importing_documents import BadDocument, BadRow, Documents, Gathered
from ragstone.cli.importing_rows import NdjsonRows, Row, RowRefused, open_rows
from ragstone.domain.errors import ConfigurationError, InvalidRequest
from ragstone.ingest.importing import ReadyChunk
from ragstone.ingest.intake import Label, ReadyDocument


def row(document: str, text: str = "Slate.", **more: Any) -> dict[str, Any]:
    return {"document": document, "text": text, **more}


def write(path: Path, *rows: dict[str, Any] | str) -> Path:
    path.write_text("".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in rows))
    return path


def gathered(*paths: Path, described: DocumentForm | None = None) -> list[Gathered | BadRow | BadDocument]:
    return list(Documents([open_rows(path) for path in paths], described or requested(DocumentForm)))


def names(found: list[Gathered | BadRow | BadDocument]) -> list[str]:
    """Return each document's uri with the lines that it is from, each bad line, and where what is left out begins."""
    return [name(each) for each in found]


def name(each: Gathered | BadRow | BadDocument) -> str:
    if isinstance(each, Gathered):
        return f"{each.document.label.uri} {list(each.numbers)}"
    return f"{'bad' if isinstance(each, BadRow) else 'without'} {each.place.number}"


def test_a_row_has_all_that_a_chunk_has(tmp_path: Path) -> None:
    full = row(
        "stone",
        id="s-1",
        title="Stone",
        heading_path=["Stone", "Slate"],
        page=3,
        metadata={"kind": "slate"},
        document_metadata={"year": 2026},
        readers=["masons"],
        vector=[0.5, 1, -2e-3],
    )
    (found,) = gathered(write(tmp_path / "a.ndjson", full))
    assert isinstance(found, Gathered)
    assert found.document.label == Label(uri="stone", title="Stone", metadata={"year": 2026}, readers=("masons",))
    (chunk,) = found.document.chunks
    assert chunk == ReadyChunk("Slate.", "s-1", ("Stone", "Slate"), 3, {"kind": "slate"})
    assert chunk.vector is not None
    assert chunk.vector.dtype == np.float32
    assert chunk.vector.tolist() == pytest.approx([0.5, 1, -0.002])


def test_null_is_what_is_not_there(tmp_path: Path) -> None:
    nothing: dict[str, Any] = dict.fromkeys(set(Row.model_fields) - {"document", "text"})
    (found,) = gathered(write(tmp_path / "a.ndjson", row("stone", **nothing)))
    assert isinstance(found, Gathered)
    assert found.document == ReadyDocument(Label(uri="stone"), [ReadyChunk("Slate.")])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "JSON"),
        ("[]", "object"),
        ('{"text": "a"}', "document: Field required"),
        ('{"document": "d"}', "text: Field required"),
        ('{"document": "d", "text": "a", "page": 0}', "page: "),
        ('{"document": "d", "text": "a", "page": "1"}', "page: "),
        ('{"document": "d", "text": "a", "vektor": [1]}', "vektor: "),
        ('{"document": "d", "text": "a", "vector": [1, "2"]}', "vector.1: "),
        ('{"document": "d", "text": "a", "vector": [1, NaN]}', "vector.1: "),
        ('{"document": "d", "text": "a", "vector": []}', "vector: "),
        ('{"document": "d", "text": "a\\u0000"}', "text: must not hold the character U+0000"),
        ('{"document": "d", "text": "a", "readers": []}', "readers: "),
    ],
)
def test_a_bad_line_is_told_and_others_go_on(tmp_path: Path, line: str, told: str) -> None:
    path = write(tmp_path / "a.ndjson", row("zero"), row("one"), line, row("two"), row("three"))
    found = gathered(path)
    if '"document"' in line:
        assert names(found) == ["zero [1]", "one [2]", "bad 3", "without 3", "two [4]", "three [5]"]
    else:  # it may be a row of either document beside it, the one that says who may read it
        assert names(found) == ["zero [1]", "bad 3", "without 2", "without 4", "three [5]"]
    (bad,) = [each for each in found if isinstance(each, BadRow)]
    assert told in bad.error.message
    assert str(bad.place) == f"{path}, line 3"


def test_rows_of_a_document_make_it_in_their_order(tmp_path: Path) -> None:
    rows: list[dict[str, Any] | str] = [
        row("a", "1", title="A"),
        row("a", "2"),
        "",
        row("b", "3"),
        row("c", "4"),
        row("c", "5"),
    ]
    found = gathered(write(tmp_path / "a.ndjson", *rows))
    assert names(found) == ["a [1, 2]", "b [4]", "c [5, 6]"]
    assert [[chunk.text for chunk in each.document.chunks] for each in found if isinstance(each, Gathered)] == [
        ["1", "2"],
        ["3"],
        ["4", "5"],
    ]


def test_a_document_that_begins_again_is_told_with_both_lines(tmp_path: Path) -> None:
    first = write(tmp_path / "a.ndjson", row("a"), row("b"), row("a"), row("a"), row("c"))
    second = write(tmp_path / "b.ndjson", row("c"), row("d"), row("b"))
    found = gathered(first, second)
    assert names(found) == [
        "a [1]",
        "b [2]",
        "bad 3",
        "without 3",
        "c [5]",
        "bad 1",
        "without 1",
        "d [2]",
        "bad 3",
        "without 3",
    ]
    told = [each.error.message for each in found if isinstance(each, BadRow)]
    assert [f"{first}, line {line};" in each for line, each in zip((1, 5, 2), told, strict=True)] == [True] * 3


def test_rows_may_not_contradict_each_other(tmp_path: Path) -> None:
    rows = [row("a"), row("a", title="A"), row("a", title="A"), row("a", readers=["x"])]
    (found,) = gathered(write(tmp_path / "a.ndjson", *rows))
    assert isinstance(found, Gathered)
    assert (found.document.label.title, found.document.label.readers) == ("A", ("x",))
    found_worse = gathered(write(tmp_path / "b.ndjson", *rows, row("a", title="B"), row("b")))
    assert names(found_worse) == ["bad 5", "without 1", "b [6]"]


def test_a_document_without_the_row_that_says_its_readers_is_left_out(tmp_path: Path) -> None:
    spoiled = json.dumps(row("a", readers=["board"], page=0))
    found = gathered(write(tmp_path / "a.ndjson", spoiled, row("a"), row("a"), row("b"), "{", row("b"), row("c")))
    assert names(found) == ["bad 1", "without 1", "bad 5", "without 4", "c [7]"]


def test_what_no_row_says_the_command_says(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", row("a"), row("b", readers=["y"]))
    described = requested(DocumentForm, collection="stones", readers=["x"])
    labels = [each.document.label for each in gathered(path, described=described) if isinstance(each, Gathered)]
    assert labels == [
        Label("stones", uri="a", readers=("x",)),
        Label("stones", uri="b", readers=("y",)),
    ]


def test_a_packed_file_reads_as_it_does_unpacked(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.jsonl", row("a"), row("b"))
    packed = tmp_path / "b.jsonl.gz"
    packed.write_bytes(gzip.compress(b"\xef\xbb\xbf" + plain.read_bytes()))
    rows = open_rows(packed)
    assert list(rows) == list(open_rows(plain))
    assert rows.read == rows.size == packed.stat().st_size


@pytest.mark.parametrize("spoil", [lambda data: data[:-9], lambda data: data[:20] + b"\0\0\0\0" + data[24:]])
def test_a_damaged_packed_file_ends_the_reading(tmp_path: Path, spoil: Any) -> None:
    path = tmp_path / "a.ndjson.gz"
    path.write_bytes(spoil(gzip.compress(json.dumps(row("a", "word " * 1000)).encode())))
    with pytest.raises(InvalidRequest, match="cannot be read"):
        list(open_rows(path))


def test_a_line_without_end_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing_rows, "_LONGEST_LINE", 100)
    path = write(tmp_path / "a.ndjson", row("a"), row("b", "x" * 1000), row("c"), row("d", "y" * 500))
    found = list(NdjsonRows(path))
    assert [(number, type(each)) for number, each in found] == [
        (1, Row),
        (2, RowRefused),
        (3, Row),
        (4, RowRefused),
    ]


def test_what_is_no_file_of_rows(tmp_path: Path) -> None:
    for name in ("a.csv", "a.gz", "a"):
        with pytest.raises(InvalidRequest, match="of no kind"):
            open_rows(write(tmp_path / name))
    with pytest.raises(InvalidRequest, match="no file"):
        open_rows(tmp_path / "none.ndjson")


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigurationError, match=r"ragstone\[parquet\]"):
        open_rows(write(tmp_path / "a.parquet"))


def test_parquet_reads_as_ndjson_does(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="needs the extra parquet")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [
        row("a", "1", id="x", page=2, heading_path=["A"], metadata={"k": "v"}, vector=[1.0, 2.0], title="A"),
        row("a", "2", metadata={"n": 1}, readers=["r"]),
        row("b", "3", document_metadata={"year": 2026}),
    ]
    plain = write(tmp_path / "a.ndjson", *rows)
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.Table.from_pylist(rows, schema=_schema(pa)), path)
    columns = [{**each, "metadata": json.dumps(each.get("metadata"))} for each in rows]
    texts = _schema(pa).set(5, pa.field("metadata", pa.string()))
    parquet.write_table(pa.Table.from_pylist(columns, schema=texts), tmp_path / "b.parquet")
    for each in (path, tmp_path / "b.parquet"):
        opened = open_rows(each)
        assert [found.model_dump(exclude_none=True) for _, found in opened if isinstance(found, Row)] == [
            found.model_dump(exclude_none=True) for _, found in open_rows(plain) if isinstance(found, Row)
        ]
        assert opened.read == opened.size


def test_parquet_that_will_not_do(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="needs the extra parquet")
    parquet = pytest.importorskip("pyarrow.parquet")
    with pytest.raises(InvalidRequest, match="cannot be read"):
        open_rows(write(tmp_path / "a.parquet", "no parquet"))
    parquet.write_table(pa.Table.from_pylist([{"document": "a", "text": "b", "colour": "c"}]), tmp_path / "b.parquet")
    with pytest.raises(InvalidRequest, match="colour"):
        open_rows(tmp_path / "b.parquet")
    parquet.write_table(pa.Table.from_pylist([{"document": "a", "text": "b", "metadata": "{"}]), tmp_path / "c.parquet")
    ((number, wrong),) = open_rows(tmp_path / "c.parquet")
    assert number == 1
    assert isinstance(wrong, InvalidRequest)


@pytest.mark.parametrize(
    ("values", "kind", "told"),
    [
        ([{"when": datetime(2026, 1, 1, tzinfo=UTC)}], None, "metadata: must hold what JSON can, and no datetime"),
        ([{"d": [Decimal("1.5")]}], None, "metadata: must hold what JSON can, and no Decimal"),
        ([{"b": b"x"}], None, "metadata: must hold what JSON can, and no bytes"),
        ([{"deep": [(1, 1)]}], "struct<deep: map<int64, int64>>", "metadata: must have texts for keys"),
        ([[("a", 1), ("a", 2)]], "map<string, int64>", "cannot be read: .*'a'"),
        ([{"far": 1 << 62}], "struct<far: timestamp>", "cannot be read: "),
    ],
)
def test_what_parquet_holds_and_json_does_not_refuses_the_row(
    tmp_path: Path, values: list[Any], kind: str | None, told: str
) -> None:
    pa = pytest.importorskip("pyarrow", reason="needs the extra parquet")
    parquet = pytest.importorskip("pyarrow.parquet")
    kinds = {
        "struct<deep: map<int64, int64>>": pa.struct([("deep", pa.map_(pa.int64(), pa.int64()))]),
        "map<string, int64>": pa.map_(pa.string(), pa.int64()),
        "struct<far: timestamp>": pa.struct([("far", pa.timestamp("us"))]),
        None: None,
    }
    metadata = pa.array([*values, None], kinds[kind])
    table = pa.table({"document": ["a", "b"], "text": ["x", "y"], "metadata": metadata})
    parquet.write_table(table, tmp_path / "a.parquet")
    (first, wrong), (second, good) = open_rows(tmp_path / "a.parquet")
    assert (first, second) == (1, 2)
    assert isinstance(wrong, RowRefused)
    assert re.search(told, wrong.message)
    assert wrong.document == "a"
    assert isinstance(good, Row)


def test_a_text_that_is_no_utf8_refuses_its_row(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="needs the extra parquet")
    parquet = pytest.importorskip("pyarrow.parquet")
    names = pa.StringArray.from_buffers(
        2, pa.py_buffer(bytes([0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0])), pa.py_buffer(b"\xffb")
    )
    parquet.write_table(pa.table({"document": names, "text": ["x", "y"]}), tmp_path / "a.parquet")
    (_, wrong), (_, good) = open_rows(tmp_path / "a.parquet")
    assert isinstance(wrong, RowRefused)
    assert wrong.document is None
    assert isinstance(good, Row)


def _schema(pa: Any) -> Any:
    return pa.schema(
        [
            ("document", pa.string()),
            ("text", pa.large_string()),
            ("id", pa.string()),
            ("page", pa.int32()),
            ("heading_path", pa.list_(pa.string())),
            ("metadata", pa.struct([("k", pa.string()), ("n", pa.int64())])),
            ("vector", pa.list_(pa.float32(), 2)),
            ("title", pa.string()),
            ("readers", pa.list_(pa.string())),
            ("document_metadata", pa.map_(pa.string(), pa.int64())),
        ]
    )


def test_over_http_the_same_floats_arrive() -> None:
    vector = np.random.default_rng(7).normal(size=384).astype(np.float32)
    chunk = ReadyChunk("Slate.", "s", ("Stone",), 2, {"k": 1}, vector)
    label = Label("stones", uri="slate", title="Slate", metadata={"year": 2026}, readers=("masons",))
    of = VectorsOf(model="m", version="1")
    sent = DocumentChunks.model_validate_json(chunks_body(ReadyDocument(label, [chunk, ReadyChunk("Shale.")]), of))
    assert sent.label() == label
    assert sent.vectors_of == of
    first, second = [each.to_domain() for each in sent.chunks]
    assert (first, second) == (chunk, ReadyChunk("Shale."))
    assert first.vector is not None
    assert np.array_equal(first.vector, vector)
