"""The readers that need no kreuzberg: JSON, slides, and the lines of printed pages."""

import json
from collections import Counter
from collections.abc import Sequence

import pytest

from ragstone.adapters.parsers.kreuzberg.json_text import json_to_text, ndjson_to_text
from ragstone.adapters.parsers.kreuzberg.media_types import ODT
from ragstone.adapters.parsers.kreuzberg.office.enclosures import Enclosures
from ragstone.adapters.parsers.kreuzberg.office.repairs import repaired, restored
from ragstone.adapters.parsers.kreuzberg.office.slides import read_slides
from ragstone.adapters.parsers.kreuzberg.pdf.drawn_lines import find_tables, looks_tabular, paragraphs, reads_as_table
from ragstone.adapters.parsers.kreuzberg.pdf.page_edges import EdgeLine, PageEdges
from ragstone.adapters.parsers.kreuzberg.pdf.running_lines import RunningLines
from ragstone.adapters.parsers.kreuzberg.tables import markdown_table
from ragstone.domain.documents import ParsedDocument
from ragstone.domain.errors import ParseFailed
from ragstone.testing.made_files import Element, Heading, Paragraph, Table, slides, zipped

TABLE = [["port", "ships"], ["Riga", "97"], ["Cádiz", "3"]]
MARKDOWN = "| port | ships |\n| --- | --- |\n| Riga | 97 |\n| Cádiz | 3 |"


class TestJson:
    def test_values_become_lines_with_their_path(self) -> None:
        value = {"a": {"b": 1.10, "c": [1, "two", None]}, "d": True, "e": {}, "f": [{"g": 1}, [2]]}
        text, structured = json_to_text(json.dumps(value).replace("1.1,", "1.10,"))
        assert (text, structured) == ("a.b: 1.10\na.c: 1, two, \nd: true\ne: {}\nf[1].g: 1\nf[2]: 2", False)

    def test_records_that_are_alike_become_a_table_where_they_stand(self) -> None:
        value = {"# name": "x", "rows": [{"k": 1, "v": {"w": "a|b"}}, {"k": 2, "v": {"w": "c\nd"}}], "end": 1}
        text, structured = json_to_text(json.dumps(value))
        assert structured
        assert text == "\\# name: x\nrows:\n\n| k | v.w |\n| --- | --- |\n| 1 | a\\|b |\n| 2 | c d |\n\nend: 1"

    def test_records_that_differ_become_groups_of_lines(self) -> None:
        text, structured = json_to_text('[{"a": 1, "b": [{"c": 2}]}, {"d": 3}]')
        assert (text, structured) == ("a: 1\nb:\n\n| c |\n| --- |\n| 2 |\n\nd: 3", True)

    @pytest.mark.parametrize("text", ["{'a': 1}", "", "[" * 100_000, "words", '{"a": 1'])
    def test_what_is_no_json_stays_as_it_is(self, text: str) -> None:
        assert json_to_text(text) == (text, False)

    def test_ndjson_by_the_name_of_json_is_read(self) -> None:
        assert json_to_text('{"a": 1}\n{"a": 2}\n') == ("| a |\n| --- |\n| 1 |\n| 2 |", True)

    def test_broken_lines_stay_in_their_place(self) -> None:
        text, _ = ndjson_to_text('{"a": 1}\n{"a": 2}\n{"a": \n\n{"a": 3}\n')
        assert text == '| a |\n| --- |\n| 1 |\n| 2 |\n\n{"a":\n\n| a |\n| --- |\n| 3 |'

    def test_mostly_broken_lines_are_plain_text(self) -> None:
        assert ndjson_to_text("one\ntwo\n3\n") == ("one\ntwo\n3\n", False)

    def test_halves_of_surrogate_pairs_are_replaced(self) -> None:
        assert json_to_text(r'{"a": "\ud800"}')[0] == "a: \ufffd"


