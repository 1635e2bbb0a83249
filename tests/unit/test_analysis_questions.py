"""What a question asks of the index."""

import pytest

from ragstone.retrieve.analysis import QuestionTerms, holds_phrase, question_terms, terms
from ragstone.retrieve.analysis.questions import further_terms


def asked(question: str, *languages: str) -> dict[tuple[str, ...], float]:
    found = question_terms(question, languages or ("en",))
    assert len(found.groups) == len(found.weights)
    return dict(zip(found.groups, found.weights, strict=True))


def test_function_words_are_left_out() -> None:
    assert asked("What is the capital of France?") == {("capit",): 1.0, ("franc",): 1.0}


@pytest.mark.parametrize("question", ["The Who", "to be or not to be", "what is it?"])
def test_a_question_of_nothing_else_asks_for_them(question: str) -> None:
    assert {term for group in asked(question) for term in group} == set(terms(question))


def test_function_words_in_capitals_are_names() -> None:
    assert ("who",) in asked("What does the WHO recommend?")
    assert ("who",) not in asked("who recommends it?")
    assert ("who",) not in asked("WHO RECOMMENDS SLEEP?")


def test_function_words_are_those_of_the_question_s_language() -> None:
    assert ("die",) not in asked("Wann wurde die Stadt gegründet?", "de", "en")
    assert ("die",) in asked("When did Mozart die?", "en", "de")


def test_a_word_said_twice_weighs_twice() -> None:
    assert asked("pool, pools and lakes") == {("pool",): 2.0, ("lake",): 1.0}


def test_a_word_is_tried_by_each_language_in_scope() -> None:
    english, dutch = terms("connections", "en")[0], terms("connections", "nl")[0]

    assert english != dutch
    assert asked("connections", "en", "nl") == {(english, dutch): 1.0}


def test_few_languages_are_tried() -> None:
    many = ("en", "de", "fr", "es", "it", "nl", "fi", "hu")

    assert max(map(len, asked("nationalisations", *many))) <= 4


def test_the_question_s_own_language_is_tried_wherever_it_stands() -> None:
    question = "Wie hoch sind die Versicherungen?"
    own = terms("Versicherungen", "de")[0]

    assert any(own in group for group in asked(question, "en", "fr", "es", "it", "nl", "de"))


def test_further_languages_add_terms_to_the_words_that_are_sought() -> None:
    question = "Häuser canciones Häuser"
    houses, songs = question_terms(question, ["en"]).groups

    found = further_terms(question, ["en"], ["en", "de", "es", "nl"], {houses})

    assert set(terms("Häuser", "de")) <= set(found[houses])
    assert songs not in found
    assert not set(houses).intersection(found[houses])
    assert len(set(found[houses])) == len(found[houses])


def test_further_languages_know_a_compound_s_pieces_and_whole() -> None:
    question = "RUNNING-HOUSES"
    groups = question_terms(question, ["de"]).groups

    found = further_terms(question, ["de"], ["en"], set(groups))

    known = {term for group in groups for term in (*group, *found.get(group, ()))}
    assert known == {*terms("running-houses", "de"), *terms("running-houses", "en")}
    assert found


@pytest.mark.parametrize("further", [[], ["en"]])
def test_languages_that_are_tried_already_add_nothing(further: list[str]) -> None:
    groups = question_terms("running houses", ["en"]).groups

    assert further_terms("running houses", ["en"], further, set(groups)) == {}


def test_no_language_in_scope_leaves_words_as_they_are() -> None:
    assert asked("running", "") == {("running",): 1.0}


def test_the_pieces_of_a_compound_do_not_drown_it() -> None:
    weights = asked("System.Management.Automation.InvocationInfo")

    whole = weights.pop(("system.management.automation.invocationinfo",))
    assert whole == 1.0
    assert sum(weights.values()) <= 1.0 + 1e-9


def test_a_compound_that_the_text_writes_otherwise_is_found() -> None:
    (whole,) = [group for group, weight in asked("x_api_key").items() if weight == 1.0]

    assert whole[0] in terms("Send the X-Api-Key header")


def test_every_group_of_a_question_is_in_a_text_of_the_same_words() -> None:
    question = "Does asyncpg.Pool in v3.11.4 honour --no-deps, ERR_42 and e-mail@example.com on 2024-05-06 in C++?"
    held = set(terms(question, "en"))

    assert all(held.intersection(group) for group in question_terms(question, ["en", "de"]).groups)


def test_nothing_is_asked_by_nothing() -> None:
    assert question_terms("", []) == QuestionTerms((), (), ())
    assert question_terms("?!", ["en"]).groups == ()


@pytest.mark.parametrize(
    "quoted", ['"connection pools"', "“connection pools”", "«connection pools»", "„connection pools“"]
)
def test_a_quoted_phrase_is_kept_in_order(quoted: str) -> None:
    (phrase,) = question_terms(f"what are {quoted} for", ["en"]).phrases

    assert holds_phrase("A connection pool is kept.", phrase, "en")
    assert not holds_phrase("A pool of connections is kept.", phrase, "en")
    assert not holds_phrase("A connection; the pools.", phrase, "en")


def test_one_quoted_word_is_no_phrase() -> None:
    assert question_terms('what is a "pool"', ["en"]).phrases == ()


def test_a_phrase_of_function_words_is_asked_for() -> None:
    found = question_terms('who said "to be or not to be"', ["en"])

    assert ("be",) in found.groups
    assert holds_phrase("Hamlet: To be, or not to be.", found.phrases[0], "en")


def test_a_phrase_is_held_by_identifiers_and_by_chinese() -> None:
    (header,) = question_terms('the "X-Api-Key header"', ["en"]).phrases
    (town,) = question_terms("“首都北京” 在哪里", ["zh"]).phrases

    assert holds_phrase("Send an X-Api-Key header.", header, "en")
    assert holds_phrase("中国首都北京很大", town, "zh")
    assert not holds_phrase("中国的首都是北京", town, "zh")


def test_a_phrase_ends_where_its_words_end() -> None:
    assert not holds_phrase("data basement", ["data", "base"], "")
