"""The shapes of replies, requests and problems."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from ragstone.api import answers as replies
from ragstone.api import found, schemas
from ragstone.api.guard import is_loopback
from ragstone.api.problems import problem_of, respond
from ragstone.api.requests import Ask, DocumentText, NewCollection, Retrieve, file_name
from ragstone.domain import answers, errors
from ragstone.domain.answers import Support
from ragstone.domain.documents import Chunk, Document, State
from ragstone.domain.found import Found
from ragstone.domain.ids import new_id
from ragstone.domain.queries import Hit, LegRank
from ragstone.ingest.intake import Label

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def citation() -> answers.Citation:
    return answers.Citation(
        n=1,
        source="documents",
        document_id=new_id(),
        chunk_id=new_id(),
        title="Gate",
        uri="gate.md",
        page_label=None,
        page=None,
        heading_path=("Gate", "Hours"),
        quote="It opens at six.",
        start=8,
        end=24,
        score=0.5,
        support=Support.SUPPORTED,
    )


def answer() -> answers.Answer:
    return answers.Answer(
        question="When?",
        text="It opens at six. [1]",
        citations=(citation(),),
        refused=False,
        mode="extractive",
        usage=answers.Usage(),
        timings={"total": 1.5},
        trace_id=new_id(),
    )


def hit() -> Hit:
    chunk = Chunk(new_id(), 0, "It opens at six.", 8, 24, 5, ("Gate",), 2, {"kind": "rule"})
    return Hit(chunk, new_id(), "Gate", "gate.md", "default", 0.25, {"words": LegRank(1, 3.5)})


def test_a_hit_has_the_metadata_of_its_document_and_its_own() -> None:
    value = replace(hit(), metadata={"year": 2010, "kind": "page"})
    assert found.Hit.from_domain(value).metadata == {"year": 2010, "kind": "rule"}


def test_an_answer_has_the_one_shape_and_can_be_read_back() -> None:
    reply = replies.Answer.from_domain(answer())
    sent = json.loads(reply.model_dump_json())
    assert list(sent) == [
        "question", "answer", "citations", "refused", "mode", "notice", "usage", "timings", "trace_id",
    ]  # fmt: skip
    assert sent["answer"] == "It opens at six. [1]"
    assert list(sent["citations"][0]) == [
        "n", "source", "document_id", "chunk_id", "title", "uri", "page", "page_label", "heading_path", "quote",
        "start", "end", "score", "support",
    ]  # fmt: skip
    assert sent["citations"][0]["support"] == "supported"
    assert replies.Answer.model_validate_json(reply.model_dump_json()) == reply


def test_a_hit_shows_its_passage_and_its_ranks() -> None:
    reply = found.Found.from_domain(Found((hit(),), {"meaning": "the model is down"}))
    assert reply.hits[0].legs == {"words": found.LegRank(rank=1, score=3.5)}
    assert (reply.hits[0].page, reply.hits[0].heading_path, reply.hits[0].metadata) == (2, ["Gate"], {"kind": "rule"})
    assert reply.missing == {"meaning": "the model is down"}
    with pytest.raises(TypeError):
        found.Hit.from_domain(answer())


def test_a_document_is_shown_as_it_is() -> None:
    document = Document(
        new_id(), "default", "a.md", "A", "text/markdown", 3, "ab", {"x": [1]}, ("everyone",), State.READY, new_id(),
        None, 1, None, NOW, NOW,
    )  # fmt: skip
    sent = schemas.Document.from_domain(document).model_dump(mode="json")
    assert (sent["state"], sent["created_at"], sent["readers"]) == ("ready", "2026-11-01T00:00:00Z", ["everyone"])


@pytest.mark.parametrize(
    ("event", "name", "fields"),
    [
        (answers.Retrieved((hit(),), new_id()), "retrieval", {"trace_id", "hits"}),
        (answers.Delta("a"), "delta", {"text"}),
        (answers.Cited(citation()), "citation", set(replies.Citation.model_fields)),
        (answers.Restart("b"), "restart", {"reason"}),
        (answers.Done(answer()), "done", set(replies.Answer.model_fields)),
    ],
)
def test_each_event_has_a_name_and_data(event: answers.AnswerEvent, name: str, fields: set[str]) -> None:
    assert replies.EVENTS[type(event)] == name
    assert set(replies.event_reply(event).model_dump()) == fields


def tree(root: type[errors.RagstoneError]) -> list[type[errors.RagstoneError]]:
    """The errors of the domain's tree; those that other modules add are shown as the one they are made from."""
    own = [child for child in root.__subclasses__() if child.__module__ == errors.__name__]
    return [root, *(each for child in own for each in tree(child))]


