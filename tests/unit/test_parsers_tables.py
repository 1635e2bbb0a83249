"""Separated values: which mark separates, what a quote means, where a table begins, and how much memory it takes."""

import csv
import io
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragstone.adapters.parsers.kreuzberg import text_pieces as text_pieces_module
from ragstone.adapters.parsers.kreuzberg.decoding import decode
from ragstone.adapters.parsers.kreuzberg.separated import find_delimiter, rows
from ragstone.adapters.parsers.kreuzberg.tables import csv_to_markdown
from ragstone.adapters.parsers.kreuzberg.text_pieces import text_pieces

CELLS = st.text(alphabet='ab 1,5;|"é😀\t', max_size=8)
WORDS = st.text(alphabet='ab \n"é', max_size=8)


def read(text: str, delimiter: str | None = None) -> list[list[str]]:
    return list(rows(text.split("\n"), delimiter=delimiter))


def written(table: list[list[str]], delimiter: str) -> str:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(table)
    return file.getvalue().removesuffix("\n")


class TestDelimiters:
    @pytest.mark.parametrize(
        ("text", "delimiter"),
        [
            ("Anna;1,5;2,5\nBert;3,5;4,5\nCarl;5,5;6,5", ";"),
            ("1,25;2,50;3,75\n4,25;5,50;6,75", ";"),
            ("Umsatz, netto;Umsatz, brutto;Gewinn, netto\n1,5;2,5;3,5\n3,5;4,5;5,5", ";"),
            ("name;since\nAnna;1.5.2024 10:30\nBert;2.5.2024 11:00", ";"),
            ("-1.234,50;€ 2,50\n-7.234,50;€ 9,75", ";"),
            ("x,1.5;2.5,y\nz,3.5;4.5,w", ","),
            ("id,genres\n1,a|b|c\n2,d|e|f", ","),
            ("a\tb, c\td\n1\t2, 3\t4", "\t"),
            ('name,note\nx,"a;b;c"\ny,"d;e;f"', ","),
            ('name;note\nx;"first, line\nsecond, line"\ny;"third, line\nlast, line"', ";"),
            ("", ","),
            ("word\nother", ","),
        ],
    )
    def test_the_one_that_leaves_cells_whole_is_found(self, text: str, delimiter: str) -> None:
        assert find_delimiter(text) == delimiter


class TestQuotes:
    def test_one_that_nothing_closes_stands_for_itself(self) -> None:
        text = 'name,size,price\n"5"" disk",5,10\n"unfinished,1,2\nrow three,3,4\nrow four,4,5'
        assert read(text)[1:] == [
            ['5" disk', "5", "10"],
            ['"unfinished', "1", "2"],
            ["row three", "3", "4"],
            ["row four", "4", "5"],
        ]

    def test_between_tabs_one_may_stand_for_itself_though_another_follows(self) -> None:
        text = 'word\tpos\n"quoted start\tN\nsecond\tV\nthird\tA\nfourth"\tX\nfifth\tN'
        assert [row[0] for row in read(text, "\t")] == ["word", '"quoted start', "second", "third", 'fourth"', "fifth"]

    def test_one_that_would_swallow_rows_up_to_a_cell_in_quotes_stands_for_itself(self) -> None:
        text = 'name,size,price\n"5 inch,1,2\nrow three,3,4\n"row, four",4,5'
        assert read(text)[1:] == [['"5 inch', "1", "2"], ["row three", "3", "4"], ["row, four", "4", "5"]]

    def test_a_cell_of_several_lines_stays_one(self) -> None:
        text = 'name,note,n\nAnna,"Main St 5, Apt 3\nBerlin, Mitte",1\nBert,"one\ntwo\nthree, four, five\n\nsix",2'
        assert read(text)[1:] == [
            ["Anna", "Main St 5, Apt 3\nBerlin, Mitte", "1"],
            ["Bert", "one\ntwo\nthree, four, five\n\nsix", "2"],
        ]

    def test_a_cell_of_several_lines_stays_one_where_all_cells_are_quoted(self) -> None:
        text = '"q","n"\n"Dear X, hello\nbye","5"\n"a\nb","c\nd"'
        assert read(text) == [["q", "n"], ["Dear X, hello\nbye", "5"], ["a\nb", "c\nd"]]

    def test_a_backslash_before_them_makes_them_part_of_the_cell(self) -> None:
        text = 'id,text,n\n1,"say \\"hi, you\\" now",2\n2,"\\"yes\\", then",3'
        assert read(text)[1:] == [["1", 'say "hi, you" now', "2"], ["2", '"yes", then', "3"]]

    def test_a_backslash_at_the_end_of_a_cell_is_a_path(self) -> None:
        assert read('path,n\n"C:\\dir, old\\",5\n"D:\\",6')[1:] == [["C:\\dir, old\\", "5"], ["D:\\", "6"]]

    def test_those_that_nobody_doubled_stay_in_the_cell(self) -> None:
        assert read('a,b,c\n1,"say "hi, you" now",2')[1] == ["1", 'say "hi, you" now', "2"]

    def test_what_stands_behind_the_last_one_belongs_to_the_cell(self) -> None:
        assert read('a,b,c\n1,"the changes". Return them.,"one, two"')[1] == [
            "1",
            "the changes. Return them.",
            "one, two",
        ]

    def test_a_space_may_stand_before_them(self) -> None:
        assert read('a, "b, c", d')[0][1] == "b, c"

    def test_many_that_open_and_never_close_take_no_longer_than_their_lines(self) -> None:
        found = read("\n".join(["a,b,c", *('"x,1,2' for _ in range(60_000))]))
        assert len(found) == 60_001
        assert found[-1] == ['"x', "1", "2"]


