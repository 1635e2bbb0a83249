"""RTF whose letters are of the encodings of its fonts, and what stands in shapes, read as its program shows it."""

import time

import pytest

from ragstone.adapters.parsers.kreuzberg.extraction import extract

FONTS = (
    "{\\fonttbl{\\f0\\fcharset0 Arial;}{\\f1\\fcharset204 Arial CYR;}{\\f2\\fcharset238 Arial CE;}"
    "{\\f3\\fcharset128 Gothic;}{\\f4\\fcharset161 Arial Greek;}{\\f5\\fcharset2 Symbol;}}"
)


def coded(text: str, encoding: str) -> str:
    return "".join(f"\\'{byte:02x}" for byte in text.encode(encoding))


def content(body: str, start: str = "\\ansi\\ansicpg1252\\deff0") -> str:
    return extract(f"{{\\rtf1{start}{FONTS}{body}}}".encode("latin-1"), "application/rtf").content.strip()


@pytest.mark.parametrize(
    ("font", "encoding", "text"),
    [(0, "cp1252", "café"), (1, "cp1251", "Привет, мир"), (2, "cp1250", "Zażółć gęślą"), (4, "cp1253", "Αθήνα")],
)
def test_letters_are_of_the_encoding_of_their_font(font: int, encoding: str, text: str) -> None:
    assert content(f"\\f0 One \\f{font} {coded(text, encoding)}\\f0  two\\par") == f"One {text} two"


def test_a_font_holds_to_the_end_of_its_group() -> None:
    assert content(f"{{\\f1 {coded('да', 'cp1251')}}} {coded('é', 'cp1252')}\\par") == "да é"


def test_the_second_byte_of_a_letter_may_stand_for_itself() -> None:
    assert content("\\f3 \\'83A\\'83\\'43\\'93\\'fa end\\par") == "アイ日 end"


@pytest.mark.parametrize(
    ("start", "encoding"),
    [("\\mac\\deff9", "mac_roman"), ("\\pca\\deff9", "cp850"), ("\\ansi\\ansicpg1250\\deff9", "cp1250")],
)
def test_a_document_has_an_encoding_of_its_own(start: str, encoding: str) -> None:
    assert content(f"caf{coded('é', encoding)} {coded('Ä', encoding)}\\par", start) == "café Ä"


def test_bytes_that_are_not_written_as_codes_are_letters_too() -> None:
    assert content("\\f1 " + "мир".encode("cp1251").decode("latin-1") + "\\par") == "мир"


@pytest.mark.parametrize(
    "written",
    ["\\u8364?x", "\\uc0\\u8364\\uc1 x", "\\uc2\\u8364\\'80\\'80x", "\\uc3\\u8364ab\\'80x", "{\\uc0\\u8364}x"],
)
def test_unicode_letters_stay_and_what_stands_for_them_goes(written: str) -> None:
    assert content(f"10 {written}\\par") == "10 €x"


def test_a_letter_in_two_halves_is_one() -> None:
    assert content("\\u-10179?\\u-8704? ok\\par") == "😀 ok"


def test_a_word_in_several_groups_is_one() -> None:
    assert content("a{b}c{\\f1 " + coded("д", "cp1251") + "}\\f0 e {f}, {g}\\{h\\par") == "abcдe f, g{h"
    assert content("{\\b bold}er {words}\\par next{ }line\\par") == "**bold**er words\n\nnext line"


def test_spaces_and_hyphens_that_do_not_break_are_such() -> None:
    assert content("\\uc2 10\\~EUR, x\\_ray, co\\-op\\par") == "10 EUR, x-ray, coop"


@pytest.mark.parametrize("end", ["\\sect", "\\page", "\\column"])
def test_sections_and_pages_end_a_paragraph(end: str) -> None:
    assert content(f"above{end} below\\par") == "above\n\nbelow"


@pytest.mark.parametrize(
    "shape",
    [
        "{\\shp{\\*\\shpinst{\\sp{\\sn a}{\\sv 1}}{\\shptxt In a shape\\par}}}",
        "{\\*\\do{\\dptxbxtext In a shape\\par}}",
    ],
)
def test_the_text_of_shapes_stands_below(shape: str) -> None:
    assert content(f"Before{shape} after\\par Last\\par") == "Before after\n\nIn a shape\n\nLast"
    assert content(f"Before{shape} after") == "Before after\n\nIn a shape"


def test_headers_are_paragraphs_and_titles_are_none() -> None:
    written = f"{{\\rtf1\\ansi{FONTS}{{\\info{{\\title On Ships}}}}{{\\header Harbour}}Words\\par}}".encode()
    parsed = extract(written, "application/rtf")
    assert parsed.content.strip() == "Harbour\n\nWords"
    assert parsed.title == "On Ships"


def test_pictures_are_no_words() -> None:
    assert content("a{\\*\\shppict{\\pict\\pngblip 8950{\\*\\blipuid 00}4e47}}b{\\pict\\bin3 }}\\c}c\\par") == "abc"


def test_tables_stay() -> None:
    row = "\\trowd\\cellx1\\cellx2 {}\\cell {}\\cell\\row "
    table = row.format("A", "B") + row.format(f"\\f2 {coded('ł', 'cp1250')}", "2")
    assert content(table) == "| A | B |\n| --- | --- |\n| ł | 2 |"


@pytest.mark.parametrize(
    "body", ["{\\b open", "a}b", "\\", "\\'", "\\'4", "\\f3 \\'83", "\\u", "\\bin99999 x", "\\fcharset204"]
)
def test_what_is_broken_is_read_as_far_as_it_goes(body: str) -> None:
    assert content(f"words {body}").startswith("words")


def test_a_large_picture_takes_no_time() -> None:
    begun = time.monotonic()
    assert content("a{\\pict " + f"{'89504e47' * 16}\n" * 60_000 + "}b\\par") == "ab"
    assert time.monotonic() - begun < 5
