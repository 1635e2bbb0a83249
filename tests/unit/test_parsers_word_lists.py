"""The labels of Word's lists, counted by the rules that the file has for them."""

import io
import re
import zipfile

import pytest

from ragstone.adapters.parsers.kreuzberg.office.word_lists import word_lists
from ragstone.testing.made_files import zipped

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


def labelled(*properties: str) -> str:
    document = "".join(f"<w:p><w:pPr>{each}</w:pPr><w:r><w:t>x</w:t></w:r></w:p>" for each in properties)
    parts = {"word/numbering.xml": _NUMBERING, "word/styles.xml": _STYLES}
    with zipfile.ZipFile(io.BytesIO(zipped(parts))) as archive:
        return word_lists(archive).labelled(document)


@pytest.mark.parametrize(
    ("properties", "texts"),
    [
        (
            [listed(2), listed(2), listed(2, 1), listed(2, 1), listed(2), listed(2, 1)],
            "1. x 2. x (a) x (b) x 3. x (a) x",
        ),
        ([style("ListNumber"), "", style("Steps"), style("Circle")], "1. x x 2. x x"),
        ([style("Heading1"), style("Heading2"), style("Heading2"), style("Heading1")], "1 x 1.I x 1.II x 2 x"),
        ([listed(2), listed(4), listed(4), listed(2)], "1. x 7. x 8. x 2. x"),
        ([style("ListNumber") + listed(0), style("ListNumber")], "x 1. x"),
        ([listed(9), listed(2, 5), "<w:numPr/>"], "x x x"),
    ],
)
def test_labels_are_counted_as_word_counts_them(properties: list[str], texts: str) -> None:
    paragraphs = labelled(*properties).split("</w:p>")[:-1]
    assert " ".join("".join(re.findall(r"<w:t[^>]*>([^<]*)", paragraph)) for paragraph in paragraphs) == texts


def test_a_paragraph_that_is_in_a_list_of_bullets_by_its_style_says_so_itself() -> None:
    assert labelled(style("ListBullet")) == labelled(style("ListBullet") + listed(1))
    assert labelled(listed(1)).count("<w:t") == 1


def test_what_a_paragraph_was_before_a_change_does_not_count() -> None:
    change = f"<w:pPrChange><w:pPr>{listed(2)}</w:pPr></w:pPrChange>"
    assert labelled(change).count("<w:t") == 1
    assert labelled(style("ListNumber") + change).endswith(
        f'{change}</w:pPr><w:r><w:t xml:space="preserve">1. </w:t></w:r><w:r><w:t>x</w:t></w:r></w:p>'
    )


@pytest.mark.parametrize("numbering", ["", "<broken", f'<w:numbering {_W}><w:num w:numId="2"/></w:numbering>'])
def test_a_document_without_rules_stays_as_it_is(numbering: str) -> None:
    document = f"<w:p><w:pPr>{listed(2)}</w:pPr></w:p>"
    with zipfile.ZipFile(io.BytesIO(zipped({"word/numbering.xml": numbering}))) as archive:
        assert word_lists(archive).labelled(document) == document
