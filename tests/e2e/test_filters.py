"""Filters over HTTP and on the command line."""

import json

import httpx
import pytest
from tests.e2e.command_line import CommandLine, on_record
from tests.e2e.conftest import LiveServer

CHUNKS = [{"text": "Granite is hewn."}, {"text": "Granite is polished.", "metadata": {"step": 2, "year": 2024}}]
DOCUMENTS = {
    "old": {"year": 2019, "tags": ["urgent", "stone"], "published": "2019-05-01T10:00:00+02:00"},
    "new": {"year": 2021, "draft": True},
    "bare": {},
}


@pytest.fixture(scope="module")
def filled(server: LiveServer) -> LiveServer:
    """A server with a collection of three documents; of each, the second chunk has metadata of its own."""
    with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as client:
        client.post("/v1/collections", json={"name": "filtered"}).raise_for_status()
        for uri, metadata in DOCUMENTS.items():
            body = {"collection": "filtered", "uri": uri, "metadata": metadata, "chunks": CHUNKS}
            client.post("/v1/documents/chunks", json=body).raise_for_status()
    return server


def found(server: LiveServer, sent: object) -> set[tuple[str, bool]]:
    """Return of each passage that is found its uri, and whether it is the second."""
    asked = {
        "question": "granite",
        "fold_duplicates": False,
        "collections": ["filtered"],
        "mode": "words",
        "filter": sent,
    }
    reply = httpx.post(f"{server.url}/v1/retrieve", json=asked, trust_env=False, timeout=60)
    assert reply.status_code == 200, reply.text
    return {(hit["uri"], "polished" in hit["text"]) for hit in reply.json()["hits"]}


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, {(uri, n) for uri in DOCUMENTS for n in (False, True)}),
        (None, {(uri, n) for uri in DOCUMENTS for n in (False, True)}),
        ("year >= 2020", {("new", False), ("new", True), ("old", True), ("bare", True)}),
        ("not year exists", {("bare", False)}),
        ({"year": 2019}, {("old", False)}),
        ({"op": "has", "field": "tags", "values": ["stone", "urgent"]}, {("old", False), ("old", True)}),
        ({"op": "eq", "field": "published", "value": {"date": "2019-05-01"}}, {("old", False), ("old", True)}),
        ("@uri ^= 'n' and step = 2", {("new", True)}),
        ("draft != true and @created_at > 2020-01-01 and not step exists", {("old", False), ("bare", False)}),
        ('year = "2019\' or true --"', set()),
    ],
)
def test_http_finds_what_the_filter_leaves(filled: LiveServer, sent: object, expected: set[tuple[str, bool]]) -> None:
    assert found(filled, sent) == expected


@pytest.mark.parametrize(
    ("sent", "cause"),
    [
        ("year >=", "character 8"),
        ({"op": "eq", "field": "@uri", "value": 1}, "@uri is a text"),
        ({"op": "and", "of": [{"op": "exists", "field": "a"}] * 300}, "at most 200"),
        ("a = '" + "x" * 5000 + "'", "4096"),
        ({"op": "or", "of": [{"op": "in", "field": "a", "values": list(range(1000))}] * 190}, "at most 1000 values"),
        ({"op": "eq", "field": "a", "value": "x" * 100_000}, "at most 65536 bytes"),
        ({"op": "prefix", "field": "a", "text": "x" * 201, "ignore_case": True}, "at most 200 characters"),
        (f"a = {'9' * 400}", "at most 1.8e+308"),
        ({"a": 10**400}, "at most 1.8e+308"),
        (5, "a tree of `op`s"),
        ([1], "a tree of `op`s"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/retrieve", "/v1/ask"])
def test_a_filter_that_makes_no_sense_is_refused(filled: LiveServer, path: str, sent: object, cause: str) -> None:
    reply = httpx.post(f"{filled.url}{path}", json={"question": "granite", "filter": sent}, trust_env=False)
    assert reply.status_code == 422
    assert cause in reply.json()["detail"]
    assert reply.json()["errors"][0]["field"].partition(".")[0] == "filter"


def test_the_description_names_every_operation(filled: LiveServer) -> None:
    schemas = httpx.get(f"{filled.url}/openapi.json", trust_env=False).json()["components"]["schemas"]
    (tree,) = [each for each in schemas["Retrieve"]["properties"]["filter"]["oneOf"] if "discriminator" in each]
    operations = tree["discriminator"]["mapping"]
    assert set(operations) == {"and", "or", "not", "eq", "in", "has", "range", "prefix", "exists"}
    for reference in operations.values():
        assert schemas[reference.rpartition("/")[2]]["description"]


def test_the_command_line_takes_the_text(filled: LiveServer) -> None:
    cli: CommandLine = on_record(filled.settings)
    where = ("--collection", "filtered", "--where", "tags has 'urgent' and not step exists")
    for place in ((), ("--url", filled.url)):
        hits = json.loads(cli.run("search", "granite", *where, "--mode", "words", "--json", *place).stdout)["hits"]
        assert [(hit["uri"], hit["text"]) for hit in hits] == [("old", "Granite is hewn.")]
    answer = json.loads(cli.run("ask", "How is granite worked?", *where, "--json").stdout)
    assert {citation["uri"] for citation in answer["citations"]} <= {"old"}
    assert "filter.text: character 8, at the end: a value is missing" in cli.fails("search", "x", "--where", "year >=")
    assert "a field is missing" in cli.fails("ask", "x", "--where", "", "--url", filled.url)