class TestSlides:
    def test_a_slide_is_a_page_and_its_footer_goes(self) -> None:
        pages: list[list[Element]] = [
            [Heading("A & B"), Paragraph("x < y"), Table(TABLE)],
            [Paragraph("# two")],
            [Heading("Three")],
        ]
        parsed = read_slides(slides(pages, footer="ACME", notes="Say <hello>."))
        texts = [parsed.content[page.start : page.end] for page in parsed.pages]
        assert texts[0] == f"## A & B\n\nx < y\n\n{MARKDOWN}\n\nNotes: Say <hello>."
        assert texts[1:] == ["\\# two\n\nNotes: Say <hello>.", "## Three\n\nNotes: Say <hello>."]
        assert [page.page for page in parsed.pages] == [1, 2, 3]

    def test_a_slide_that_says_nothing_has_no_page_and_the_next_keeps_its_number(self) -> None:
        parsed = read_slides(slides([[Heading("One")], [], [Heading("Three")]]))
        assert [page.page for page in parsed.pages] == [1, 3]

    def test_slides_of_a_damaged_show_come_by_their_number(self) -> None:
        name = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
        slide = "<p:sld {}><p:spTree><p:sp><a:p><a:t>{}</a:t></a:p></p:sp></p:spTree></p:sld>"
        members = {f"ppt/slides/slide{n}.xml": slide.format(name, n) for n in (10, 2)}
        parsed = read_slides(zipped({"ppt/presentation.xml": "<broken"} | members | {"ppt/slides/slide3.xml": "<no"}))
        assert parsed.content == "2\n\n10"

    def test_pictures_are_read_by_whoever_can(self) -> None:
        names = (
            'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
            'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
            'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
        )
        picture = '<p:pic><p:cNvPr descr="{}"/><a:blip r:embed="{}"/></p:pic>'
        shapes = picture.format("A crane at work", "r1") + picture.format("image2.png", "r2")
        package = "http://schemas.openxmlformats.org/package/2006/relationships"
        links = "".join(f'<Relationship Id="r{n}" Type="x/image" Target="../media/{n}.png"/>' for n in (1, 2))
        data = zipped(
            {
                "ppt/presentation.xml": "<x/>",
                "ppt/slides/slide1.xml": f"<p:sld {names}><p:spTree>{shapes}</p:spTree></p:sld>",
                "ppt/slides/_rels/slide1.xml.rels": f'<Relationships xmlns="{package}">{links}</Relationships>',
                "ppt/media/1.png": b"one",
                "ppt/media/2.png": b"two",
            }
        )

        def read_picture(content: bytes, name: str) -> ParsedDocument:
            if content == b"two":
                raise ParseFailed("no_text", "Nothing.", remedy="")
            return ParsedDocument(f"{content.decode()} in {name}", "image/png")

        assert read_slides(data).content == "A crane at work"
        assert read_slides(data, Enclosures(read_picture)).content == "A crane at work\n\none in ppt/media/1.png"

    @pytest.mark.parametrize(
        ("members", "code"),
        [({"ppt/presentation.xml": b"<x/>"}, "no_text"), ({"ppt/presentation.xml": b"<x"}, "damaged"), ({}, "damaged")],
    )
    def test_a_show_without_slides_is_sound_where_it_says_so(self, members: dict[str, str | bytes], code: str) -> None:
        with pytest.raises(ParseFailed) as caught:
            read_slides(zipped(members))
        assert caught.value.failure_code == code


def running(pages: Sequence[Sequence[str]], margins: Sequence[PageEdges] = ()) -> list[list[str]]:
    """The lines that are left of each page, with those that are kept where they are first."""
    numbered = dict(enumerate(pages, 1))
    found = RunningLines(numbered, dict(enumerate(margins, 1)))
    return [
        [*(line.text for line in found.kept(page)), *(line for line in lines if not found.covers(page, line))]
        for page, lines in numbered.items()
    ]


def margins(top: Sequence[str] = (), bottom: Sequence[str] = (), *, height: float = 10.0) -> PageEdges:
    """The edges of a page of text that is ten points high."""
    lines = [EdgeLine(line, line in top, height) for line in (*top, *bottom)]
    return PageEdges(lines, Counter({10.0: 2000, height: 10}))


