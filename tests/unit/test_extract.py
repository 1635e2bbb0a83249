from collections.abc import Sequence
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragstone.answer.confidence import Signs, confidence
from ragstone.answer.expectation import Expectation, expectation_of, meets
from ragstone.answer.extract import MOST_EMBEDDED, Extract, Extractor, rendered
from ragstone.answer.ranking import _quotes_question
from ragstone.answer.ruler import Ruler, measure
from ragstone.answer.terms import language_of, rarity
from ragstone.domain.answers import Context, Passage
from ragstone.domain.documents import Chunk
from ragstone.domain.queries import Hit, LegRank
from ragstone.ports.embedder import Vectors
from ragstone.testing.word_vectors import WordVectors

TOWER = """\
# The harbour tower

The harbour has been there since Roman times. Many ships call every year.

The tower was built in 1821 by Josiah Reed. It is 34 metres high. Its lamp burned whale oil at first.

Visitors may climb the tower in summer.
"""
SETUP = """\
## Install the client

To install the client, run this command:

```console
$ pip install client
```

The client needs three settings.

* `url`: the address of the server
* `key`: the secret of the account
* `timeout`: seconds to wait

| Plan | Requests per day |
|------|------------------|
| Free | 1,500 |
| Team | 40,000 |
"""


def passage(n: int, content: str, *, cosine: float | None = 0.6, path: tuple[str, ...] = ()) -> Passage:
    legs = {"words": LegRank(n, 10.0 / n)} | ({} if cosine is None else {"meaning": LegRank(n, cosine)})
    chunk = Chunk(UUID(int=n), 0, content, 50, 50 + len(content), 0, heading_path=path)
    return Passage(n, Hit(chunk, UUID(int=90 + n), path[0] if path else "Title", f"{n}.md", "default", 1 / n, legs), 10)


def context(*contents: str, cosine: float | None = 0.6) -> Context:
    return Context(tuple(passage(n, content, cosine=cosine) for n, content in enumerate(contents, 1)))


async def extracted(question: str, *contents: str, cosine: float | None = 0.6) -> Extract:
    return await Extractor(WordVectors()).extract(question, context(*contents, cosine=cosine))


async def first(question: str, *contents: str) -> str:
    return (await extracted(question, *contents)).quotes[0].text


async def test_the_sentence_that_answers_comes_first() -> None:
    assert "built in 1821" in await first("When was the tower built?", SETUP, TOWER)
    assert "climb the tower" in await first("Who may climb the tower?", SETUP, TOWER)


async def test_quotes_are_verbatim_with_the_documents_offsets() -> None:
    extract = await extracted("When was the tower built?", SETUP, TOWER)
    for quote in extract.quotes:
        content = quote.passage.hit.chunk.text
        assert content[quote.start - 50 : quote.end - 50] == quote.text


async def test_a_sentence_that_leans_on_the_one_before_brings_it() -> None:
    quote = await first("How many metres high is it?", TOWER)
    assert quote.startswith("The tower was built in 1821 by Josiah Reed. It is 34 metres high.")


async def test_a_colon_brings_the_code_that_it_announces() -> None:
    quote = await first("What command installs the client?", SETUP)
    assert quote.startswith("To install the client, run this command:")
    assert quote.endswith("```console\n$ pip install client\n```")


async def test_a_list_comes_whole_with_its_introduction() -> None:
    quote = await first("Which settings does the client need?", SETUP)
    assert quote.startswith("The client needs three settings.")
    assert quote.endswith("* `timeout`: seconds to wait")


async def test_several_items_are_quoted_as_a_list() -> None:
    steps = (
        "Steps.\n\nIn short.\n\nFor example so.\n\n\n## Mount\n\n* Import the files.\n* Mount the files in a path.\n"
    )
    assert (
        await first("How do I mount the files in a path?", steps) == "* Import the files.\n* Mount the files in a path."
    )


async def test_a_table_row_comes_with_the_head_of_its_table() -> None:
    quote = await first("How many requests per day has the Team plan?", SETUP)
    assert quote.startswith("| Plan | Requests per day |\n|---")
    assert quote.endswith("| Team | 40,000 |")


async def test_of_a_long_table_only_the_row_is_quoted() -> None:
    rows = "".join(f"| Plan {n} | {n},000 |\n" for n in range(60))
    quote = await first("How many requests per day has Plan 57?", f"| Plan | Requests per day |\n|---|---|\n{rows}")
    assert quote == "| Plan 57 | 57,000 |"


async def test_headings_and_repetitions_are_not_quoted() -> None:
    extract = await extracted("When was the harbour tower built?", TOWER, TOWER.replace("summer", "spring"))
    texts = [quote.text for quote in extract.quotes]
    assert not any(text.startswith("#") for text in texts)
    assert sum("1821" in text for text in texts) == 1


async def test_marks_stand_where_markdown_reads_them_as_text() -> None:
    code = await extracted("What command installs the client?", SETUP)
    row = await extracted("How many requests per day has the Team plan?", SETUP)
    prose = await extracted("When was the tower built?", TOWER)
    assert rendered(code.quotes)[0][0].endswith("```\n\n[1]")
    assert rendered(row.quotes)[0][0].endswith("|\n\n[1]")
    assert rendered(prose.quotes)[0][0].endswith(". [1]")
    for n, (paragraph, citation) in enumerate(rendered(prose.quotes), 1):
        assert citation.n == n
        assert paragraph == f"{citation.quote} [{n}]"


