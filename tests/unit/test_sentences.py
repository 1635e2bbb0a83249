import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragstone.domain.sentences import Kind, sentences, units


def split(text: str) -> list[str]:
    return [text[unit.start : unit.end] for unit in sentences(text)]


def kinds(text: str) -> list[tuple[str, str]]:
    return [(unit.kind.value, text[unit.start : unit.end]) for unit in units(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It works. It is fast.", ["It works.", "It is fast."]),
        ("Really? Yes! Good…  Done.", ["Really?", "Yes!", "Good…", "Done."]),
        ("Pi is 3.14. It is old.", ["Pi is 3.14.", "It is old."]),
        ("See https://a.example/b.html?c=d. Then go on.", ["See https://a.example/b.html?c=d.", "Then go on."]),
        ("Use a store, e.g. Redis or Memcached. It helps.", ["Use a store, e.g. Redis or Memcached.", "It helps."]),
        ("Dr. Who met Mr. Smith. They spoke.", ["Dr. Who met Mr. Smith.", "They spoke."]),
        ("J. K. Rowling wrote it. It sold.", ["J. K. Rowling wrote it.", "It sold."]),
        ("He joined the U.S. Army. He left.", ["He joined the U.S. Army.", "He left."]),
        ("He came to the U.S. The war was over.", ["He came to the U.S.", "The war was over."]),
        (
            "See fig. 3 and p. 5. The answer is no. Try again.",
            ["See fig. 3 and p. 5.", "The answer is no.", "Try again."],
        ),
        ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
        ("(All of it.) Some more.", ["(All of it.)", "Some more."]),
        ("**Bold.** Plain.", ["**Bold.**", "Plain."]),
        ("Version 1.2.3 is out. try it", ["Version 1.2.3 is out. try it"]),
        ("Yahoo! is a company. So is it.", ["Yahoo! is a company.", "So is it."]),
        ("wrapped\nover lines. Next\none.", ["wrapped\nover lines.", "Next\none."]),
        ("one paragraph\n\nanother paragraph", ["one paragraph", "another paragraph"]),
        ("今天很好。明天呢？好！", ["今天很好。", "明天呢？", "好！"]),
        ("「本当です。」彼は言った。", ["「本当です。」", "彼は言った。"]),
        ("", []),
        (" \n\t\n", []),
        ("...", []),
    ],
)
def test_prose(text: str, expected: list[str]) -> None:
    assert split(text) == expected


def test_headings_and_markup_are_no_sentences() -> None:
    text = (
        "# Title { #title }\n\nSetext\n------\n\nText here.\n\n---\n\n/// note | Aside\n\nInside.\n\n///\n\n"
        "{* ../code.py hl[2] *}\n\n![Alt text](image.png)\n\n<div class='x'>\n\n[ref]: target\n"
    )
    assert split(text) == ["Text here.", "Inside."]
    assert ("heading", "Setext") in kinds(text)
    assert ("markup", "{* ../code.py hl[2] *}") in kinds(text)


def test_list_items_begin_after_their_mark() -> None:
    text = "Steps:\n\n* Read it. Twice.\n* Write\n  it down.\n    * nested one\n1. First. 2. Second.\n10) Tenth"
    assert kinds(text) == [
        ("prose", "Steps:"),
        ("item", "Read it."),
        ("item", "Twice."),
        ("item", "Write\n  it down."),
        ("item", "nested one"),
        ("item", "First."),
        ("item", "2. Second."),
        ("item", "Tenth"),
    ]


def test_table_rows_stay_whole() -> None:
    text = "| Year | Sales. Net |\n|------|-----|\n| 2019 | 1.5 m. Up |\n\nAfter it."
    assert kinds(text) == [
        ("row", "| Year | Sales. Net |"),
        ("markup", "|------|-----|"),
        ("row", "| 2019 | 1.5 m. Up |"),
        ("prose", "After it."),
    ]


def test_code_stays_whole_with_its_fences() -> None:
    code = "```python\nx = 1. Not a sentence. Y\n\n# no heading\n| no | row |\n```"
    assert kinds(f"Before.\n\n{code}\nAfter.") == [("prose", "Before."), ("code", code), ("prose", "After.")]


def test_a_longer_fence_holds_a_shorter_one() -> None:
    code = "````md\n```\ninner\n```\n````"
    assert kinds(f"{code}\n\nAfter.") == [("code", code), ("prose", "After.")]


@pytest.mark.parametrize("rest", ["", "\n```python\nmore\n```\n"])
def test_a_passage_cut_out_of_code_begins_in_code(rest: str) -> None:
    text = f"return x. And y\n```\n\nAfter it. Indeed.\n{rest}"
    assert kinds(text)[:3] == [("code", "return x. And y\n```"), ("prose", "After it."), ("prose", "Indeed.")]


def test_unclosed_code_runs_to_the_end() -> None:
    assert kinds("Text.\n```\ncode. More") == [("prose", "Text."), ("code", "```\ncode. More")]


MARKDOWN = st.text(alphabet=st.sampled_from(list("aB1 .!?\n#*-|`>()[]{}/:=。「」é_~<&")), max_size=200)


@given(st.one_of(MARKDOWN, st.text(max_size=100)))
def test_units_lie_in_order_and_lose_no_word(text: str) -> None:
    found = units(text)
    position = 0
    for unit in found:
        assert position <= unit.start < unit.end <= len(text)
        assert text[unit.start : unit.end] == text[unit.start : unit.end].strip()
        position = unit.end
    inside = sum(character.isalpha() for unit in found for character in text[unit.start : unit.end])
    assert inside == sum(character.isalpha() for character in text)


HOSTILE = {
    "stops": ".",
    "spaced stops": ". ",
    "closers": '.")',
    "fences": "```\n",
    "pipes": "|\n",
    "items": "* ",
    "numbers": "1. ",
    "quotes": "> ",
    "angles": "<",
    "tags": "<a",
    "brackets": "[x",
    "initials": "A.",
    "abbreviations": "Dr. A ",
    "rules": "-- ",
    "underlines": "=\n",
    "spaces": " ",
    "ticks": "`",
    "hashes": "#",
    "wide stops": "。",
    "letters": "a",
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
def test_time_is_linear(piece: str) -> None:
    def seconds(length: int) -> float:
        text = piece * (length // len(piece)) + "\nEnd."
        began = time.process_time()
        units(text)
        return time.process_time() - began

    small = min(seconds(20_000) for _ in range(3))
    assert min(seconds(160_000) for _ in range(3)) < max(0.2, 30 * small)


def test_kinds_that_say_something() -> None:
    text = "# H\n\nP.\n\n* I\n\n| R |\n\n```\nC\n```"
    assert {unit.kind for unit in sentences(text)} == {Kind.PROSE, Kind.ITEM, Kind.ROW, Kind.CODE}
