"""No search goes around the one place that says what may be seen."""

import re
from pathlib import Path

import pytest

POSTGRES = Path(__file__).resolve().parents[2] / "src" / "ragstone" / "postgres"
_SCOPED = re.compile(r"def (\w+)\([^)]*\bscope: Scope\b", re.DOTALL)


def modules() -> list[Path]:
    """Return the repositories and indexes that are handed a scope."""
    return [file for file in sorted(POSTGRES.rglob("*.py")) if _SCOPED.search(file.read_text(encoding="utf-8"))]


def test_there_are_some() -> None:
    assert {"chunks.py", "vector_index.py", "visibility.py"} <= {file.name for file in modules()}


@pytest.mark.parametrize("file", modules(), ids=lambda file: file.name)
def test_what_is_handed_a_scope_asks_what_it_may_see(file: Path) -> None:
    """By ``visible``, or by handing the whole scope on: parts of it, taken out, would leave the others behind."""
    text = file.read_text(encoding="utf-8")
    if file.name == "visibility.py":
        return
    assert "visible(scope)" in text or re.search(r"\(\w+, scope[,)]", text), "it must ask `visible`"
    assert not re.search(r"scope\.(metadata|filter)\b", text), "`scope.condition` is both"


def test_who_may_read_is_said_in_one_place() -> None:
    """Readers are compared by ``visibility``, by what accepts documents of a name, and of changes by ``changes``;
    those of two versions of a document by ``narrowing``."""
    comparing = {
        file.name
        for file in POSTGRES.rglob("*.py")
        if re.search(r"readers(\)s::text\[\])?\s*&&", file.read_text(encoding="utf-8"))
    }
    assert comparing == {"visibility.py", "documents.py", "importing.py", "changes.py", "narrowing.py"}
