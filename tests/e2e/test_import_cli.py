"""``ragstone import`` and its request over HTTP, by the real command line on a real record."""

import json
import signal
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psycopg
import pytest
from psycopg import sql
from tests.e2e.command_line import CommandLine, on_record
from tests.e2e.conftest import LiveServer, MakeSettings, serving

from ragstone.settings import Settings

DIMENSIONS = 384


@pytest.fixture(scope="module")
def settings(make_settings: MakeSettings) -> Settings:
    return make_settings()


@pytest.fixture(scope="module")
def cli(settings: Settings) -> CommandLine:
    return on_record(settings)


@pytest.fixture(scope="module")
def model(cli: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """MODEL@VERSION of the active space, as a user learns it: from the refusal of any other."""
    file = write(tmp_path_factory.mktemp("model") / "a.ndjson", [row("a", vector=[1.0] * DIMENSIONS)])
    line = cli.fails("import", str(file), "--vectors-of", "unknown@1")
    return line.partition("; here ")[2].partition(" is in use")[0]


def row(document: str, text: str = "Slate.", **more: Any) -> dict[str, Any]:
    return {"document": document, "text": text, **more}


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(f"{json.dumps(each)}\n" for each in rows))
    return path


def stones(count: int, chunks: int = 3, *, vectors: bool = False) -> list[dict[str, Any]]:
    random = np.random.default_rng(3)
    made = [
        row(
            f"stone-{number}", f"Stone {number} lies in layer {layer}.", id=f"{number}.{layer}", title=f"Stone {number}"
        )
        for number in range(count)
        for layer in range(chunks)
    ]
    return [each | {"vector": random.normal(size=DIMENSIONS).tolist()} for each in made] if vectors else made


def imported(cli: CommandLine, *arguments: str, code: int = 0) -> dict[str, Any]:
    """Return the counts of a summary that are not zero, and the failures."""
    body: dict[str, Any] = json.loads(cli.run("import", *arguments, "--json", code=code).stdout.splitlines()[-1])
    assert set(body) == {"documents", "chunks", "unchanged", "failed", "skipped", "seconds", "failures"}
    return {name: value for name, value in body.items() if value and name != "seconds"}


def count(settings: Settings, query: str) -> int:
    assert settings.database_url
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        connection.execute(sql.SQL("set search_path to {}, public").format(sql.Identifier(settings.database_schema)))
        return int(connection.execute(query.encode()).fetchall()[0][0])


def states(cli: CommandLine, collection: str) -> dict[str, str]:
    page = json.loads(cli.run("documents", "list", "--collection", collection, "--limit", "200", "--json").stdout)
    return {each["uri"]: each["state"] for each in page["items"]}


def test_with_vectors_all_is_ready_without_a_worker(cli: CommandLine, model: str, tmp_path: Path) -> None:
    file = write(tmp_path / "a.ndjson", stones(20, vectors=True))
    target = (str(file), "--collection", "vectors", "--vectors-of", model, "--batch", "10")
    assert imported(cli, *target) == {"documents": 20, "chunks": 60}
    assert set(states(cli, "vectors").values()) == {"ready"}
    assert imported(cli, *target) == {"documents": 20, "chunks": 60, "unchanged": 20}
    found = json.loads(
        cli.run("search", "stone 7 layer 2", "--collection", "vectors", "--mode", "words", "--json").stdout
    )
    assert found["hits"][0]["uri"] == "stone-7"
    listed = json.loads(cli.run("documents", "list", "--collection", "vectors", "--json").stdout)["items"]
    document = next(each for each in listed if each["uri"] == "stone-0")
    chunks = json.loads(cli.run("documents", "chunks", document["id"], "--json").stdout)["items"]
    assert [each["external_id"] for each in chunks] == ["0.0", "0.1", "0.2"]


def test_without_vectors_words_answer_at_once(cli: CommandLine, tmp_path: Path) -> None:
    file = write(tmp_path / "a.ndjson", stones(4))
    ran = cli.run("import", str(file), "--collection", "words", "--readers", "everyone", "--readers", "masons")
    assert ran.stdout.startswith("4 documents (0 as before), 12 chunks; 0 documents failed, 0 rows skipped in ")
    assert "MiB" in ran.stderr
    assert set(states(cli, "words").values()) == {"searchable"}
    found = json.loads(cli.run("search", "stone", "--collection", "words", "--mode", "words", "--json").stdout)
    assert len(found["hits"]) == 10


