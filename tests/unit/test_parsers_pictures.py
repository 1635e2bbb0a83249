"""How pictures are turned, cut into pages and read again, with no Tesseract: what reads them is told here."""

import struct
import time
import zlib
from collections.abc import Callable, Mapping, Sequence

import pytest

from ragstone.adapters.parsers.kreuzberg import tiff
from ragstone.adapters.parsers.kreuzberg.drawable import drawable
from ragstone.adapters.parsers.kreuzberg.failures import no_text
from ragstone.adapters.parsers.kreuzberg.pictures import Recognised, read_picture
from ragstone.adapters.parsers.kreuzberg.redrawing import Picture, Strip, redrawn
from ragstone.domain.errors import ParseFailed

TIFF = "image/tiff"
GREY = "/ColorSpace /DeviceGray /BitsPerComponent 8"
# Shades of a picture of 3 by 2, and how it is seen by the orientation that it lies in.
STORED = bytes([10, 20, 30, 40, 50, 60])
SEEN: Mapping[int, list[list[int]]] = {
    1: [[10, 20, 30], [40, 50, 60]],
    2: [[30, 20, 10], [60, 50, 40]],
    3: [[60, 50, 40], [30, 20, 10]],
    4: [[40, 50, 60], [10, 20, 30]],
    5: [[10, 40], [20, 50], [30, 60]],
    6: [[40, 10], [50, 20], [60, 30]],
    7: [[60, 30], [50, 20], [40, 10]],
    8: [[30, 60], [20, 50], [10, 40]],
}


def pages(*widths: int, order: str = "<", kinds: Mapping[int, int] | None = None) -> bytes:
    """Return a TIFF of pages without pixels, told from one another by their widths."""
    data, last = {"<": b"II*\0", ">": b"MM\0*"}[order], len(widths) - 1
    at = 8
    data += struct.pack(f"{order}I", at)
    for number, width in enumerate(widths):
        entries = {256: width, 257: 1, **({254: kinds[number]} if kinds and number in kinds else {})}
        data += struct.pack(f"{order}H", len(entries))
        data += b"".join(struct.pack(f"{order}HHII", tag, 4, 1, entries[tag]) for tag in sorted(entries))
        at += 6 + 12 * len(entries)
        data += struct.pack(f"{order}I", 0 if number == last else at)
    return data


def photograph(orientation: int | None, order: str = "<") -> bytes:
    """Return the head of a JPEG of 40 by 30 pixels."""
    exif = b""
    if orientation is not None:
        mark = {"<": b"II*\0", ">": b"MM\0*"}[order]
        entry = struct.pack(f"{order}HHIHH", 274, 3, 1, orientation, 0)
        content = b"Exif\0\0" + mark + struct.pack(f"{order}IH", 8, 1) + entry + bytes(4)
        exif = b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content
    frame = struct.pack(">BHHB", 8, 30, 40, 3) + bytes(9)
    return b"\xff\xd8\xff\xe0\0\4ab" + exif + b"\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame + b"\xff\xda\0\2"


def shades(file: bytes) -> list[list[int]]:
    tags = tiff.first_tags(file)
    width, start = tags[tiff.WIDTH][0], tags[tiff.STRIPS][0]
    return [list(file[start + y * width :][:width]) for y in range(tags[tiff.HEIGHT][0])]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_drawn_as_it_is_to_be_seen(orientation: int) -> None:
    picture = Picture(3, 2, [Strip(1, GREY, STORED[:3]), Strip(1, GREY, STORED[3:])])
    assert shades(redrawn(picture, orientation)) == SEEN[orientation]


def test_dots_that_are_higher_than_wide_are_drawn_so() -> None:
    picture = Picture(2, 2, [Strip(2, GREY, bytes([0, 0, 255, 255]))], stretch=2.0)
    assert [[shade > 127 for shade in row] for row in shades(redrawn(picture))] == [[False] * 2] * 2 + [[True] * 2] * 2


