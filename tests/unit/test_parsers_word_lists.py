"""The labels of Word's lists, counted by the rules that the file has for them."""

from xml.etree.ElementTree import fromstring

import pytest

from ragstone.adapters.parsers.kreuzberg.office.word_lists import Place, WordLists, word_lists

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def level(depth: int, kind: str, text: str, more: str = "") -> str:
    return f'<w:lvl w:ilvl="{depth}"><w:numFmt w:val="{kind}"/><w:lvlText w:val="{text}"/>{more}</w:lvl>'


_NUMBERING = (
    f'<w:numbering {_W}><w:abstractNum w:abstractNumId="0">{level(0, "bullet", "o")}</w:abstractNum>'
    f'<w:abstractNum w:abstractNumId="1">{level(0, "decimal", "%1.")}{level(1, "lowerLetter", "(%2)")}</w:abstractNum>'
    f'<w:abstractNum w:abstractNumId="2">{level(0, "decimal", "%1", "<w:pStyle w:val=&quot;Heading1&quot;/>")}'
    f"{level(1, 'upperRoman', '%1.%2', '<w:pStyle w:val=&quot;Heading2&quot;/>')}</w:abstractNum>"
    '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>'
    '<w:num w:numId="3"><w:abstractNumId w:val="2"/></w:num><w:num w:numId="4"><w:abstractNumId w:val="1"/>'
    '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/></w:lvlOverride></w:num></w:numbering>'
).replace("&quot;", '"')
_STYLES = f"<w:styles {_W}>" + "".join(
    f'<w:style w:styleId="{name}">{more}<w:pPr>{numbered}</w:pPr></w:style>'
    for name, more, numbered in (
        ("ListBullet", "", '<w:numPr><w:numId w:val="1"/></w:numPr>'),
        ("ListNumber", "", '<w:numPr><w:numId w:val="2"/></w:numPr>'),
        ("Steps", '<w:basedOn w:val="ListNumber"/>', ""),
        ("Heading1", "", '<w:numPr><w:numId w:val="3"/></w:numPr>'),
        ("Heading2", "", '<w:numPr><w:numId w:val="3"/></w:numPr>'),
        ("Circle", '<w:basedOn w:val="Circle"/>', ""),
    )
)
_STYLES += "</w:styles>"


def style(name: str) -> str:
    return f'<w:pStyle w:val="{name}"/>'


def listed(number: int, depth: int = 0) -> str:
    return f'<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="{number}"/></w:numPr>'


def lists(numbering: str = _NUMBERING) -> WordLists:
    return word_lists(fromstring(numbering) if numbering else None, fromstring(_STYLES))


def marks(*properties: str) -> list[str | Place | None]:
    counted = lists()
    return [counted.mark(fromstring(f"<w:pPr {_W}>{each}</w:pPr>")) for each in properties]


@pytest.mark.parametrize(
    ("properties", "labels"),
    [
        (
            [listed(2), listed(2), listed(2, 1), listed(2, 1), listed(2), listed(2, 1)],
            ["1.", "2.", "(a)", "(b)", "3.", "(a)"],
        ),
        ([style("ListNumber"), "", style("Steps"), style("Circle")], ["1.", None, "2.", None]),
        ([style("Heading1"), style("Heading2"), style("Heading2"), style("Heading1")], ["1", "1.I", "1.II", "2"]),
        ([listed(2), listed(4), listed(4), listed(2)], ["1.", "7.", "8.", "2."]),
        ([style("ListNumber") + listed(0), style("ListNumber")], [None, "1."]),
        ([listed(9), listed(2, 5), "<w:numPr/>"], [None, None, None]),
    ],
)
def test_labels_are_counted_as_word_counts_them(properties: list[str], labels: list[str | None]) -> None:
    assert marks(*properties) == labels


def test_a_paragraph_with_a_bullet_of_its_own_or_its_style_is_at_its_place() -> None:
    assert marks(style("ListBullet"), listed(1)) == [Place("1", 0), Place("1", 0)]


def test_what_a_paragraph_was_before_a_change_does_not_count() -> None:
    change = f"<w:pPrChange><w:pPr>{listed(2)}</w:pPr></w:pPrChange>"
    assert marks(change, style("ListNumber") + change) == [None, "1."]


@pytest.mark.parametrize("numbering", ["", f'<w:numbering {_W}><w:num w:numId="2"/></w:numbering>'])
def test_a_document_without_rules_has_no_labels(numbering: str) -> None:
    properties = fromstring(f"<w:pPr {_W}>{listed(2)}</w:pPr>")
    assert lists(numbering).mark(properties) is None
    assert lists().mark(None) is None