def test_the_first_bad_row_ends_it_before_its_batch_is_stored(cli: CommandLine, tmp_path: Path) -> None:
    rows = stones(10, 1)
    rows[7] = row("stone-7", "", id="7.0")
    file = write(tmp_path / "a.ndjson", rows)
    target = (str(file), "--collection", "bad", "--batch", "5")
    ran = cli.run("import", *target, code=1)
    assert ran.stdout == ""
    line = ran.stderr.splitlines()[-1]
    assert line.startswith(f"Error: {file}, line 8: text: ")
    assert "--skip-bad" in line
    assert sorted(states(cli, "bad")) == [f"stone-{number}" for number in range(5)]
    write(file, stones(10, 1))
    assert imported(cli, *target) == {"documents": 10, "chunks": 10, "unchanged": 5}


def test_bad_rows_and_documents_are_skipped_on_demand(cli: CommandLine, tmp_path: Path) -> None:
    rows = [
        row("a"),
        row("b", page=0),
        row("c", vector=[1.0]),
        row("d", "word " * 3000),
        row("e"),
        row("e", "Shale."),
        row("a"),
        row("f"),
    ]
    file = write(tmp_path / "a.ndjson", rows)
    target = (str(file), "--collection", "skipped")
    outcome = imported(cli, *target, "--skip-bad", code=1)
    failures = outcome.pop("failures")
    assert outcome == {"documents": 3, "chunks": 4, "failed": 4, "skipped": 2}
    assert sorted((each["line"], each["file"]) for each in failures) == [(n, str(file)) for n in (2, 3, 4, 7)]
    told = {each["line"]: each["message"] for each in failures}
    assert told[2].startswith("page: ")
    assert told[3] == "Chunk 0 has a vector, but of which model is not said."
    assert "tokens" in told[4]
    assert told[7].startswith(f"The document 'a' began at {file}, line 1;")
    shown = cli.run("import", *target, "--skip-bad", code=1).stdout
    assert f"{file}, line 4: Chunk 0 has " in shown
    assert shown.splitlines()[-1].startswith("3 documents (3 as before), 4 chunks; 4 documents failed, 2 rows skipped")


def test_called_wrongly(cli: CommandLine, tmp_path: Path) -> None:
    file = write(tmp_path / "a.ndjson", [row("a")])
    assert "MODEL@VERSION" in cli.fails("import", str(file), "--vectors-of", "minilm")
    assert "no file" in cli.fails("import", str(tmp_path / "none.ndjson"))
    assert "of no kind" in cli.fails("import", str(write(tmp_path / "a.csv", [])))


