"""Guesses at misspelt words, and which words of a question are doubted; no index, no database."""

from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragstone.retrieve.analysis import plain_words
from ragstone.retrieve.analysis.misspellings import is_spelt, one_slip_away, two_slips_away
from ragstone.retrieve.analysis.stems import stem, stems
from ragstone.retrieve.lexical.segment import Counted, segment_of, term_key
from ragstone.retrieve.lexical.vocabulary import Vocabulary, keys_of, vocabulary_of

LATIN = st.text("abcdefghijklmnopqrstuvwxyz", min_size=4, max_size=12)


def plain(question: str, *languages: str) -> list[str]:
    return [each.text for each in plain_words(question, languages or ["en"])]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("what is a photosynthsis?", ["photosynthsis"]),
        (
            "Photosynthsis happens where? Chlorophyl absorbs what?",
            ["Photosynthsis", "happens", "Chlorophyl", "absorbs"],
        ),
        ("when was Shakespear born", ["born"]),
        ("asyncpg.Pool X-Api-Key ERR_42 --no-deps f00 e-mail McDonald NATO 1999 pool", ["pool"]),
        ('who said "to be or nto to be" first', ["said", "first"]),
        ("WHICH PROTIENS FOLD", ["protiens", "fold"]),
        ("蛋白质 протеин อาหาร", ["протеин"]),
        ("fold folds folding", ["fold"]),
    ],
)
def test_names_identifiers_quotes_and_function_words_are_no_plain_words(question: str, expected: list[str]) -> None:
    assert plain(question) == expected


def test_german_nouns_are_no_names() -> None:
    assert plain("Wann wurde die Universität in Wien gegründet?", "de") == ["Universität", "Wien", "gegründet"]


def test_function_words_of_every_language_tried_are_left_alone() -> None:
    assert plain("besides nicht", "de", "en") == ["besides"]


@pytest.mark.parametrize(
    ("misspelt", "meant", "language"),
    [
        ("photosynthsis", "photosynthesis", "en"),
        ("protiens", "proteins", "en"),
        ("embarass", "embarrass", "en"),
        ("definately", "definitely", "en"),
        ("xprotein", "protein", "en"),
        ("proteinx", "protein", "en"),
        ("grundlge", "grundlage", "de"),
        ("förenig", "förening", "sv"),
        ("frening", "förening", "sv"),
        ("москв", "москва", "ru"),
        ("киї", "київ", "uk"),
        ("αθνα", "αθηνα", "el"),
        ("תפוזז", "תפוז", "he"),
    ],
)
def test_one_slip(misspelt: str, meant: str, language: str) -> None:
    assert meant in one_slip_away(misspelt, language)


@pytest.mark.parametrize(
    ("misspelt", "meant"), [("acomodate", "accommodate"), ("seperete", "separate"), ("reciepet", "receipte")]
)
def test_two_likely_slips(misspelt: str, meant: str) -> None:
    assert meant in two_slips_away(misspelt)


@given(LATIN)
def test_guesses_are_other_words_and_as_many_for_every_word_of_a_length(word: str) -> None:
    once, twice = one_slip_away(word, "en"), two_slips_away(word)
    assert word not in once
    assert word not in twice
    assert len(once) == len(set(once)) <= 55 * (len(word) + 1)
    assert len(twice) <= 2000
    assert all(abs(len(guess) - len(word)) <= 1 for guess in once)


@given(LATIN, st.data())
def test_a_slip_can_be_taken_back(word: str, data: st.DataObject) -> None:
    misspelt = data.draw(st.sampled_from(one_slip_away(word, "en")))
    assert word in one_slip_away(misspelt, "en")


@pytest.mark.parametrize("word", ["protein", "московский", "שלוםם"])
def test_what_is_spelt(word: str) -> None:
    assert is_spelt(word)


@pytest.mark.parametrize("word", ["fold", "f00bar", "蛋白质蛋白", "อาหารไทย", "latin\u0430", "", "prot-ein"])
def test_what_is_not(word: str) -> None:
    assert not is_spelt(word)


@given(st.lists(st.text(min_size=1, max_size=8)), st.sampled_from(["", "en", "de", "tr", "ru"]))
def test_stems_are_those_of_each(words: list[str], language: str) -> None:
    assert stems(words, language) == [stem(word, language) for word in words]


def vocabulary(*chunks: str) -> Vocabulary:
    terms = [dict.fromkeys(chunk.split(), 1) for chunk in chunks]
    ids = [UUID(int=number) for number in range(len(chunks))]
    return vocabulary_of(segment_of([Counted(UUID(int=99), ids, terms)]).postings)


def test_frequencies_are_counted_under_the_mask() -> None:
    held = vocabulary("ant bee", "bee cat", "cat bee dog")
    keys = keys_of(["ant", "bee", "cat", "dog", "eel"])
    assert held.frequencies(keys, None).tolist() == [1, 3, 2, 1, 0]
    assert held.frequencies(keys, np.array([False, True, False])).tolist() == [0, 1, 1, 0, 0]


def test_holders_are_the_first_in_the_mask() -> None:
    held = vocabulary("ant bee", "bee cat", "cat bee dog")
    assert held.holders(term_key("bee"), None, 2) == [0, 1]
    assert held.holders(term_key("bee"), np.array([False, True, True]), 5) == [1, 2]
    assert held.holders(term_key("ant"), np.array([False, True, True]), 5) == []
    assert held.holders(term_key("eel"), None, 5) == []


def test_an_empty_segment_has_no_words() -> None:
    held = vocabulary()
    assert held.frequencies(keys_of(["ant"]), None).tolist() == [0]
    assert held.holders(term_key("ant"), None, 5) == []
