"""The terms of a text: words, compounds, scripts, and what hostile text may cost."""

import re
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragstone.retrieve.analysis import count_terms, terms

LONGEST = 128


@pytest.mark.parametrize(
    ("written", "whole", "parts"),
    [
        ("asyncpg.Pool", "asyncpg.pool", {"asyncpg", "pool"}),
        ("X-Api-Key", "xapikey", {"x", "api", "key"}),
        ("RFC-9457", "rfc9457", {"rfc", "9457"}),
        ("--no-deps", "--no-deps", {"no", "dep"}),
        ("--verbose", "--verbose", {"verbos"}),
        ("ERR_42", "err42", {"err", "42"}),
        ("C++", "c++", {"c"}),
        ("C#", "c#", {"c"}),
        (".NET", ".net", {"net"}),
        ("LM317-T", "lm317t", {"lm317", "lm", "317", "t"}),
        ("3.11.4", "3.11.4", {"3.11", "3", "11", "4"}),
        ("2024-05-06", "2024-05-06", {"2024", "05", "06"}),
        ("jo.doe@example.com", "jo.doe@example.com", {"example.com", "jo.doe", "doe"}),
        ("docs/guides/search.md", "docs/guides/search.md", {"search.md", "guid"}),
        ("#BlackLivesMatter", "#blacklivesmatter", {"blacklivesmatt", "matter"}),
        ("@app.get", "@app.get", {"app.get", "app", "get"}),
        ("response_model_exclude", "responsemodelexclud", {"respons", "model", "exclud"}),
        ("psycopg_pool.ConnectionPool", "psycopgpool.connectionpool", {"connectionpool", "connect", "pool"}),
        ("std::vector", "std::vector", {"std", "vector"}),
        ("AT&T", "at&t", {"t"}),
    ],
)
def test_an_identifier_is_found_whole_and_in_parts(written: str, whole: str, parts: set[str]) -> None:
    found = terms(f"Set {written} first", "en")

    assert whole in found
    assert parts <= set(found)


@pytest.mark.parametrize(
    "spellings",
    [
        ("X-Api-Key", "x_api_key", "XApiKey"),
        ("e-mails", "emails", "E-Mail"),
        ("1,234,567", "1234567"),
        ("Qur’an", "Qur'an", "Quran"),
        ("ﬁle", "file"),
        ("Ｒａｇ", "rag"),
        ("soft\u00adhyphen", "softhyphen"),
        ("John’s", "john"),
        ("Ragstone™", "ragstone"),
    ],
)
def test_spellings_of_a_word_share_a_term(spellings: tuple[str, ...]) -> None:
    assert set.intersection(*(set(terms(spelling)) for spelling in spellings))


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "running connections", "run connection"),
        ("de", "die Häuser, Größe", "das Haus, GRÖSSE"),
        ("es", "informaciones", "información"),
        ("fr", "l’école", "écoles"),
        ("fr", "ELEVE", "élève"),
        ("it", "dell'università", "universita"),
        ("tr", "ISPARTA DİYARBAKIR", "ısparta diyarbakır"),
        ("ru", "ёлка", "елка"),
        ("ar", "كِتَاب", "كتاب"),
        ("he", "שָׁלוֹם", "שלום"),
        ("hi", "किताबों", "किताब"),
        ("el", "Αθήνας", "ΑΘΗΝΑΣ"),
    ],
)
def test_inflections_of_a_language_share_a_term(language: str, one: str, other: str) -> None:
    assert terms(one, language)[-1] == terms(other, language)[-1]


def test_no_language_means_no_stemming() -> None:
    assert terms("Running was fun", "") == ["running", "was", "fun"]


def test_a_letter_of_its_own_keeps_its_mark() -> None:
    assert terms("för", "sv") != terms("for", "sv")


def test_function_words_are_kept_and_not_stemmed() -> None:
    assert terms("This does so", "en") == ["this", "does", "so"]


def test_indic_words_stay_whole() -> None:
    assert len(terms("हिन्दी में लिखा", "")) == 3


def test_scripts_without_spaces_give_pairs() -> None:
    assert terms("首都在北京", "zh") == ["首都", "都在", "在北", "北京"]
    assert terms("水", "zh") == ["水"]
    assert terms("서울은 수도", "ko") == ["서울", "울은", "수도"]
    assert terms("ﾃﾞｰﾀ", "ja") == terms("データ", "ja")


def test_thai_pairs_are_of_letters_with_their_signs() -> None:
    assert terms("เมืองไทย", "th") == ["เมือ", "อง", "งไท", "ไทย"]


def test_scripts_that_meet_part() -> None:
    assert terms("丢了308分abc中文", "zh") == ["丢了", "308", "分", "abc", "中文"]


def test_frequencies_are_counted() -> None:
    assert count_terms("Pool, pools, pool") == {"pool": 3}


def test_a_hash_is_one_word() -> None:
    digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"

    assert terms(digest) == [digest]


@settings(max_examples=300, deadline=None)
@given(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=60),
    st.sampled_from(["en", "de", "tr", "el", "hi", "zh", ""]),
)
def test_terms_are_short_and_clean(text: str, language: str) -> None:
    for term in terms(text, language):
        assert 0 < len(term) <= LONGEST
        assert not re.search(r"[\s\x00-\x1f\\]", term)


@given(st.text(max_size=40))
def test_case_does_not_matter(text: str) -> None:
    text = "".join(letter for letter in text if letter.isascii())
    plain = " ".join(re.findall("[a-z]+", text.lower()))

    assert terms(plain.upper(), "en") == terms(plain, "en")


HOSTILE = {
    "no space": "x" * 100_000,
    "letters and digits": "a1" * 50_000,
    "camels": "aB" * 50_000,
    "dots": "." * 10_000,
    "dotted": "a." * 50_000,
    "hyphened": "a-" * 50_000,
    "slashed": "a/" * 50_000,
    "sigils": "#@$-." * 20_000,
    "commas": "1,234" + ",567" * 25_000,
    "marks in disorder": "a" + "\u0301\u0323" * 50_000,
    "marks and letters": "a\u0323\u0301" * 30_000,
    "signs": "\u2500\u2026" * 50_000,
    "Thai signs": "\u0e48" * 100_000,
    "Chinese": "中" * 100_000,
    "apostrophes": "l'" * 50_000,
    "quotes": '"' * 100_000,
    "ligatures": "\ufdfa" * 5_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_takes_time_in_proportion(text: str) -> None:
    started = time.process_time()
    found = terms(text, "en")

    assert time.process_time() - started < 1.5
    assert all(0 < len(term) <= LONGEST for term in found)


def test_no_mark_of_any_script_escapes_the_bound() -> None:
    """Every character that canonical ordering moves is one that the analysis cuts in runs."""
    moved = [chr(code) for code in range(0x110000) if unicodedata.combining(chr(code))]

    assert not [mark for mark in moved if re.match(r"[\w\s!-~]", mark)]


def test_markdown_keeps_its_speed() -> None:
    """A word that has come before costs a look-up: the same text is read more than twice as fast the second time."""
    text = (Path(__file__).parents[2] / "README.md").read_text() * 20

    def seconds() -> float:
        started = time.process_time()
        terms(text, "de")
        return time.process_time() - started

    seconds()
    assert min(seconds() for _ in range(3)) < len(text) * 1e-6