def test_killed_and_run_again_it_ends_the_same(
    cli: CommandLine, settings: Settings, model: str, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.ndjson", stones(400, 5, vectors=True))
    target = (str(file), "--collection", "killed", "--vectors-of", model, "--batch", "50")
    for number in (signal.SIGKILL, signal.SIGINT):
        with cli.running("import", *target) as running:
            running.until(lambda ran: "chunks/s" in ran.err)
            code = running.end(number)
        assert code == (130 if number is signal.SIGINT else -signal.SIGKILL)
    stored = len(states(cli, "killed"))
    assert stored > 0
    outcome = imported(cli, *target)
    assert {name: outcome[name] for name in ("documents", "chunks")} == {"documents": 400, "chunks": 2000}
    in_collection = (
        "from chunks c join versions v on v.id = c.version_id join documents d on d.id = v.document_id"
        " join collections l on l.id = d.collection_id and l.name = 'killed'"
    )
    assert count(settings, f"select count(*) {in_collection} join vectors x on x.chunk_id = c.id") == 2000
    assert count(settings, f"select count(*) {in_collection}") == 2000
    assert count(settings, f"select count(distinct d.uri) {in_collection} where v.state = 'ready'") == 400


@pytest.fixture(scope="module")
def remote(settings: Settings) -> Any:
    with serving(settings, with_worker=False) as running:
        yield running


def test_a_server_takes_it_as_the_record_does(cli: CommandLine, remote: LiveServer, model: str, tmp_path: Path) -> None:
    rows = [*stones(6, 2, vectors=True), row("huge", "word " * 3000), row("last", "The last.")]
    file = write(tmp_path / "a.ndjson", rows)
    target = (str(file), "--collection", "remote", "--vectors-of", model, "--url", remote.url)
    outcome = imported(cli, *target, "--skip-bad", code=1)
    (failure,) = outcome.pop("failures")
    assert outcome == {"documents": 7, "chunks": 13, "failed": 1}
    assert (failure["line"], "tokens" in failure["message"]) == (13, True)
    there = states(cli, "remote")
    assert there == {**{f"stone-{number}": "ready" for number in range(6)}, "last": "searchable"}
    local = imported(cli, *target[:-2], "--skip-bad", code=1)  # the same bytes, whichever door they came by
    assert (local["documents"], local["unchanged"]) == (7, 7)


@pytest.mark.parametrize("by_http", [False, True])
def test_the_line_of_a_chunk_that_is_refused_is_told(
    cli: CommandLine, remote: LiveServer, model: str, tmp_path: Path, by_http: bool
) -> None:
    short, long = [0.5] * 10, [0.5] * DIMENSIONS
    rows = [
        row("a", vector=long),
        row("a", vector=short),
        row("b", id="1"),
        row("b", "Shale.", id="2"),
        row("b", "Chalk.", id="1"),
        row("c", id="1"),
    ]
    file = write(tmp_path / "a.ndjson", rows)
    there = ("--url", remote.url) if by_http else ()
    target = (str(file), "--collection", f"lines-{by_http}", "--vectors-of", model, *there)
    outcome = imported(cli, *target, "--skip-bad", code=1)
    told = sorted((each["line"], each["message"]) for each in outcome.pop("failures"))
    assert outcome == {"documents": 1, "chunks": 1, "failed": 2}
    assert [line for line, _ in told] == [2, 5]
    assert told[0][1].startswith("Chunk 1 has a vector of 10 dimensions")
    assert told[1][1] == "Chunk 2 has the id '1', as chunk 0 has."
    line = cli.run("import", *target, code=1).stderr.splitlines()[-1]
    assert line.startswith(f"Error: {file}, line 2: Chunk 1 has a vector of 10 dimensions")


async def test_vectors_over_http(remote: LiveServer, model: str) -> None:
    name, _, version = model.rpartition("@")
    of = {"model": name, "version": version}
    slate = {"text": "Slate.", "vector": [0.5] * DIMENSIONS}
    async with httpx.AsyncClient(base_url=remote.url, timeout=60, trust_env=False) as client:

        async def send(chunks: list[dict[str, Any]], vectors_of: Any) -> httpx.Response:
            body = {"uri": "http", "chunks": chunks, "vectors_of": vectors_of}
            return await client.post("/v1/documents/chunks", json=body)

        reply = await send([slate], of)
        assert reply.status_code == 202, reply.text
        job = (await client.get(reply.headers["Location"])).json()
        assert (job["state"], job["chunk_count"], job["embedded_count"]) == ("ready", 1, 1)
        again = await send([slate], of)
        assert again.json() == {**reply.json(), "created": False}
        refusals: list[tuple[list[dict[str, Any]], Any, str]] = [
            ([slate], None, "of which model is not said"),
            ([slate], {"model": name, "version": "0"}, "is in use"),
            ([slate], {"model": name}, "vectors_of.version"),
            ([slate, {"text": "Shale."}], of, "Chunk 1 has no vector"),
            ([{"text": "a", "id": "7"}, {"text": "b", "id": "7"}], None, "Chunk 1 has the id '7', as chunk 0 has"),
            ([{"text": "a", "vector": [1.0]}], of, "1 dimensions"),
            ([{"text": "a", "vector": [0.0] * DIMENSIONS}], of, "length 0"),
            ([{"text": "a", "vector": [1e300] * DIMENSIONS}], of, "not finite"),
            ([{"text": "a", "vector": [1.0] * 4001}], of, "4000"),
        ]
        for chunks, vectors_of, told in refusals:
            refused = await send(chunks, vectors_of)
            assert refused.status_code == 422, refused.text
            assert told in refused.json()["detail"], refused.text
            assert refused.json()["remedy"]
