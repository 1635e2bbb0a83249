"""Sets of judged questions: what is read of files, and what is said of one that will not do."""

import json
from pathlib import Path
from typing import Any

import pytest

from ragstone.domain.errors import InvalidRequest
from ragstone.domain.filter_text import parse_filter
from ragstone.learn.judged_sets import read_set
from ragstone.learn.questions import read_questions


def lines(path: Path, *rows: dict[str, Any] | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three documents and four questions, one of which nothing answers."""
    path = tmp_path / "stones"
    lines(
        path / "corpus.jsonl",
        {"_id": "a", "title": "Granite", "text": "Hard.", "metadata": {"year": 1}},
        {"_id": "b", "title": "", "text": "Line one.\u2028Line two."},
        {"_id": "c", "title": "Only a title", "text": ""},
        {"_id": "empty", "title": "", "text": " "},
    )
    lines(
        path / "queries.jsonl",
        {"_id": "1", "text": "hard?"},
        {"_id": 2, "text": "lines?", "filter": {"title": "Granite"}},
        {"_id": "3", "text": "nothing answers?"},
        {"_id": "4", "text": "own source?", "filter": "year >= 2020"},
    )
    lines(path / "qrels.tsv", "query-id\tcorpus-id\tscore", "1\ta\t3", "1\tb\t0", "2\tb\t1", "4\ta\t1", "4\tc\t2")
    lines(path / "exclude.tsv", "query-id\tcorpus-id", "4\ta")
    return path


def test_a_folder_gives_the_questions_that_something_answers(folder: Path) -> None:
    judged = read_set(folder)
    assert judged.name == "stones"
    assert [(each.id, each.question, dict(each.judgements)) for each in judged.questions] == [
        ("1", "hard?", {"a": 3}),
        ("2", "lines?", {"b": 1}),
        ("4", "own source?", {"c": 2}),
    ]
    assert judged.questions[1].metadata == {"title": "Granite"}
    assert judged.questions[1].filter is None
    assert judged.questions[2].filter == parse_filter("year >= 2020")
    assert judged.questions[2].excluded == {"a"}


def test_documents_come_whole_under_their_ids_for_one_reader(folder: Path) -> None:
    corpus = read_set(folder).corpus
    assert corpus
    found = list(corpus.documents("eval-x"))
    assert [(each.label.uri, each.label.title, each.chunks[0].text) for each in found] == [
        ("a", "Granite", "Hard."),
        ("b", " ", "Line one.\u2028Line two."),
        ("c", " ", "Only a title"),
    ]
    assert found[0].label.metadata == {"title": "Granite", "year": 1}
    assert {(each.label.collection, each.label.readers) for each in found} == {("eval-x", ("eval-x",))}
    assert corpus.beginnings(frozenset({"a"}), 11) == {"a": "Granite · H"}


def test_another_corpus_has_another_digest(folder: Path) -> None:
    before, again = read_set(folder).corpus, read_set(folder).corpus
    (folder / "corpus.jsonl").write_text('{"_id": "a", "text": "Soft."}\n')
    after = read_set(folder).corpus
    assert before
    assert after
    assert before == again
    assert before.digest != after.digest


def test_a_split_takes_its_own_judgements(folder: Path) -> None:
    lines(folder / "qrels" / "dev.tsv", "query-id\tcorpus-id\tscore", "3\tc\t1")
    assert [each.id for each in read_set(folder, split="dev").questions] == ["3"]
    assert [each.id for each in read_set(folder, split="test").questions] == ["1", "2", "4"]


def test_a_sample_is_the_same_each_time_and_in_order(folder: Path) -> None:
    judged = read_set(folder)
    drawn = judged.sample(2)
    assert len(drawn.questions) == 2
    assert drawn == judged.sample(2)
    assert [each.id for each in drawn.questions] == sorted(each.id for each in drawn.questions)
    assert judged.sample(3) is judged


@pytest.mark.parametrize(
    ("file", "line", "told"),
    [
        ("qrels.tsv", "1\ta", "Line 7"),
        ("qrels.tsv", "1\ta\tmuch", "Line 7"),
        ("queries.jsonl", '{"_id": "5"}', "Line 5"),
        ("queries.jsonl", '{"_id": "5", "text": "x", "filter": "no"}', "Line 5 .* filter that will not do: character"),
        ("queries.jsonl", '{"_id": "5", "text": "x", "filter": 5}', "Line 5 .* filter that is no text"),
        ("queries.jsonl", "no JSON", "Line 5"),
    ],
)
def test_a_line_that_will_not_do_is_named(folder: Path, file: str, line: str, told: str) -> None:
    with (folder / file).open("a") as opened:
        opened.write(line)
    with pytest.raises(InvalidRequest, match=told):
        read_set(folder)


def test_a_document_that_is_none_is_named(folder: Path) -> None:
    (folder / "corpus.jsonl").write_text('{"_id": "a", "text": "Hard."}\n["b"]\n')
    corpus = read_set(folder).corpus
    assert corpus
    with pytest.raises(InvalidRequest, match="Line 2"):
        list(corpus.documents("x"))


def test_a_folder_without_judgements_says_so(folder: Path) -> None:
    (folder / "qrels.tsv").unlink()
    with pytest.raises(InvalidRequest, match=r"qrels\.tsv"):
        read_set(folder)


def test_own_questions_may_say_grades_and_where_to_look(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "own.jsonl",
        {"question": "plain?", "uris": ["a", "b"]},
        {
            "id": "q",
            "question": "graded?",
            "uris": ["a", "b", "c"],
            "grades": [2, 0, 1],
            "collections": ["docs"],
            "metadata": {"year": 2026},
            "filter": 'type in ("faq", "how") and not draft = true',
        },
    )
    plain, graded = read_questions(path)
    assert (plain.id, plain.uris, dict(plain.judgements)) == ("1", frozenset("ab"), {"a": 1, "b": 1})
    assert (graded.id, graded.uris, dict(graded.judgements)) == ("q", frozenset("ac"), {"a": 2, "c": 1})
    assert (graded.collections, graded.metadata) == (("docs",), {"year": 2026})
    assert graded.filter == parse_filter("type in ('faq', 'how') and not draft = true")
    assert plain.filter is None
    assert read_set(path).corpus is None


@pytest.mark.parametrize(
    "row",
    [
        {"question": "?", "uris": []},
        {"question": " ", "uris": ["a"]},
        {"question": "?", "uris": ["a"], "grades": [1, 2]},
        {"question": "?", "uris": ["a"], "grades": [-1]},
        {"question": "?", "uris": ["a"], "grades": [True]},
        {"question": "?", "uris": ["a"], "grades": [0]},
        {"question": "?", "uris": ["a"], "collections": "docs"},
        {"question": "?", "uris": ["a"], "metadata": []},
        {"question": "?", "uris": ["a"], "filter": {"year": 2026}},
        {"question": "?", "uris": ["a"], "filter": "year >="},
        {"question": "?", "uris": ["a"], "filter": ""},
    ],
)
def test_a_question_that_is_none_is_named(tmp_path: Path, row: dict[str, Any]) -> None:
    path = lines(tmp_path / "own.jsonl", {"question": "good?", "uris": ["a"]}, "", row)
    with pytest.raises(InvalidRequest, match="Line 3"):
        read_questions(path)


def test_two_questions_of_one_id_are_refused(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "own.jsonl", {"id": "x", "question": "?", "uris": ["a"]}, {"id": "x", "question": "!", "uris": ["b"]}
    )
    with pytest.raises(InvalidRequest, match="same id"):
        read_questions(path)
