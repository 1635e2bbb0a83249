"""What ``--config``, ``--compare``, ``--ablate`` and the bars ask for."""

from pathlib import Path

import pytest

from ragstone.cli import eval_bars
from ragstone.cli.eval_configurations import ABLATIONS, Configuration, parsed, plan
from ragstone.domain.errors import InvalidRequest
from ragstone.domain.queries import Mode
from ragstone.settings import Settings


def names(given: list[str], compared: tuple[str, str] | None = None, *, ablate: bool = False) -> list[str]:
    return [each.name for each in plan(given, compared, ablate=ablate).configurations]


def test_without_options_the_present_settings_are_evaluated() -> None:
    assert plan([], None, ablate=False).configurations == [Configuration()]
    assert plan([], None, ablate=False).pairs == []


def test_each_is_compared_with_the_first() -> None:
    found = plan(["a:retrieve_depth=20", "b:mode=words", "c"], None, ablate=False)
    assert [each.name for each in found.configurations] == ["a", "b", "c"]
    assert found.pairs == [(0, 1), (0, 2)]


def test_an_ablation_begins_with_the_whole() -> None:
    found = plan([], None, ablate=True)
    assert [each.name for each in found.configurations] == ["default", *ABLATIONS]
    assert [each.ablation for each in found.configurations] == [False, *(True for _ in ABLATIONS)]


def test_those_compared_come_first_and_may_be_said_in_place() -> None:
    found = plan(["a:mode=words"], ("default", "b:retrieve_depth=20"), ablate=False)
    assert [each.name for each in found.configurations] == ["default", "b", "a"]
    assert found.pairs == [(0, 1)]
    assert names([], ("words", "default"), ablate=True) == ["words", "default", "meaning"]


@pytest.mark.parametrize("name", [*ABLATIONS])
def test_every_ablation_can_be_set_up(name: str, tmp_path: Path) -> None:
    configuration = Configuration(name, ABLATIONS[name])
    assert parsed(f"{name}:{','.join(f'{key}={value}' for key, value in ABLATIONS[name].items())}") == configuration
    present = Settings(data_dir=tmp_path)
    changed = configuration.settings(present)
    assert configuration.mode is not Mode.HYBRID or changed != present


def test_settings_are_those_at_hand_but_for_the_changes(tmp_path: Path) -> None:
    present = Settings(data_dir=tmp_path, context_passages=3, database_schema="other")
    changed = parsed("x:retrieve_depth=20, RAGSTONE_CHAT_FALLBACK=false").settings(present)
    assert (changed.retrieve_depth, changed.chat_fallback) == (20, False)
    assert changed.model_copy(update={"retrieve_depth": 100, "chat_fallback": True}) == present


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", "no configuration"),
        ("a:mode", "gives no value"),
        ("a:mode=both", "mode is"),
        ("a:no_such=1", "no setting 'no_such'"),
        ("a:chunk_tokens=100", "says what is stored"),
        ("a:data_dir=x", "says what is stored"),
    ],
)
def test_a_configuration_that_will_not_do_is_refused(given: str, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        parsed(given)


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
    given: list[str], compared: tuple[str, str] | None, ablate: bool
) -> None:
    with pytest.raises(InvalidRequest):
        plan(given, compared, ablate=ablate)


def test_bars_are_read() -> None:
    found = eval_bars.parsed(["ndcg@10=0.45"], ["mrr@10", "recall@10=0.01"], depth=100)
    assert found == eval_bars.Bars([("nDCG@10", 0.45)], [("MRR@10", None), ("recall@10", 0.01)])


@pytest.mark.parametrize("given", ["ndcg@10", "ndcg@10=", "ndcg@10=high", "ndcg@10=45", "ndcg@3=0.4", "recall@100=0.9"])
def test_a_bar_that_will_not_do_is_refused(given: str) -> None:
    with pytest.raises(InvalidRequest):
        eval_bars.parsed([given], [], depth=50)
