"""What ``--config``, ``--compare``, ``--ablate`` and the bars ask for."""

from pathlib import Path
from typing import Any

import pytest

from ragstone.cli import eval_bars
from ragstone.cli.eval_configurations import _OF_A_SEARCH, Configuration, ablations, parsed, plan
from ragstone.container import Container
from ragstone.domain.errors import InvalidRequest
from ragstone.settings import Settings

PLAIN = {
    "fusion": "ranks",
    "spelling": "told",
    "fold_duplicates": False,
    "rewrite": [],
    "reranker": "none",
    "boosts": "",
    "recency_half_life_days": None,
    "max_per_document": 0,
    "join_neighbours": False,
    "parent_chars": 0,
}
"""Nothing beside the two legs."""


def settings(path: Path, **others: Any) -> Settings:
    return Settings(data_dir=path, **{**PLAIN, **others})


def named(found: list[Configuration]) -> dict[str, dict[str, str]]:
    return {each.name: dict(each.changes) for each in found}


def test_without_options_the_present_settings_are_evaluated() -> None:
    assert plan([], None, ablate=False).configurations == [Configuration()]
    assert plan([], None, ablate=False).pairs == []


def test_each_is_compared_with_the_first() -> None:
    found = plan(["a:retrieve_depth=20", "b:mode=words", "c"], None, ablate=False)
    assert [each.name for each in found.configurations] == ["a", "b", "c"]
    assert found.pairs == [(0, 1), (0, 2)]


def test_an_ablation_begins_with_the_whole(tmp_path: Path) -> None:
    found = plan([], None, settings(tmp_path, fusion="scores"), ablate=True)
    assert [each.name for each in found.configurations] == ["default", "words", "meaning", "by-ranks", "one-weight"]
    assert [each.ablation for each in found.configurations] == [False, True, True, True, True]
    assert found.pairs == [(0, 1), (0, 2), (0, 3), (0, 4)]


def test_those_compared_come_first_and_may_be_said_in_place(tmp_path: Path) -> None:
    found = plan(["a:mode=words"], ("default", "b:retrieve_depth=20"))
    assert [each.name for each in found.configurations] == ["default", "b", "a"]
    assert found.pairs == [(0, 1)]
    found = plan([], ("words", "default"), settings(tmp_path), ablate=True)
    assert [each.name for each in found.configurations] == ["words", "default", "meaning"]


def test_a_stage_that_is_off_is_not_left_out(tmp_path: Path) -> None:
    legs = {"words": {"mode": "words"}, "meaning": {"mode": "meaning"}}
    assert named(ablations(settings(tmp_path))) == legs
    assert named(ablations(settings(tmp_path, fusion="scores", fusion_meaning=0.2, fusion_meaning_foreign=0.2))) == {
        **legs,
        "by-ranks": {"fusion": "ranks"},
    }


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("by-ranks", {"fusion": "scores"}),
        ("one-weight", {"fusion": "scores", "fusion_meaning": 0.4, "fusion_meaning_foreign": 0.1}),
        ("no-spelling", {"spelling": "searched"}),
        ("no-folding", {"fold_duplicates": True}),
        ("no-rewriting", {"rewrite": ["hyde"]}),
        ("no-reranking", {"reranker": "proximity"}),
        ("no-boosts", {"boosts": "draft = true => 0.5"}),
        ("no-boosts", {"recency_half_life_days": 30.0}),
        ("no-boosts", {"boosts": "draft = true => 0.5", "recency_half_life_days": 30.0}),
        ("no-max-per-document", {"max_per_document": 3}),
        ("no-joining", {"join_neighbours": True}),
        ("no-parents", {"parent_chars": 4000}),
    ],
)
def test_a_stage_that_is_on_is_left_out_and_nothing_else(name: str, stage: dict[str, Any], tmp_path: Path) -> None:
    present = settings(tmp_path, **stage)
    (found,) = (each for each in ablations(present) if each.name == name)
    assert parsed(f"{name}:{','.join(f'{key}={value}' for key, value in found.changes.items())}").same(found)
    without = found.settings(present)
    changed: dict[str, dict[str, Any]] = {
        "one-weight": {"fusion_meaning_foreign": 0.4},
        "no-spelling": {"spelling": "off"},
    }
    assert without == present.model_copy(update=changed.get(name) or {key: PLAIN[key] for key in stage})
    assert without != present


