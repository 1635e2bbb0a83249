import json
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragstone.adapters.embedders.openai import OpenAIEmbedder
from ragstone.adapters.embedders.openai.rows import read_reply
from ragstone.adapters.embedders.openai.token_estimate import TokenEstimate
from ragstone.adapters.retry_after import retry_after
from ragstone.domain.errors import ConfigurationError
from ragstone.testing.embedders import check_spans

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("0.5", 0.5),
        (" 3 ", 3.0),
        ("Sat, 21 Nov 2026 12:00:09 GMT", 9.0),
        ("Sat, 21 Nov 2026 12:00:09 -0000", 9.0),
        ("Sat, 21 Nov 2026 11:59:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


@given(st.lists(st.lists(st.floats(-9, 9, width=32), min_size=3, max_size=3), min_size=1, max_size=6), st.randoms())
def test_rows_come_back_in_order_and_at_length_1(rows: list[list[float]], random: object) -> None:
    rows = [[1.0, *row] for row in rows]
    data = [{"index": index, "embedding": row} for index, row in enumerate(rows)]
    random.shuffle(data)  # type: ignore[attr-defined]  # hypothesis' Random is typed as an object
    vectors = read_reply(json.dumps({"data": data}).encode(), len(rows), None).vectors
    expected = np.array(rows, dtype=np.float32)
    np.testing.assert_allclose(vectors, expected / np.linalg.norm(expected, axis=1, keepdims=True), rtol=1e-5)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_estimated_spans_cover_any_text_in_order(text: str) -> None:
    spans = TokenEstimate().spans(text)
    check_spans(text, spans)
    covered = {position for start, end in spans for position in range(start, end)}
    assert all(character.isspace() for position, character in enumerate(text) if position not in covered)


# The numbers of tokens are cl100k's own, counted with its tables.
@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The swift sleeps while it flies, and eats insects in the air.", 14),
        (
            "def declare(body: Item, *, limit: int = 10) -> list[int]:\n    return {'items': [body] * limit}\n",
            29,
        ),
        ("Die Datenschutz-Grundverordnung gilt unmittelbar in allen Mitgliedstaaten.", 20),
        ("Los datos personales serán tratados de manera lícita, leal y transparente.", 20),
        ("| name | count |\n|------|------:|\n| alpha |    12 |\n| beta  |     7 |\n", 26),
        ("吾輩は猫である。名前はまだ無い。", 21),
        ("모든 국민은 법 앞에 평등하다.", 21),
        ("Съешь же ещё этих мягких французских булок, да выпей чаю.", 36),
        ("Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι.", 46),
        ("On 2026-11-21 at 09:44:12 the total was 1,234,567.89 EUR.", 28),
    ],
)
def test_the_estimate_is_an_upper_one_and_not_a_wild_one(text: str, tokens: int) -> None:
    assert tokens <= len(TokenEstimate().spans(text)) <= 2.2 * tokens


@pytest.mark.parametrize("base_url", ["localhost:11434/v1", "ftp://host/v1", "http://", "http://[::1", "nonsense"])
def test_a_base_url_that_cannot_be_one_is_refused(base_url: str) -> None:
    with pytest.raises(ConfigurationError, match="RAGSTONE_EMBEDDER_BASE_URL"):
        OpenAIEmbedder("model", base_url=base_url)


@pytest.mark.parametrize("key", ["sk-line\nbreak", "sk-ünicode", "sk-\x00"])
def test_a_key_that_cannot_be_one_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ConfigurationError, match="RAGSTONE_EMBEDDER_API_KEY") as caught:
        OpenAIEmbedder("model", api_key=key)
    assert "sk-" not in str(caught.value)


def test_a_model_without_a_name_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="RAGSTONE_EMBEDDER"):
        OpenAIEmbedder("")
