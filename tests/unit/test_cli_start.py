"""What the command line imports: a command that is typed must answer at once."""

import subprocess
import sys

import pytest

SLOW = {"fastapi", "httpx", "kreuzberg", "numpy", "onnxruntime", "openai", "psycopg", "pydantic", "pydantic_ai", "rich"}


def imported(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(ran.stdout.split())


def test_the_commands_themselves_import_nothing_slow() -> None:
    assert not imported("import ragstone.cli.main") & (SLOW - {"pydantic"})


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("ragstone.cli.local", {"numpy", "psycopg", "pydantic", "rich"}),
        ("ragstone.cli.remote", {"httpx", "numpy", "pydantic", "rich"}),
    ],
)
def test_a_client_imports_only_what_it_needs(module: str, allowed: set[str]) -> None:
    assert imported(f"import {module}") & SLOW <= allowed