def test_without_a_value_a_setting_is_its_default_and_lists_are_json(tmp_path: Path) -> None:
    present = settings(tmp_path, rewrite=["hyde"], chat_model="x:y", parent_chars=9)
    found = parsed("a:rewrite=,chat_model=,parent_chars=").settings(present)
    assert (found.rewrite, found.chat_model, found.parent_chars) == ([], None, 0)
    both = parsed('a:rewrite=["hyde","multi-query"],retrieve_depth=20,')
    assert both.settings(present).rewrite == ["hyde", "multi-query"]
    assert both.settings(present).retrieve_depth == 20
    with pytest.raises(InvalidRequest, match="rewrite"):
        parsed("a:rewrite=hyde").settings(present)


def test_a_comma_within_a_value_parts_no_changes() -> None:
    found = parsed('a:boosts=type in ("faq", "how") and year >= 2020 => 1.2,mode=words')
    assert found.changes == {"boosts": 'type in ("faq", "how") and year >= 2020 => 1.2', "mode": "words"}


def test_settings_are_those_at_hand_but_for_the_changes(tmp_path: Path) -> None:
    present = Settings(data_dir=tmp_path, context_passages=3, database_schema="other")
    changed = parsed("x:retrieve_depth=20, RAGSTONE_FOLD_DUPLICATES=false").settings(present)
    assert (changed.retrieve_depth, changed.fold_duplicates) == (20, False)
    assert changed.model_copy(update={"retrieve_depth": 100, "fold_duplicates": True}) == present


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", "no configuration"),
        ("a:mode", "gives no value"),
        ("a:mode=both", "mode is"),
        ("a:no_such=1", "no setting 'no_such'"),
        ("a:chunk_tokens=100", "says what is stored"),
        ("a:data_dir=x", "says what is stored"),
        ("a:log_level=debug", "no search that is evaluated reads log_level"),
        ("a:context_tokens=500", "no search that is evaluated reads"),
        ("a:search_cache_mb=0", "no search that is evaluated reads"),
    ],
)
def test_a_configuration_that_will_not_do_is_refused(given: str, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        parsed(given)


def test_what_may_be_compared_is_what_a_search_reads(tmp_path: Path) -> None:
    read: set[str] = set()

    class Noted(Settings):
        def __getattribute__(self, name: str) -> Any:
            if name in Settings.model_fields:
                read.add(name)
            return super().__getattribute__(name)

    whole: dict[str, Any] = {
        "rewrite": ["hyde"],
        "chat_model": "openai:any",
        "chat_api_key": "any",
        "recency_half_life_days": 3,
    }
    vendor: dict[str, Any] = {"reranker": "cohere:any", "reranker_api_key": "any"}
    endpoints: dict[str, Any] = {
        "embedder": "openai:any",
        "embedder_api_key": "any",
        "reranker": "tei",
        "reranker_base_url": "http://x",
    }
    for others in (vendor, endpoints):
        container = Container(Noted(data_dir=tmp_path, search_cache_mb=0, **whole, **others))
        assert all((container.database, container.embedder, container.lexical, container.vectors, container.search))
    stored = {"data_dir", "database_url", "database_schema", "embedder", "embedder_base_url", "embedder_dimensions"}
    stored |= {"words_title_weight", "words_heading_weight"}
    building = {"vector_index", "vector_index_memory_mb", "embedding_cache_hours", "minilm_path"}
    assert read - _OF_A_SEARCH == stored | building | {"search_cache_mb", "embedder_price_per_million_tokens"}
    assert read >= _OF_A_SEARCH


def test_a_value_that_will_not_do_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="retrieve_depth"):
        parsed("a:retrieve_depth=1").settings(Settings(data_dir=tmp_path))


@pytest.mark.parametrize(
    ("given", "compared", "ablate"),
    [
        (["a:mode=words", "a:mode=meaning"], None, False),
        (["a", "a"], None, False),
        (["words:mode=meaning"], None, True),
        ([], ("a:mode=words", "a:mode=meaning"), False),
        ([], ("default", "default"), False),
        ([], ("default", "unheard"), False),
    ],
)
def test_configurations_that_cannot_be_told_apart_are_refused(
    given: list[str], compared: tuple[str, str] | None, ablate: bool, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequest):
        plan(given, compared, settings(tmp_path), ablate=ablate)


def test_bars_are_read() -> None:
    found = eval_bars.parsed(["ndcg@10=0.45"], ["mrr@10", "recall@10=0.01"], depth=100)
    assert found == eval_bars.Bars([("nDCG@10", 0.45)], [("MRR@10", None), ("recall@10", 0.01)])


@pytest.mark.parametrize("given", ["ndcg@10", "ndcg@10=", "ndcg@10=high", "ndcg@10=45", "ndcg@3=0.4", "recall@100=0.9"])
def test_a_bar_that_will_not_do_is_refused(given: str) -> None:
    with pytest.raises(InvalidRequest):
        eval_bars.parsed([given], [], depth=50)