class TestRunningLines:
    def test_headers_footers_and_page_numbers_go_but_where_they_are_first(self) -> None:
        pages = [
            ["ACME  report", f"Text {word}.", f"More {word}.", f"Page {n} of 9", "Confidential"]
            for n, word in enumerate("vwxyz", 4)
        ]
        edges = [margins([lines[0]], lines[-2:]) for lines in pages]
        left = [[f"Text {word}.", f"More {word}."] for word in "vwxyz"]
        assert running(pages, edges) == [["ACME report", "Confidential", *left[0]], *left[1:]]

    def test_headers_that_name_the_chapter_beside_the_page_go(self) -> None:
        pages = [[f"{n} Chapter {'AB'[n > 3]}", f"Text of page {'abcdef'[n]}."] for n in range(1, 6)]
        edges = [margins([lines[0].replace(" ", "\t", 1)]) for lines in pages]
        kept = {1: ["1 Chapter A"], 4: ["4 Chapter B"]}
        assert running(pages, edges) == [[*kept.get(n, ()), f"Text of page {'abcdef'[n]}."] for n in range(1, 6)]

    def test_a_header_that_the_text_says_too_goes_everywhere(self) -> None:
        pages = [["Harbour dues 1", "1 Harbour dues", "a"], ["Harbour dues 2", "b"], ["Harbour dues 3", "c"]]
        edges = [margins([f"Harbour dues\t{n}"]) for n in (1, 2, 3)]
        assert running(pages, edges) == [["1 Harbour dues", "a"], ["b"], ["c"]]

    def test_what_is_not_in_the_margins_stays(self) -> None:
        pages = [["This is to certify that", name, "has attended.", "Signed"] for name in ("Ann", "Bob", "Cid", "Dan")]
        assert running(pages, [margins() for _ in pages]) == pages

    @pytest.mark.parametrize("heading", ["Certificate", "Chapter {}", "{}. Part", "{}"])
    def test_headings_stay_by_their_height(self, heading: str) -> None:
        pages = [[heading.format(n), f"Text {word}."] for n, word in enumerate("vwxyz", 1)]
        assert running(pages, [margins([lines[0]], height=14) for lines in pages]) == pages

    @pytest.mark.parametrize("heading", ["Chapter {}", "{} Part", "Invoice no {}17", "§ {}", "{}. Part"])
    def test_headings_that_count_are_no_page_numbers(self, heading: str) -> None:
        pages = [[heading.format(n), f"Text {word}."] for n, word in enumerate("vwxyz", 1)]
        assert running(pages, [margins([lines[0]]) for lines in pages]) == pages

    @pytest.mark.parametrize("header", ["ACME | {}", "ACME\t{}", "{}\tACME", "ACME Page {} of 5", "ACME - Page {}"])
    def test_numbers_apart_are_page_numbers_at_the_top(self, header: str) -> None:
        shown = [header.format(n) for n in range(1, 6)]
        pages = [[line.replace("\t", " "), f"Text {word}."] for line, word in zip(shown, "vwxyz", strict=True)]
        left = [lines[1:] for lines in pages]
        assert running(pages, [margins([line]) for line in shown]) == [[pages[0][0], *left[0]], *left[1:]]

    def test_a_footer_goes_as_one_line_or_as_two(self) -> None:
        pages = [["Text v.", "ACME", "1"], ["Text w.", "ACME 2"], ["Text x.", "ACME 3"], ["Text y.", "ACME 4"]]
        edges = [margins(bottom=["ACME", "1"]), *(margins(bottom=[f"ACME\t{n}"]) for n in (2, 3, 4))]
        assert running(pages, edges) == [["ACME", "Text v."], ["Text w."], ["Text x."], ["Text y."]]
        assert RunningLines(dict(enumerate(pages, 1)), dict(enumerate(edges, 1))).covers(1, "ACME1")

    def test_the_header_of_a_table_that_goes_on_stays(self) -> None:
        pages = [["ACME", "Port Ships Tons", f"Riga {n}7 1{n}", f"Genoa {n}1 8{n}", "text"] for n in range(6)]
        left = running(pages, [margins(lines[:2]) for lines in pages])
        assert [lines[:2] for lines in left] == [
            ["ACME", "Port Ships Tons"],
            *([lines[1], lines[2]] for lines in pages[1:]),
        ]

    def test_where_nothing_is_known_of_the_page_the_outermost_lines_may_run(self) -> None:
        pages = [
            ["ACME", f"{n}", f"b{word}", "Middle", f"{word}", f"c{word}", f"d{word}", f"Page {n}"]
            for n, word in enumerate("vwxyz", 1)
        ]
        assert running(pages) == [[*(["ACME"] if n == 0 else []), *lines[2:7]] for n, lines in enumerate(pages)]

    def test_pages_of_few_lines_of_which_nothing_is_known_stay(self) -> None:
        pages = [["Form A", f"Name {word}", "Signed"] for word in "vwxyz"]
        assert running(pages) == pages

    def test_what_stands_on_few_pages_or_in_the_middle_stays(self) -> None:
        pages = [[f"{word} one", "a", "Middle", "b", f"end {word}"] for word in "vwxyz"]
        pages[0][0] = pages[1][0] = "Twice"
        assert running(pages, [margins(lines[:2], lines[-2:]) for lines in pages]) == [
            [*(["a", "b"] if n == 0 else []), *(line for line in lines if line not in "ab")]
            for n, lines in enumerate(pages)
        ]

    def test_numbers_that_do_not_count_with_the_pages_are_text(self) -> None:
        pages = [[f"Invoice {number}", f"Sum {number * 3}"] for number in (17, 4, 923, 55)]
        assert running(pages, [margins(bottom=lines) for lines in pages]) == pages

    def test_a_form_that_is_the_same_on_every_page_stays(self) -> None:
        pages = [["Form A", "Name", f"Page {n}"] for n in range(1, 9)]
        assert running(pages, [margins(bottom=lines) for lines in pages]) == pages

    def test_two_pages_are_too_few_but_for_their_numbers(self) -> None:
        pages = [["Same", "one", "1"], ["Same", "two", "2"]]
        assert running(pages, [margins(lines[:1], lines[2:]) for lines in pages]) == [["Same", "one"], ["Same", "two"]]


