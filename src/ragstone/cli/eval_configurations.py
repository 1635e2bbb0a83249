"""The configurations that an evaluation compares: the present settings, and changes to them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import ValidationError

from ragstone.domain.errors import InvalidRequest
from ragstone.domain.queries import Mode
from ragstone.settings import Settings

ABLATIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "words": {"mode": "words"},
    "meaning": {"mode": "meaning"},
}
"""Each leg alone, and the whole without each stage that can be left out: name to changes, as --config takes them."""

_PRESENT = "default"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}")
_OF_THE_RECORD = frozenset(
    {
        "data_dir", "database_url", "database_schema", "embedder", "embedder_base_url", "embedder_dimensions",
        "minilm_path", "chunk_tokens", "chunk_overlap",
    }
)  # fmt: skip
"""Settings of what is stored, or of where: configurations search one record."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A name, and the settings that are others than the present ones; ``mode`` stands among them.

    ``ablation``: it leaves something out to show what that is worth.
    """

    name: str = _PRESENT
    changes: Mapping[str, str] = field(default_factory=dict)
    ablation: bool = False

    @property
    def mode(self) -> Mode:
        """Which legs search."""
        return Mode(self.changes.get("mode", Mode.HYBRID))

    def same(self, other: "Configuration") -> bool:
        """Whether the other one is called alike and searches alike."""
        return (self.name, self.changes) == (other.name, other.changes)

    def settings(self, present: Settings) -> Settings:
        """Return the settings that it stands for. Raises ``InvalidRequest`` for a value that will not do."""
        changed: dict[str, Any] = {name: value or None for name, value in self.changes.items() if name != "mode"}
        if not changed:
            return present
        try:
            return Settings.model_validate({**present.model_dump(), **changed})
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in problem["loc"])
            raise InvalidRequest(
                f"Configuration {self.name!r}: {where}: {problem['msg']}.",
                remedy="docs/reference/settings.md lists every setting.",
            ) from error


@dataclass(frozen=True, slots=True)
class Plan:
    """The configurations to run, in order, and which of them are compared: pairs of their places."""

    configurations: Sequence[Configuration]
    pairs: Sequence[tuple[int, int]]


def plan(given: Sequence[str], compared: tuple[str, str] | None, *, ablate: bool) -> Plan:
    """Return what the options of the command line ask for. Raises ``InvalidRequest``.

    Those ``compared`` come first; without them, the first one is compared with each other.
    """
    named = [parsed(each) for each in given]
    ablations = [Configuration(name, changes, ablation=True) for name, changes in ABLATIONS.items()]
    known = {each.name: each for each in (Configuration(), *ablations, *named)}
    pair = [_chosen(each, known) for each in compared or ()]
    present = [Configuration()] if ablate or not (named or pair) else []
    wanted = [*pair, *present, *named, *(ablations if ablate else ())]
    configurations = [each for place, each in enumerate(wanted) if not any(map(each.same, wanted[:place]))]
    names = [each.name for each in configurations]
    if len(set(names)) < len(names) or len({each.name for each in named}) < len(named):
        raise InvalidRequest("Two configurations have the same name.", remedy="Give each its own.")
    if not pair:
        return Plan(configurations, [(0, place) for place in range(1, len(configurations))])
    if pair[0].same(pair[1]):
        raise InvalidRequest(f"--compare takes two configurations; both are {pair[0].name!r}.")
    return Plan(configurations, [(0, 1)])


def parsed(given: str) -> Configuration:
    """Read NAME or NAME:setting=value,setting=value. Raises ``InvalidRequest``."""
    name, _, listed = given.partition(":")
    if not _NAME.fullmatch(name):
        raise InvalidRequest(f"{given!r} is no configuration.", remedy="It reads NAME:setting=value,setting=value.")
    changes: dict[str, str] = {}
    for change in filter(None, listed.split(",")):
        setting, equals, value = (part.strip() for part in change.partition("="))
        setting = setting.lower().removeprefix("ragstone_")
        if not equals:
            raise InvalidRequest(f"Configuration {name!r}: {change!r} gives no value.", remedy="Write setting=value.")
        _check_setting(name, setting, value)
        changes[setting] = value
    return Configuration(name, changes)


def _check_setting(name: str, setting: str, value: str) -> None:
    if setting == "mode" and value not in list(Mode):
        raise InvalidRequest(f"Configuration {name!r}: mode is {', '.join(Mode)}.")
    if setting != "mode" and setting not in Settings.model_fields:
        raise InvalidRequest(
            f"Configuration {name!r}: there is no setting {setting!r}.",
            remedy="docs/reference/settings.md lists every one; `mode` is hybrid, words or meaning.",
        )
    if setting in _OF_THE_RECORD:
        raise InvalidRequest(
            f"Configuration {name!r}: {setting} says what is stored, and the configurations search one record.",
            remedy="Evaluate twice, on a record of its own each time: RAGSTONE_DATABASE_SCHEMA.",
        )


def _chosen(name: str, known: Mapping[str, Configuration]) -> Configuration:
    if name in known:
        return replace(known[name], ablation=False)
    if ":" in name:
        return parsed(name)
    raise InvalidRequest(
        f"There is no configuration {name!r} to compare.",
        remedy=f"There are {', '.join(known)}; or NAME:setting=value.",
    )
