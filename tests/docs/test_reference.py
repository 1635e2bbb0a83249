"""The reference names every setting, metric, endpoint and option: what is not documented fails here."""

import re
from pathlib import Path

import pytest
import typer
from prometheus_client import Counter, Gauge, Histogram
from typer.core import TyperGroup

from ragstone import telemetry
from ragstone.api.application import create_app
from ragstone.cli.main import app
from ragstone.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"


def settings_table() -> list[str]:
    """Return the rows that docs/reference/settings.md must have, in order."""
    rows = []
    for name, field in Settings.model_fields.items():
        kind = str(field.annotation if not isinstance(field.annotation, type) else field.annotation.__name__)
        kind = (
            re.sub(r"pydantic\.types\.|pydantic\.networks\.|pathlib\.|typing\.| \| None", "", kind)
            .replace("SecretStr", "secret")
            .replace("IPvAnyNetwork", "network")
        )
        kind = re.sub(r"Literal\[(.*?)\]", _choices, kind)
        default = "see below" if name == "data_dir" else _default(field.get_default(call_default_factory=True))
        rows.append(f"| `RAGSTONE_{name.upper()}` | {kind} | {default} | {field.description} |")
    return rows


def _choices(found: re.Match[str]) -> str:
    *others, last = (f"`{each}`" for each in re.findall(r"'(.*?)'", found[1]))
    return f"{', '.join(others)} or {last}"


def _default(value: object) -> str:
    return "–" if value in (None, [], "") else f"`{value}`"


def test_every_setting_has_its_row() -> None:
    text = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    missing = [row for row in settings_table() if row not in text]
    assert not missing, "docs/reference/settings.md lacks:\n" + "\n".join(missing)
    named = set(re.findall(r"RAGSTONE_[A-Z0-9_]+", text))
    known = {f"RAGSTONE_{name.upper()}" for name in Settings.model_fields} | {"RAGSTONE_CONFIG"}
    assert named <= known, f"settings that are not there: {named - known}"


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_every_metric_is_named() -> None:
    text = (REFERENCE / "metrics.md").read_text(encoding="utf-8")
    metrics = [each for each in vars(telemetry).values() if isinstance(each, Counter | Gauge | Histogram)]
    assert metrics
    for metric in metrics:
        (described,) = metric.describe()
        name = described.name + ("_total" if isinstance(metric, Counter) else "")
        assert f"`{name}`" in text, f"docs/reference/metrics.md lacks {name}"


def test_every_endpoint_is_named(settings_for_docs: Settings) -> None:
    text = (REFERENCE / "api.md").read_text(encoding="utf-8")
    paths = create_app(settings_for_docs).openapi()["paths"]
    assert paths
    for path, operations in paths.items():
        for method in operations:
            assert re.search(rf"\b{method.upper()} {re.escape(path)}(?![\w/{{])", text), f"api.md lacks {method} {path}"


def commands(group: TyperGroup, prefix: str = "ragstone") -> list[tuple[str, list[str]]]:
    """Return every command's full name and its options."""
    found: list[tuple[str, list[str]]] = []
    for name, command in group.commands.items():
        full = f"{prefix} {name}"
        if isinstance(command, TyperGroup):
            found += commands(command, full)
        else:
            found.append((full, [option for parameter in command.params for option in parameter.opts]))
    return found


def test_every_command_and_option_is_named() -> None:
    text = (REFERENCE / "cli.md").read_text(encoding="utf-8")
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    for name, options in commands(group):
        assert f"`{name}" in text, f"cli.md lacks {name}"
        for option in options:
            assert not option.startswith("--") or option in text, f"cli.md lacks {option} of {name}"


@pytest.fixture
def settings_for_docs(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.mark.parametrize("page", [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} points at {target}"