class TestDrawnLines:
    def test_rows_of_single_words_with_numbers_are_a_table(self) -> None:
        lines = ["Some words before.", "Port Ships Tons", "Genoa 1,204 88", "Rio Grande 97 12.5", "After the table."]
        assert list(find_tables(lines)) == [
            (1, [["Port", "Ships", "Tons"], ["Genoa", "1,204", "88"], ["Rio Grande", "97", "12.5"]])
        ]

    @pytest.mark.parametrize(
        "lines",
        [
            ["one two three", "four five six", "seven eight nine"],
            ["Order: 12", "Sum: 14", "Date: 3"],
            ["a 1", "b 2"],
            ["1 2", "3 4", "5 6"],
            [],
        ],
    )
    def test_other_lines_are_none(self, lines: list[str]) -> None:
        assert list(find_tables(lines)) == []

    def test_prose_and_contents_that_were_cut_into_columns_are_no_table(self) -> None:
        assert reads_as_table([["Code", "Site", "Left"], ["A-1", "North hall", "12"], ["", "Yard", ""]])
        assert not reads_as_table([["Text of Quarter", "the first", "Ships"], ["This is", "text after", "it."]])
        assert not reads_as_table([["1 Topology", ". . .", "2"], ["2 Manifolds", ". . . .", "14"]])
        assert not reads_as_table([["", ""], ["", ""]])

    def test_long_lines_go_on_and_short_ones_end_a_paragraph(self) -> None:
        lines = ["A line that is quite long and goes", "on to the next one, where it ends.", "Heading", "Then more."]
        assert list(paragraphs(lines)) == ["\n".join(lines[:2]), "Heading", "Then more."]

    def test_lines_of_words_and_numbers_look_like_rows(self) -> None:
        assert looks_tabular(["Item Price each", "Pen 2 3.50", "Ink 1 7.00"])
        assert not looks_tabular(["In 1999 there was", "a harbour with some 20 ships that", "sailed each day."])


class TestTables:
    def test_empty_rows_and_empty_columns_at_the_edges_go(self) -> None:
        rows = [["", "", ""], ["", "k", "", "v", ""], [""], ["", "a", "", "1"]]
        assert markdown_table(rows) == "| k |  | v |\n| --- | --- | --- |\n| a |  | 1 |"
        assert markdown_table([["", " "], []]) == ""


class TestRepairs:
    def test_breaks_become_lines_but_not_in_headings_and_tables(self) -> None:
        text = "a\U0010ff05b \U0010ff00\n\n# h\U0010ff05i\n\n| c\U0010ff05d |"
        assert restored(text) == "a\nb &\n\n# h i\n\n| c d |"

    def test_what_is_no_zip_stays(self) -> None:
        assert repaired(b"PK no zip", ODT) == b"PK no zip"