def test_every_error_of_the_tree_becomes_a_problem() -> None:
    for kind in tree(errors.RagstoneError):
        more: dict[str, Any] = {"code": "x"} if kind is errors.ParseFailed else {}
        problem = problem_of(kind(message="What is wrong.", remedy="How to mend it.", **more))
        hidden = kind in (errors.RagstoneError, errors.LeaseLost)
        assert (problem.status == 500) is hidden
        assert (problem.detail, problem.remedy) == ("What is wrong.", "How to mend it.") or hidden


def test_a_problem_carries_what_its_status_asks_for() -> None:
    assert respond(errors.Unauthenticated("a")).headers["www-authenticate"].startswith("Bearer")
    assert respond(errors.DatabaseUnavailable("a")).headers["retry-after"] == "5"
    assert respond(errors.Unavailable("a", retry_after=0.2)).headers["retry-after"] == "1"


def test_a_problem_is_short_and_can_always_be_sent() -> None:
    reply = respond(errors.NotFound("\ud800" + "x" * 10_000))
    assert len(reply.body) < 2000
    assert json.loads(bytes(reply.body))["detail"].startswith("?x")


def test_a_document_is_labelled_as_it_was_sent() -> None:
    said = {"text": "a", "uri": "a.md", "title": "A", "metadata": {"x": 1}, "readers": ["b", "b"]}
    label = DocumentText.model_validate(said).label(media_type="text/plain")
    assert label == Label("default", "a.md", "A", "", "text/plain", {"x": 1}, ("b",))
    assert DocumentText.model_validate({"text": "a"}).label().readers == ("everyone",)


@pytest.mark.parametrize(
    "wrong",
    [
        {"metadata": {"a": float("nan")}},
        {"metadata": {"a": [{"b": float("inf")}]}},
        {"metadata": {"a\0": 1}},
        {"metadata": {"a": "\udfff"}},
        {"metadata": {"a": "x" * 20_000}},
        {"uri": " "},
        {"title": "a\0"},
        {"collection": ""},
        {"readers": []},
        {"readers": [""]},
        {"text": None},
        {"txt": "b"},
    ],
)
def test_what_cannot_be_stored_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DocumentText.model_validate({"text": "a", **wrong})


def test_a_filter_tells_true_from_one() -> None:
    sent = Retrieve.model_validate_json(
        '{"question": "a", "filter": {"a": true, "b": 1, "c": 1.5, "d": "x", "e": null}}'
    )
    assert isinstance(sent.filter, dict)
    assert [type(value) for value in sent.filter.values()] == [bool, int, float, str, type(None)]
    for wrong in ('{"a": [1]}', '{"a": {}}'):
        with pytest.raises(ValidationError):
            Ask.model_validate_json(f'{{"question": "a", "filter": {wrong}}}')


def test_a_collection_has_a_plain_name() -> None:
    assert NewCollection(name="Reports_2026.v1-a").name
    for wrong in ("", "-a", "a b", "a/b", "ä", "a" * 101, "a\n"):
        with pytest.raises(ValidationError):
            NewCollection(name=wrong)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("a.md", "a.md"), ("../../etc/passwd", "passwd"), ("C:\\docs\\a.md", "a.md"), ("", ""), (None, ""), ("/", "")],
)
def test_a_file_keeps_the_last_part_of_its_name(sent: str | None, kept: str) -> None:
    assert file_name(sent) == kept


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("LocalHost.", True),
        ("a.localhost", True), ("0.0.0.0", False), ("::", False), ("192.168.0.1", False), ("localhost.evil", False),
        ("", False), ("127.0.0.1.evil", False), ("2130706433", False),
    ],
)  # fmt: skip
def test_only_this_machine_is_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) is local
