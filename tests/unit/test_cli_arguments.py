"""Arguments of ``ingest`` that are refused before anything is opened."""

from pathlib import Path
from typing import Any

import pytest

from ragstone.cli.ingest import ingest
from ragstone.domain.errors import InvalidRequest


@pytest.fixture
def folder(tmp_path: Path) -> str:
    for name in ("one.md", "two.md"):
        (tmp_path / name).write_text("text")
    return str(tmp_path)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"title": "One"}, "--title is for one document; there are 2"),
        ({"metadata": ["year"]}, "KEY=VALUE"),
        ({"metadata": ["=2026"]}, "KEY=VALUE"),
        ({"collection": ""}, "collection: "),
        ({"reader": [""]}, "readers.0: "),
    ],
)
def test_refused(folder: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        ingest(sources=[folder], **options)