async def test_confidence_tells_an_answer_from_none() -> None:
    answered = await extracted("When was the harbour tower built?", TOWER, SETUP)
    foreign = await extracted("What is the boiling point of tungsten?", TOWER, SETUP, cosine=0.1)
    assert answered.confidence > 0.5 > foreign.confidence


async def test_a_search_by_words_alone_is_enough() -> None:
    extract = await Extractor(WordVectors()).extract("When was the tower built?", context(SETUP, TOWER, cosine=None))
    assert "1821" in extract.quotes[0].text


async def test_nothing_to_quote_is_no_answer() -> None:
    assert (await extracted("When?", "# Only a heading\n\n---\n")).quotes == ()
    assert (await extracted("When?")).confidence == 0.0


async def test_only_a_few_sentences_are_embedded() -> None:
    embedder = WordVectors()
    long = " ".join(f"Sentence number {n} is about towers." for n in range(300))
    await Extractor(embedder).extract("Which sentence is about towers?", context(long, TOWER))
    assert len(embedder.calls[-1]) <= MOST_EMBEDDED + 1


@pytest.mark.parametrize("question", ["?", "的", "what is it", "(((", "a" * 5000, "wo?", "\x00", "🙂"])
async def test_odd_questions_do_no_harm(question: str) -> None:
    extract = await extracted(question, TOWER, SETUP)
    assert 0.0 <= extract.confidence <= 1.0


@settings(max_examples=50)
@given(st.text(max_size=300), st.text(max_size=60))
async def test_any_text_gives_verbatim_quotes(content: str, question: str) -> None:
    extract = await extracted(question, content)
    for quote in extract.quotes:
        assert content[quote.start - 50 : quote.end - 50] == quote.text


def test_every_sign_speaks_for_an_answer() -> None:
    middle = Signs(0.5, 0.5, 0.5, 0.5)
    for name in Signs._fields:
        assert confidence(middle._replace(**{name: 0.9})) > confidence(middle)
    assert confidence(Signs(-1, -1, 0, 0)) < 0.01
    assert confidence(Signs(1, 1, 1, 1)) > 0.99


class Shifted(WordVectors):
    """The same space, but with every vector drawn towards one direction, as many models' are."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        vectors = await super().embed(texts)
        vectors[:, 0] += 1.5
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


async def test_the_ruler_reads_other_models_cosines_alike() -> None:
    texts = ["the tower was built in 1821", "when was the tower built", "bread is baked in ovens"]
    read = []
    for embedder in (WordVectors(), Shifted()):
        ruler = await measure(embedder)
        vectors = await embedder.embed(texts)
        read.append([ruler.read(float(vectors[0] @ vectors[1])), ruler.read(float(vectors[0] @ vectors[2]))])
    assert read[0] == pytest.approx(read[1], abs=0.05)


async def test_a_model_that_tells_nothing_apart_gets_the_usual_ruler() -> None:
    class Same(WordVectors):
        async def embed(self, texts: Sequence[str]) -> Vectors:
            return await super().embed(["same"] * len(texts))

    assert await measure(Same()) == Ruler()


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("When was it built?", Expectation.TIME),
        ("In what year did it end?", Expectation.TIME),
        ("How many people live there?", Expectation.NUMBER),
        ("Who built the tower?", Expectation.PERSON),
        ("Where is the tower?", Expectation.PLACE),
        ("When should I use it?", Expectation.ANYTHING),
        ("How do I install it?", Expectation.WAY),
        ("What is it?", Expectation.ANYTHING),
        ("Wann wurde es gebaut?", Expectation.TIME),
        ("Wie viele Menschen leben dort?", Expectation.NUMBER),
    ],
)
def test_what_a_question_expects(question: str, kind: Expectation) -> None:
    assert expectation_of(question) is kind


def test_an_expected_thing_must_be_new() -> None:
    assert meets(Expectation.TIME, "It was built in 1821.", "When was it built?")
    assert not meets(Expectation.TIME, "It was built in 1821.", "What happened in 1821, and when?")
    assert meets(Expectation.PERSON, "It was built by Josiah Reed.", "Who built it?")
    assert not meets(Expectation.NUMBER, "It is high.", "How high is it?")


def test_words_are_compared_in_the_questions_language() -> None:
    german = language_of("Wann wurden die Türme gebaut?")
    assert german.content_terms("Wann wurden die Türme gebaut?") == german.content_terms("Türme, gebaut")
    english = language_of("How do I use the TestClient?")
    assert "testclient" in english.content_terms("the TestClient")
    assert "client" in english.content_terms("the TestClient")
    assert language_of("今天谁赢了比赛").terms("今天谁") == ["今天", "天谁"]


def test_what_all_passages_hold_weighs_less_but_not_nothing() -> None:
    weights = rarity(["tower", "lamp", "whale"], [{"tower"}, {"tower", "lamp"}, {"tower"}])
    assert 1.0 < weights["tower"] < weights["lamp"] < weights["whale"]


def test_an_example_of_asking_is_no_answer() -> None:
    question = "Who may read a document?"
    assert _quotes_question('ragstone ask "Who may read a document?"', question)
    assert _quotes_question('-d \'{"question": "who may read a document?"}\'', question)
    assert not _quotes_question("Who may read a document? Its readers may.", question)