@given(
    st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=1)),
    st.sampled_from(",;\t|"),
)
def test_what_is_written_on_one_line_is_read_as_it_was(table: list[list[str]], delimiter: str) -> None:
    assert plain(read(written(table, delimiter), delimiter)) == plain(table)


def plain(table: list[list[str]]) -> list[list[str]]:
    """Return the rows that hold anything, without the white space at the edges of cells, as the text has them."""
    return [[cell.strip() for cell in row] for row in table if any(cell.strip() for cell in row)]


@given(st.integers(3, 5).flatmap(lambda n: st.lists(st.lists(WORDS, min_size=n, max_size=n), min_size=1)))
def test_what_is_written_on_several_lines_is_read_as_it_was(table: list[list[str]]) -> None:
    assert plain(read(written(table, ","), ",")) == plain(table)


class TestHeaders:
    def test_one_that_begins_like_a_remark_is_the_header(self) -> None:
        text = "#id,name,phone,fax\n1,Anna,123,\n2,Bert,456,\n3,Carl,789,"
        assert csv_to_markdown(text).startswith("| #id | name | phone | fax |\n| --- | --- | --- | --- |\n| 1 | Anna |")

    @pytest.mark.parametrize("remark", ["# exported, by hand", "# a, b, c, d, e, f", "# exported"])
    def test_a_remark_stands_above_the_table(self, remark: str) -> None:
        text = f"{remark}\nid,name,fax\n1,Anna,\n2,Bert,"
        assert csv_to_markdown(text).startswith(f"{remark[2:]}\n\n| id | name | fax |\n")


class TestMemory:
    def test_a_table_of_many_rows_takes_not_far_beyond_its_text(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cut_small(monkeypatch)
        data = b"name\tversion\n" + b"".join(b"package-%d\t1.%d\n" % (n, n % 7) for n in range(60_000))
        tracemalloc.start()
        try:
            text = csv_to_markdown(text_pieces(data + "😀\tx\n".encode()), delimiter="\t")
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert text.count("\n") == 60_002
        assert most < 6 * len(text) + 2**20  # four bytes for each character, its parts of one each, some rows

    @pytest.mark.parametrize("mark", ["", "\ufeff"])
    def test_pieces_are_the_whole(self, mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
        text = mark + "".join(f"é{n},😀\r\n" for n in range(3000)) + "end\0"
        self.cut_small(monkeypatch)
        pieces = list(text_pieces(text.encode()))
        assert len(pieces) > 3
        assert all(piece.endswith("\n") for piece in pieces[:-1])
        assert "".join(pieces) == decode(text.encode())

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "cp1252", "iso2022_jp"])
    def test_text_that_is_no_utf8_is_one_piece(self, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
        text = "name,price\n" * 1500 + ("日本\n" if encoding == "iso2022_jp" else "café,5\n")
        self.cut_small(monkeypatch)
        assert list(text_pieces(text.encode(encoding))) == [text]

    @staticmethod
    def cut_small(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(text_pieces_module, "_PIECE", 1000)
        monkeypatch.setattr(text_pieces_module, "_LARGE", 4000)


def test_pieces_are_joined_as_one_table() -> None:
    def pieces() -> Iterator[str]:
        yield 'a,b\n1,"x\n'
        yield 'y"\n2,z\n'
        yield "3,w"

    assert csv_to_markdown(pieces()) == "| a | b |\n| --- | --- |\n| 1 | x y |\n| 2 | z |\n| 3 | w |"
