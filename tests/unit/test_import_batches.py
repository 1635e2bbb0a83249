"""What an import holds in memory is bounded by what it takes there, not by how small a packed file is."""

import gzip
import json
from pathlib import Path

import pytest

from ragstone.api.requests import DocumentForm
from ragstone.cli import importing_documents
from ragstone.cli.importing_documents import BadDocument, BadRow, Documents, Gathered
from ragstone.cli.importing_rows import open_rows
from ragstone.cli.importing_run import Failing, Import

MIB = 1 << 20


def packed(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_bytes(gzip.compress("".join(f"{json.dumps(each)}\n" for each in rows).encode()))
    return path


def test_large_documents_of_a_small_file_are_stored_few_at_a_time(tmp_path: Path) -> None:
    file = packed(tmp_path / "a.ndjson.gz", [{"document": f"{n}", "text": "x " * (3 * MIB // 2)} for n in range(30)])
    assert file.stat().st_size < MIB
    documents = Documents([open_rows(file)], DocumentForm.model_validate({}))
    importing = Import(None, documents, None, Failing(skip=False), batch_chunks=1000)  # type: ignore[arg-type]
    batches = [len(batch.documents) for batch in importing._batches()]
    assert sum(batches) == 30
    assert max(batches) * 3 <= 32 + 3


def test_a_document_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing_documents, "_MOST_BYTES", 10_000)
    rows = [{"document": "a", "text": "x" * 900} for _ in range(20)] + [{"document": "b", "text": "x"}]
    found = list(Documents([open_rows(packed(tmp_path / "a.ndjson.gz", rows))], DocumentForm.model_validate({})))
    assert any(isinstance(each, BadRow) and "larger" in each.error.message for each in found)
    assert [type(each) for each in found if not isinstance(each, BadRow)] == [BadDocument, Gathered]
