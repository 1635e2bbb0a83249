"""Asking questions, and what is written of it: rankings of documents, run files, the report."""

import asyncio
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from uuid import UUID

import pytest

from ragstone.cli import eval_bars
from ragstone.domain.documents import Chunk
from ragstone.domain.errors import EmbedderUnavailable
from ragstone.domain.ids import new_id
from ragstone.domain.queries import Hit
from ragstone.learn.judged_sets import JudgedSet
from ragstone.learn.questions import JudgedQuestion
from ragstone.learn.report import page
from ragstone.learn.results import Evaluation, Outcome, compare, outcome
from ragstone.learn.runs import Answered, ask_all, write_qrels, write_run

EVIL = "<script>alert('x')</script>&\"'"


def hit(uri: str, text: str = "", title: str = "") -> Hit:
    chunk = Chunk(id=new_id(), ordinal=0, text=text, start=0, end=len(text), token_count=1)
    return Hit(chunk, UUID(int=1), title or uri, uri, "docs", 1.0, {})


def question(name: str, *uris: str, excluded: Sequence[str] = ()) -> JudgedQuestion:
    return JudgedQuestion(f"What of {name}?", frozenset(uris), name, excluded=frozenset(excluded))


async def test_a_document_ranks_where_its_best_chunk_does() -> None:
    asked: list[int] = []

    async def ask(one: JudgedQuestion, limit: int) -> Sequence[Hit]:
        assert limit == 3 + len(one.excluded)
        return [hit("a"), hit("b"), hit("a"), hit("source"), hit("c"), hit("d")]

    run = await ask_all(
        ask, [question("1", "a"), question("2", "c", excluded=["source"])], depth=3, clients=1, asked=asked.append
    )
    assert run["1"].ranking == ("a", "b", "source")
    assert run["2"].ranking == ("a", "b", "c")
    assert asked == [1, 2]


async def test_no_more_questions_are_asked_at_a_time_than_there_are_clients() -> None:
    under_way, most = 0, 0

    async def ask(one: JudgedQuestion, limit: int) -> Sequence[Hit]:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return []

    questions = [question(str(number), "a") for number in range(20)]
    run = await ask_all(ask, questions, depth=10, clients=4, asked=lambda _: None)
    assert most == 4
    assert len(run) == 20


async def test_what_a_search_raises_ends_it() -> None:
    async def ask(one: JudgedQuestion, limit: int) -> Sequence[Hit]:
        raise EmbedderUnavailable("It is away.")

    with pytest.raises(EmbedderUnavailable, match="away"):
        await ask_all(ask, [question("1", "a")], depth=10, clients=2, asked=lambda _: None)


def test_trec_files_hold_names_with_white_space(tmp_path: Path) -> None:
    questions = [JudgedQuestion("?", frozenset({"my file.md", "50%"}), "q 1", {"my file.md": 2, "50%": 1})]
    run = {"q 1": Answered(("50%", "my file.md"), {}, 0.1)}
    write_run(tmp_path / "run", questions, run, "all of it")
    write_qrels(tmp_path / "qrels", questions)
    assert (
        tmp_path / "run"
    ).read_text() == "q%201 Q0 50%25 1 2 all%20of%20it\nq%201 Q0 my%20file.md 2 1 all%20of%20it\n"
    assert (tmp_path / "qrels").read_text() == "q%201 0 50%25 1\nq%201 0 my%20file.md 2\n"


QUESTIONS = tuple(
    JudgedQuestion(f"{EVIL} {number}", frozenset({f"{EVIL}{number}"}), f"{EVIL}{number}") for number in range(30)
)


def ranked(name: str, right: int) -> Outcome:
    """An outcome in which so many of the questions find what they are to, and the others do not."""
    run = {
        each.id: Answered((next(iter(each.uris)),) if number < right else ("no",), {"no": EVIL}, 0.001 * (number + 1))
        for number, each in enumerate(QUESTIONS)
    }
    return outcome(JudgedSet("set", QUESTIONS), name, {"mode": EVIL}, run, seconds=2.0, depth=100)


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    pytest.importorskip("ir_measures")
    good, bad = ranked(f"good{EVIL}", 27), ranked("bad", 9)
    return Evaluation(JudgedSet(EVIL, QUESTIONS), 100, 1, tuple(good.estimates), [good, bad], [compare(good, bad)])


def test_an_outcome_tells_means_and_latency(evaluation: Evaluation) -> None:
    good = evaluation.outcomes[0]
    assert good.estimates["nDCG@10"].mean == pytest.approx(0.9)
    assert good.p50 == pytest.approx(0.0155)
    assert good.p95 == pytest.approx(0.02855)
    assert good.throughput == 15.0


def test_bars_fail_what_is_below_them(evaluation: Evaluation) -> None:
    def lines(under: list[str], worse: list[str], *judged: str) -> list[str]:
        return eval_bars.failures(evaluation, eval_bars.parsed(under, worse, depth=100), judged)

    assert lines(["ndcg@10=0.31"], [], "bad") == ["bad: nDCG@10 is 0.3000, below 0.31."]
    assert lines(["ndcg@10=0.29", "recall@10=0.3"], [], "bad") == []
    assert lines(["ndcg@10=0.31"], [], "another") == []
    (worse,) = lines([], ["ndcg@10=0.5"], "bad")
    assert worse.startswith("bad: nDCG@10 is 0.6000 lower")
    assert lines([], ["ndcg@10=0.61"], "bad") == []
    assert len(lines([], ["success@1"], "bad")) == 1


class Tags(HTMLParser):
    """Which elements a page has, and that they are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag != "meta" and not (tag in ("path", "rect") or tag == "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_report_is_one_page_that_runs_nothing(evaluation: Evaluation) -> None:
    told = page(evaluation, "1.0")
    tags = Tags()
    tags.feed(told)
    assert not tags.open
    assert {"svg", "table", "details"} <= tags.seen
    assert not tags.seen & {"script", "link", "img", "iframe"}
    assert not re.findall(r"(?:src|href)=", told)
    assert set(re.findall(r"https?://[^\"' ]+", told)) == {"http://www.w3.org/2000/svg"}
    # 3 that the first one found nothing for, and of those that the second one lost the 10 worst
    assert told.count("<details>") == 13