def png(width: int, colours: int, pixels: bytes, **chunks: bytes) -> bytes:
    """Return a PNG of 8 bits a channel, of rows that no filter changed."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    stride = width * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colours]
    rows = b"".join(b"\0" + pixels[at : at + stride] for at in range(0, len(pixels), stride))
    header = struct.pack(">IIBBBBB", width, len(pixels) // stride, 8, colours, 0, 0, 0)
    more = b"".join(chunk(name.encode(), content) for name, content in chunks.items())
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + more + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


TRANSPARENT = {
    "shades of grey": png(3, 4, bytes([0, 255, 0, 0, 255, 255])),
    "colours": png(3, 6, bytes([0, 0, 0, 255, 0, 0, 0, 0, 255, 255, 255, 255])),
    "a palette": png(3, 3, bytes([0, 1, 2]), PLTE=bytes([0, 0, 0, 0, 0, 0, 255, 255, 255]), tRNS=bytes([255, 0])),
    "one colour": png(3, 2, bytes([0, 0, 0, 9, 9, 9, 255, 255, 255]), tRNS=bytes([0, 9, 0, 9, 0, 9])),
    "one grey": png(3, 0, bytes([0, 9, 255]), tRNS=bytes([0, 9])),
}


@pytest.mark.parametrize("kind", TRANSPARENT)
def test_what_is_transparent_is_seen_on_white(kind: str) -> None:
    picture, _ = drawable(TRANSPARENT[kind])
    assert picture is not None
    assert picture.only_here
    assert shades(redrawn(picture)) == [[0, 255, 255]]


def test_what_is_half_transparent_is_paler() -> None:
    picture, _ = drawable(png(2, 6, bytes([0, 0, 0, 128, 200, 0, 0, 255])))
    assert picture is not None
    [[half, red]] = shades(redrawn(picture))
    assert half == pytest.approx(127, abs=2)
    assert red == pytest.approx(60, abs=2)


def test_other_png_is_left_to_its_reader() -> None:
    picture, _ = drawable(png(2, 0, bytes([0, 255])))
    assert picture is not None
    assert not picture.only_here
    assert shades(redrawn(picture)) == [[0, 255]]


@pytest.mark.parametrize("cut", [8, 20, 33, 60])
def test_png_that_is_cut_short_does_not_fail_here(cut: int) -> None:
    picture, orientation = drawable(TRANSPARENT["colours"][:cut])
    assert orientation == 1
    assert picture is None or picture.width == 3


def plain_tiff(width: int, kind: int, pixels: bytes, *, palette: Sequence[int] = (), compression: int = 1) -> bytes:
    """Return a TIFF of one row, of 8 bits a channel."""
    channels = 3 if kind == 2 else 1
    at = 8 + len(pixels)
    entries = [(256, 4, 1, width), (257, 4, 1, 1), (258, 3, 1, 8), (259, 4, 1, compression), (262, 4, 1, kind)]
    entries += [(273, 4, 1, 8), (277, 4, 1, channels), (278, 4, 1, 1), (279, 4, 1, len(pixels))]
    if palette:
        entries.append((320, 3, len(palette), at))
    fields = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    colours = struct.pack(f"<{len(palette)}H", *palette)
    header = struct.pack("<4sI", b"II*\0", at + len(colours))
    return b"".join((header, pixels, colours, struct.pack("<H", len(entries)), fields, bytes(4)))


@pytest.mark.parametrize("packed", [False, True])
def test_tiff_of_a_palette_is_drawn(packed: bool) -> None:
    palette = [0] * 256
    palette[7] = 0xFFFF
    pixels = bytes([7, 0, 7])
    data = plain_tiff(
        3, 3, zlib.compress(pixels) if packed else pixels, palette=palette * 3, compression=8 if packed else 1
    )
    picture, _ = drawable(data)
    assert picture is not None
    assert picture.only_here
    assert shades(redrawn(picture)) == [[255, 0, 255]]


@pytest.mark.parametrize(("kind", "seen"), [(0, [255, 235, 0]), (1, [0, 20, 255])])
def test_other_tiff_is_left_to_its_reader(kind: int, seen: list[int]) -> None:
    picture, _ = drawable(plain_tiff(3, kind, bytes([0, 20, 255])))
    assert picture is not None
    assert not picture.only_here
    assert shades(redrawn(picture)) == [seen]


def test_a_palette_that_is_too_short_is_not_drawn() -> None:
    assert drawable(plain_tiff(3, 3, bytes(3), palette=[0] * 30)) == (None, 1)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_photograph_tells_how_it_lies(order: str) -> None:
    picture, orientation = drawable(photograph(6, order))
    assert orientation == 6
    assert picture is not None
    assert (picture.width, picture.height) == (40, 30)


@pytest.mark.parametrize("orientation", [None, 0, 9])
def test_a_photograph_that_does_not_tell_lies_upright(orientation: int | None) -> None:
    assert drawable(photograph(orientation))[1] == 1


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff", b"\xff\xd8\xff\xe1\0\x10Exif", b"II*\0", b"II*\0\xff\xff\xff\xff", b"GIF89a"]
)
def test_what_is_broken_or_of_another_kind_is_not_drawn(data: bytes) -> None:
    assert drawable(data) == (None, 1)
    assert tiff.page_offsets(data) == []


@pytest.mark.parametrize("order", ["<", ">"])
def test_each_page_of_a_tiff_is_a_file(order: str) -> None:
    data = pages(5, 6, 7, order=order)
    found = [tiff.page_at(data, offset) for offset in tiff.page_offsets(data)]
    assert [tiff.first_tags(page)[tiff.WIDTH] for page in found] == [(5,), (6,), (7,)]


def test_smaller_copies_and_masks_are_no_pages() -> None:
    assert len(tiff.page_offsets(pages(5, 6, 7, 8, kinds={1: 1, 2: 2, 3: 4}))) == 2


def test_pages_that_go_round_in_a_circle_end() -> None:
    data = pages(5, 6)
    assert len(tiff.page_offsets(data[:-4] + struct.pack("<I", 8))) == 2


class TestReading:
    def test_what_is_read_well_is_read_once(self) -> None:
        asked, recognise = self.recogniser({})
        assert read_picture(b"GIF89a", "image/gif", recognise, detects_turns=True, until=self.soon()).content == "as is"
        assert asked == [("image/gif", False)]

    def test_what_is_read_poorly_is_read_as_tesseract_would_turn_it(self) -> None:
        asked, recognise = self.recogniser({("image/gif", False): Recognised("poor", 45.0)}, Recognised("turned", 95.0))
        assert (
            read_picture(b"GIF89a", "image/gif", recognise, detects_turns=True, until=self.soon()).content == "turned"
        )
        assert asked == [("image/gif", False), ("image/gif", True)]

    def test_what_is_no_better_when_turned_stays_as_it_lies(self) -> None:
        _, recognise = self.recogniser({("image/gif", False): Recognised("poor", 45.0)}, Recognised("worse", 40.0))
        assert read_picture(b"GIF89a", "image/gif", recognise, detects_turns=True, until=self.soon()).content == "poor"

    def test_few_words_of_which_tesseract_cannot_tell_how_they_lie_are_turned(self) -> None:
        data = png(3, 0, bytes([0, 255, 0]))
        asked: list[list[list[int]]] = []

        def recognise(picture: bytes, media_type: str, turned: bool) -> Recognised:
            asked.append([] if picture == data else shades(picture))
            return Recognised("turned", 95.0) if asked[-1] else Recognised("poor", 45.0)

        parsed = read_picture(data, "image/png", recognise, detects_turns=True, until=self.soon())
        assert parsed.content == "turned"
        assert asked == [[], [], [[0], [255], [0]]]

    @pytest.mark.parametrize("text", ["", "a poor word " * 20])
    def test_what_holds_no_text_or_much_is_not_turned_every_way(self, text: str) -> None:
        data = png(3, 0, bytes([0, 255, 0]))
        asked, recognise = self.recogniser({}, Recognised(text, 45.0))
        read_picture(data, "image/png", recognise, detects_turns=True, until=self.soon())
        assert asked == [("image/png", False), ("image/png", True)]

    def test_white_on_what_is_transparent_is_read_as_it_is(self) -> None:
        asked, recognise = self.recogniser({(TIFF, False): Recognised("", 95.0)}, Recognised("white", 95.0))
        parsed = read_picture(TRANSPARENT["colours"], "image/png", recognise, detects_turns=True, until=self.soon())
        assert parsed.content == "white"
        assert asked == [(TIFF, False), ("image/png", False)]

    def test_there_must_be_time_to_read_it_again(self) -> None:
        asked, recognise = self.recogniser({("image/gif", False): Recognised("poor", 45.0)})
        read_picture(b"GIF89a", "image/gif", recognise, detects_turns=True, until=time.monotonic() - 1)
        assert len(asked) == 1

    def test_pages_for_which_no_time_is_left_are_unread(self) -> None:
        _, recognise = self.recogniser({})
        parsed = read_picture(pages(5, 6, 7, 8), TIFF, recognise, detects_turns=True, until=time.monotonic() - 1)
        assert parsed.content == "as is"
        assert list(parsed.unread) == ["pages 2 to 4"]
        assert "time" in parsed.unread["pages 2 to 4"]

    def test_pages_none_of_which_can_be_read_fail_with_the_first_cause(self) -> None:
        def recognise(data: bytes, media_type: str, turned: bool) -> Recognised:
            raise ParseFailed("damaged", f"Page of {tiff.first_tags(data)[tiff.WIDTH][0]}.", remedy="Mend it.")

        with pytest.raises(ParseFailed, match="Page of 5"):
            read_picture(pages(5, 6), TIFF, recognise, detects_turns=True, until=self.soon())

    def test_pages_without_text_are_no_text(self) -> None:
        _, recognise = self.recogniser({(TIFF, False): Recognised(" ", 0.0)}, Recognised("", 0.0))
        with pytest.raises(ParseFailed) as failed:
            read_picture(pages(5, 6), TIFF, recognise, detects_turns=True, until=self.soon())
        assert failed.value.failure_code == no_text().failure_code

    @staticmethod
    def soon() -> float:
        return time.monotonic() + 60

    @staticmethod
    def recogniser(
        answers: Mapping[tuple[str, bool], Recognised], otherwise: Recognised = Recognised("as is", 95.0)
    ) -> tuple[list[tuple[str, bool]], Callable[[bytes, str, bool], Recognised]]:
        asked: list[tuple[str, bool]] = []

        def recognise(data: bytes, media_type: str, turned: bool) -> Recognised:
            asked.append((media_type, turned))
            return answers.get(asked[-1], otherwise)

        return asked, recognise
