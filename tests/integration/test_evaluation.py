"""A whole evaluation on a real record: the figures against formulas and tools that know nothing of it."""

import math
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.leftovers import rows_of_documents

from ragstone.cli import eval_corpus, eval_run
from ragstone.cli.eval_configurations import plan
from ragstone.cli.eval_run import Wanted
from ragstone.container import Container, open_container
from ragstone.domain.access import LOCAL
from ragstone.domain.errors import InvalidRequest, NotFound
from ragstone.domain.queries import Mode, Scope
from ragstone.learn.judged_sets import Corpus, read_set
from ragstone.learn.results import Evaluation
from ragstone.learn.runs import write_qrels, write_run
from ragstone.postgres.invariants import violations
from ragstone.settings import Settings

pytest.importorskip("ir_measures")


def wanted(path: Path, *configurations: str, depth: int = 100) -> Wanted:
    return Wanted(path, plan(configurations, None, ablate=False), depth=depth)


@pytest.fixture
def stones(tmp_path: Path) -> Path:
    """Two dozen documents, one of them far longer than the model reads, and a question about each."""
    path = tmp_path / "stones"
    path.mkdir()
    names = [f"X{letter}qo" for letter in "abcdefghijklmnopqrstuvwx"]
    padding = " ".join(f"Layer {number} of the wall is plain." for number in range(200))
    with (path / "corpus.jsonl").open("w") as file:
        for number, name in enumerate(names):
            long = f" {padding} Zanzibar." if number == 0 else ""
            file.write(f'{{"_id": "{name}", "title": "{name}", "text": "{name} weighs {number} kg.{long}"}}\n')
    with (path / "queries.jsonl").open("w") as file:
        for name in names:
            file.write(f'{{"_id": "q-{name}", "text": "{name}?"}}\n')
    lines = [f"q-{name}\t{name}\t1\n" for name in names]
    (path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(lines))
    return path


def corpus(path: Path) -> tuple[Corpus, str]:
    judged = read_set(path)
    assert judged.corpus
    return judged.corpus, eval_corpus.collection_of(judged.name, judged.corpus)


