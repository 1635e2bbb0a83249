"""The configurations that an evaluation compares: the present settings, and changes to them."""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, get_origin

from pydantic import ValidationError

from ragstone.domain.errors import InvalidRequest
from ragstone.domain.queries import Mode
from ragstone.settings import Settings

_PRESENT = "default"
_BETWEEN = re.compile(r",(?=\s*\w+\s*=(?![>=]))|,\s*$")
"""What parts two changes: a comma before a name and its value, not one within a value."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}")
_OF_THE_RECORD = frozenset(
    {
        "data_dir", "database_url", "database_schema", "embedder", "embedder_base_url", "embedder_dimensions",
        "minilm_path", "chunk_tokens", "chunk_overlap", "words_title_weight", "words_heading_weight",
    }
)  # fmt: skip
"""Settings of what is stored, or of where: configurations search one record."""
_OF_A_SEARCH = frozenset(
    {
        "boosts", "chat_api_key", "chat_base_url", "chat_model", "chat_timeout", "database_pool_size",
        "embedder_api_key", "embedder_concurrency", "embedder_requests_per_minute", "embedder_threads",
        "embedder_timeout", "embedder_tokens_per_minute", "fold_duplicates", "fusion", "fusion_meaning",
        "fusion_meaning_foreign", "join_neighbours", "joined_tokens", "max_per_document", "parent_chars",
        "question_cache", "recency_field", "recency_half_life_days", "recency_weight", "rerank_depth",
        "rerank_timeout", "rerank_weight", "reranker", "reranker_api_key", "reranker_base_url", "retrieve_depth",
        "rewrite", "rewrite_timeout", "rewrite_variants", "search_timeout", "spelling", "words_b", "words_cache_mb",
        "words_k1",
    }
)  # fmt: skip
"""Settings that decide what a search finds, or how fast. Any other one would be compared with itself."""


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
        changed = {name: _value(name, value) for name, value in self.changes.items() if name != "mode"}
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


def ablations(present: Settings) -> list[Configuration]:
    """Return each leg alone, and the whole without each stage that the present settings have."""
    by_scores = present.fusion == "scores"
    one_weight = {"fusion_meaning_foreign": str(present.fusion_meaning)}
    boosted = bool(present.boosts.strip()) or present.recency_half_life_days is not None
    stages: list[tuple[str, bool, dict[str, str]]] = [
        ("words", True, {"mode": "words"}),
        ("meaning", True, {"mode": "meaning"}),
        ("by-ranks", by_scores, {"fusion": "ranks"}),
        ("one-weight", by_scores and present.fusion_meaning != present.fusion_meaning_foreign, one_weight),
        # A word that is only told changes no ranking.
        ("no-spelling", present.spelling == "searched", {"spelling": "off"}),
        ("no-rewriting", bool(present.rewrite), {"rewrite": ""}),
        ("no-boosts", boosted, {"boosts": "", "recency_half_life_days": ""}),
        ("no-reranking", present.reranker != "none", {"reranker": "none"}),
        ("no-folding", present.fold_duplicates, {"fold_duplicates": "false"}),
        ("no-max-per-document", present.max_per_document > 0, {"max_per_document": "0"}),
        ("no-joining", present.join_neighbours, {"join_neighbours": "false"}),
        ("no-parents", present.parent_chars > 0, {"parent_chars": "0"}),
    ]
    return [Configuration(name, changes, ablation=True) for name, is_on, changes in stages if is_on]


def plan(
    given: Sequence[str], compared: tuple[str, str] | None, settings: Settings | None = None, *, ablate: bool = False
) -> Plan:
    """Return what the options of the command line ask for. Raises ``InvalidRequest``.

    Those ``compared`` come first; without them, the first one is compared with each other. What can be left out is
    what the present ``settings`` have.
    """
    named = [parsed(each) for each in given]
    left_out = ablations(settings) if settings else []
    known = {each.name: each for each in (Configuration(), *left_out, *named)}
    pair = [_chosen(each, known) for each in compared or ()]
    present = [Configuration()] if ablate or not (named or pair) else []
    wanted = [*pair, *present, *named, *(left_out if ablate else ())]
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
    """Read NAME or NAME:setting=value,setting=value. Raises ``InvalidRequest``.

    No value stands for the setting's default, as with environment variables; lists are JSON, as there.
    """
    name, _, listed = given.partition(":")
    if not _NAME.fullmatch(name):
        raise InvalidRequest(f"{given!r} is no configuration.", remedy="It reads NAME:setting=value,setting=value.")
    changes: dict[str, str] = {}
    for change in filter(None, _BETWEEN.split(listed)):
        setting, equals, value = (part.strip() for part in change.partition("="))
        setting = setting.lower().removeprefix("ragstone_")
        if not equals:
            raise InvalidRequest(f"Configuration {name!r}: {change!r} gives no value.", remedy="Write setting=value.")
        _check_setting(name, setting, value)
        changes[setting] = value
    return Configuration(name, changes)


def _value(name: str, told: str) -> Any:
    """Return a setting's value as the settings take it; JSON that is none stays text, and is refused by them."""
    if not told:
        return Settings.model_fields[name].get_default(call_default_factory=True)
    if get_origin(Settings.model_fields[name].annotation) is list:
        with suppress(ValueError):
            return json.loads(told)
    return told


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
    if setting != "mode" and setting not in _OF_A_SEARCH:
        raise InvalidRequest(
            f"Configuration {name!r}: no search that is evaluated reads {setting}.",
            remedy="docs/guides/evaluate.md says which settings can be compared.",
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