def trec(path: Path) -> dict[str, list[list[str]]]:
    """Return the lines of a TREC file, by question."""
    found: dict[str, list[list[str]]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        first, *rest = line.split(" ")
        found[first].append(rest)
    return found


def measures_of_files(run: Path, qrels: Path) -> dict[str, float]:
    """Return the means of what is written for other tools, by their formulas."""
    judged, found = trec(qrels), trec(run)
    values: dict[str, list[float]] = defaultdict(list)
    for name, rows in judged.items():
        grades = {uri: int(grade) for _, uri, grade in rows}
        ranked = [row[1] for row in sorted(found[name], key=lambda row: -float(row[3]))]
        gain = sum(grades.get(uri, 0) / math.log2(place + 2) for place, uri in enumerate(ranked[:10]))
        best = sum(each / math.log2(place + 2) for place, each in enumerate(sorted(grades.values())[:-11:-1]))
        first = next((rank for rank, uri in enumerate(ranked[:10], 1) if uri in grades), math.inf)
        values["nDCG@10"].append(gain / best)
        values["recall@10"].append(len(grades.keys() & set(ranked[:10])) / len(grades))
        values["recall@100"].append(len(grades.keys() & set(ranked[:100])) / len(grades))
        values["MRR@10"].append(1 / first)
        values["success@1"].append(float(first == 1))
    return {name: sum(each) / len(judged) for name, each in values.items()}


@pytest.mark.slow
async def test_the_figures_are_those_of_an_independent_tool(
    settings: Settings, shared_data: Path, tmp_path: Path
) -> None:
    import pytrec_eval

    evaluation = await eval_run.evaluate(settings, wanted(shared_data / "adi"))
    (outcome,) = evaluation.outcomes
    questions = evaluation.judged.questions
    assert len(questions) == 35
    write_run(tmp_path / "run", questions, outcome.run, "x")
    write_qrels(tmp_path / "qrels", questions)
    told = outcome.estimates["nDCG@10"].mean
    of_files = measures_of_files(tmp_path / "run", tmp_path / "qrels")
    assert {name: each.mean for name, each in outcome.estimates.items()} == pytest.approx(of_files, abs=1e-6)
    assert told > 0.4  # a search that finds anything: words alone reach 0.48
    qrels = {name: {row[1]: int(row[2]) for row in rows} for name, rows in trec(tmp_path / "qrels").items()}
    run = {name: {row[1]: float(row[3]) for row in rows} for name, rows in trec(tmp_path / "run").items()}
    names = {
        "nDCG@10": "ndcg_cut_10",
        "recall@10": "recall_10",
        "recall@100": "recall_100",
        "success@1": "success_1",
    }
    scored = pytrec_eval.RelevanceEvaluator(qrels, set(names.values())).evaluate(run)
    for measure, theirs in names.items():
        mean = sum(each[theirs] for each in scored.values()) / len(questions)
        assert outcome.estimates[measure].mean == pytest.approx(mean, abs=1e-6)
    top = {name: dict(sorted(rows.items(), key=lambda row: -row[1])[:10]) for name, rows in run.items()}
    ranks = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"}).evaluate(top)
    mean = sum(each["recip_rank"] for each in ranks.values()) / len(questions)
    assert outcome.estimates["MRR@10"].mean == pytest.approx(mean, abs=1e-6)


async def chunks_of(container: Container, collection: str) -> int:
    async with container.record.transaction() as transaction:
        principal = replace(LOCAL, readers=LOCAL.readers | {collection})
        return (await transaction.collections.get(principal, collection)).chunks


async def test_documents_come_once_and_only_their_evaluation_finds_them(settings: Settings, stones: Path) -> None:
    first = await eval_run.evaluate(settings, wanted(stones, "words:mode=words"))
    assert first.outcomes[0].estimates["success@1"].mean == 1.0
    _, collection = corpus(stones)
    async with open_container(settings) as container:
        assert await chunks_of(container, collection) == 24
        async with container.record.transaction() as transaction:
            before = await transaction.jobs.list(LOCAL, state=None, after=None, limit=100)
            limit = (await container.embedders.input()).max_tokens
            assert await transaction.chunks.longest() <= limit
        for mode in Mode:
            assert not (await container.search.retrieve("Xaqo", Scope(LOCAL), mode=mode)).hits
        async with container.database.connection() as connection:
            assert await violations(connection, seconds=30) == {}
    await eval_run.evaluate(settings, wanted(stones, "words:mode=words"))
    async with open_container(settings) as container, container.record.transaction() as transaction:
        assert await transaction.jobs.list(LOCAL, state=None, after=None, limit=100) == before


async def test_a_document_longer_than_the_model_reads_is_found_by_its_last_word(
    settings: Settings, stones: Path
) -> None:
    (stones / "queries.jsonl").write_text('{"_id": "q-Xaqo", "text": "Zanzibar"}\n')
    (outcome,) = (await eval_run.evaluate(settings, wanted(stones, "words:mode=words"))).outcomes
    assert outcome.run["q-Xaqo"].ranking == ("Xaqo",)


async def test_what_is_missing_is_brought_in_again(settings: Settings, stones: Path) -> None:
    documents, collection = corpus(stones)
    await eval_run.evaluate(settings, wanted(stones, "words:mode=words"))
    async with open_container(settings) as container:
        principal = replace(LOCAL, readers=LOCAL.readers | {collection})
        async with container.record.transaction() as transaction:
            (one,) = await transaction.documents.list(principal, collection=collection, state=None, after=None, limit=1)
            await transaction.documents.delete(principal, one.id)
        assert await chunks_of(container, collection) == 23
        await eval_corpus.ensure(container, documents, collection)
        assert await chunks_of(container, collection) == 24


async def test_dropped_documents_are_gone(settings: Settings, stones: Path) -> None:
    await eval_run.evaluate(settings, wanted(stones, "words:mode=words"))
    _, collection = corpus(stones)
    assert await eval_run.drop(settings, stones, "test") == (collection, 24)
    async with open_container(settings) as container, container.database.connection() as connection:
        assert await rows_of_documents(connection) == {}
        cursor = await connection.execute("select name from collections")
        assert await cursor.fetchall() == []
    assert await eval_run.drop(settings, stones, "test") == (collection, 0)


async def evaluated(settings: Settings, path: Path, *configurations: str) -> Evaluation:
    return await eval_run.evaluate(settings, wanted(path, *configurations))


async def test_configurations_search_as_they_say(settings: Settings, stones: Path) -> None:
    found = await evaluated(settings, stones, "wide:mode=words", "same:mode=words", "narrow:mode=meaning")
    wide, same, narrow = found.outcomes
    assert [(each.before.name, each.after.name) for each in found.comparisons] == [("wide", "same"), ("wide", "narrow")]
    assert {name: each.ranking for name, each in wide.run.items()} == {
        name: each.ranking for name, each in same.run.items()
    }
    assert found.comparisons[0].differences["nDCG@10"].p == 1.0
    # By words only what holds a word of the question is found; by meaning everything is near to some degree.
    assert all(len(each.ranking) < 24 for each in wide.run.values())
    assert all(len(each.ranking) == 24 for each in narrow.run.values())


async def test_filters_of_questions_hold(settings: Settings, stones: Path) -> None:
    (stones / "queries.jsonl").write_text(
        '{"_id": "q-Xaqo", "text": "What does Xaqo weigh?", "filter": {"title": "Xbqo"}}\n'
    )
    (outcome,) = (await evaluated(settings, stones)).outcomes
    assert outcome.run["q-Xaqo"].ranking == ("Xbqo",)
    assert outcome.estimates["recall@100"].mean == 0.0


async def test_filters_of_own_questions_are_told_as_to_a_search(
    settings: Settings, stones: Path, tmp_path: Path
) -> None:
    await evaluated(settings, stones, "words:mode=words")
    _, collection = corpus(stones)
    own = tmp_path / "own.jsonl"
    own.write_text(
        '{"question": "What does Xaqo weigh?", "uris": ["Xaqo"], "filter": "title in (\'Xbqo\', \'Xcqo\')"}\n'
        '{"question": "Xdqo?", "uris": ["Xdqo"], "filter": "not title = \'Xbqo\'"}\n'
    )
    asked = replace(wanted(own), readers=(collection,))
    (outcome,) = (await eval_run.evaluate(settings, asked)).outcomes
    assert set(outcome.run["1"].ranking) == {"Xbqo", "Xcqo"}
    assert outcome.run["2"].ranking[0] == "Xdqo"
    assert len(outcome.run["2"].ranking) == 23


async def test_an_ablation_leaves_out_what_the_settings_have(settings: Settings, stones: Path) -> None:
    with (stones / "corpus.jsonl").open("a") as file:
        file.write('{"_id": "again", "title": "Xbqo", "text": "Xbqo weighs 1 kg."}\n')
    by_words = settings.model_copy(update={"fusion": "ranks", "spelling": "off"})
    found = await eval_run.evaluate(by_words, Wanted(stones, plan([], None, by_words, ablate=True)))
    rankings = {each.name: each.run["q-Xbqo"].ranking for each in found.outcomes}
    assert list(rankings) == ["default", "words", "meaning", "no-folding"]
    # Of two documents that say the same, one is given; each is where nothing is folded.
    assert len({"Xbqo", "again"} & set(rankings["default"])) == 1
    assert {"Xbqo", "again"} <= set(rankings["no-folding"])


async def test_own_questions_are_asked_of_what_is_there(
    settings: Settings, stones: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.jsonl"
    own.write_text('{"question": "What does Xcqo weigh?", "uris": ["Xcqo"]}\n')
    with pytest.raises(InvalidRequest, match=r"None of the 1 documents .* for you to read: Xcqo") as caught:
        await evaluated(settings, own)
    assert "documents list" in caught.value.remedy
    await evaluated(settings, stones, "words:mode=words")
    with pytest.raises(InvalidRequest, match="Xcqo"):  # it is for the evaluation of its set alone
        await evaluated(settings, own)
    _, collection = corpus(stones)
    asked = replace(wanted(own), readers=(collection,))
    assert (await eval_run.evaluate(settings, asked)).outcomes[0].estimates["success@1"].mean == 1.0
    assert "not in the record" not in capsys.readouterr().err
    own.write_text('{"question": "What does Xcqo weigh?", "uris": ["Xcqo", "Xcqa"]}\n')
    assert (await eval_run.evaluate(settings, asked)).outcomes[0].estimates["success@1"].mean == 1.0
    assert "not in the record, or not for you to read: Xcqa." in capsys.readouterr().err
    own.write_text('{"question": "?", "uris": ["Xcqo"], "collections": ["nowhere"]}\n')
    with pytest.raises(NotFound):
        await evaluated(settings, own)


async def test_a_configuration_that_cannot_be_set_up_is_refused_before_anything_is_done(
    settings: Settings, stones: Path
) -> None:
    with pytest.raises(InvalidRequest, match="retrieve_depth"):
        await evaluated(settings, stones, "a:retrieve_depth=1")
    async with open_container(settings) as container, container.record.transaction() as transaction:
        assert not await transaction.collections.list(LOCAL)
