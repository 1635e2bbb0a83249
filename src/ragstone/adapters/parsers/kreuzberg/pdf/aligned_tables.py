"""Tables whose columns are told by the gaps between them: between level lines, or without any lines."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import inf

from ragstone.adapters.parsers.kreuzberg.pdf.cell_text import Row, joined_rows, rows_of_band
from ragstone.adapters.parsers.kreuzberg.pdf.page_lines import (
    Interval,
    PageLine,
    cells_of,
    column_of,
    columns_of,
    page_lines,
)
from ragstone.adapters.parsers.kreuzberg.pdf.page_marks import Rule, Word
from ragstone.adapters.parsers.kreuzberg.pdf.ruled_tables import Found, has_rows
from ragstone.adapters.parsers.kreuzberg.pdf.table_likeness import (
    has_leaders,
    is_formulas,
    is_list,
    is_table,
    is_torn,
    reads_as_prose,
)

_ALIKE = 4.0
"""Points by which the ends of level lines of one table may differ."""
_FEWEST = 3
"""Lines that gaps part that a table without lines has at least."""
_MOST_COLUMNS = 24
_MOST_ABOVE = 3
_CLOSE = 0.3
"""Gap between lines of a cell, in heights of a line, at most."""
_EDGE = 12.0
_HEADER_FAR = 1.2
_WIDE = 60.0
_WIDE_TEXT = 0.6
"""Share of the length of level lines that text between two of them fills where it is no cell."""
_PADDING = 2.0
"""Points from the start of a level line within which no cell's text begins."""
_TALL = 1.6
"""How much more room, line by line, text between two tables has than the lines of these."""
_LARGER = 1.1
"""How much larger than the line before it a line is that heads another table, at least."""
_LOOSER = 1.2
"""How much further below it is text that follows a table, than the table's lines are, at least."""
_MOST_WORDS = 9
"""Words of a line without gaps that stands in a table."""
_FAR = 2.2
"""Points between two lines of a table, in heights of a line, at most."""


def aligned_tables(words: Sequence[Word], levels: Sequence[Rule]) -> Iterator[Found]:
    """Yield tables between merged level lines of about one length, then those that have no lines."""
    taken: set[int] = set()
    for rules in _alike(levels):
        start, end = rules[0].start - _ALIKE, rules[0].end + _ALIKE
        below = page_lines([word for word in words if id(word) not in taken and start <= word.middle[0] <= end])
        for region in _regions(rules, below):
            found = _between_levels(below, region)
            if found is not None:
                taken.update(id(word) for row in found.rows for cell in row for word in cell)
                yield found
    lines = page_lines([word for word in words if id(word) not in taken])
    for begin, stop in _runs(lines):
        yield from _within(lines, begin, stop, levels)


def _alike(levels: Sequence[Rule]) -> list[list[Rule]]:
    """Return level lines, from top to bottom, by where they begin and end; single ones are of no use."""
    groups: list[list[Rule]] = []
    for rule in sorted(levels, key=lambda rule: rule.place):
        if rule.end - rule.start < _WIDE:
            continue
        for group in groups:
            if abs(group[0].start - rule.start) <= _ALIKE and abs(group[0].end - rule.end) <= _ALIKE:
                group.append(rule)
                break
        else:
            groups.append([rule])
    return [group for group in groups if len(group) > 1]


def _regions(rules: Sequence[Rule], lines: Sequence[PageLine]) -> Iterator[list[Rule]]:
    """Yield runs of level lines between which tables may be: text that stands between two parts them."""
    bands = [[line for line in lines if a.place < line.middle < b.place] for a, b in pairwise(rules)]
    heights = [(b.place - a.place) / len(band) for (a, b), band in zip(pairwise(rules), bands, strict=True) if band]
    texts = {
        id(line)
        for above, before, line in zip(lines, lines[1:], lines[2:], strict=False)
        if _is_text(before, line, above)
    }
    region = [rules[0]]
    for band, rule in zip(bands, rules[1:], strict=True):
        text = any(id(line) in texts and line.words[0].x0 < rule.start + _PADDING for line in band)
        wide = any(not line.parted and line.width > _WIDE_TEXT * (rule.end - rule.start) for line in band)
        tall = (rule.place - region[-1].place) > _TALL * min(heights, default=0.0) * len(band) if region else False
        if text or wide or (band and not any(line.parted for line in band) and (tall or len(band) > 2)):
            yield region
            region = []
        region.append(rule)
    yield region


def _between_levels(lines: Sequence[PageLine], region: Sequence[Rule]) -> Found | None:
    places = [place for place, line in enumerate(lines) if region[0].place < line.middle < region[-1].place]
    within = [lines[place] for place in places]
    if len(region) < 3 or not within or 2 * sum(line.parted for line in within) < len(within) or has_leaders(within):
        return None
    columns = columns_of(lines[max(0, places[0] - 1) : places[-1] + 1])
    if is_torn(within, columns):
        columns = columns_of(within)
    by_rows = 2 * len(region) > len(within)
    if not _are_columns(columns) or (not by_rows and (reads_as_prose(within, columns) or is_torn(within, columns))):
        return None
    first, last = _first_above(lines, places[0], columns), _last_below(lines, places[-1], columns)
    edges = [-inf, *(rule.place for rule in region), inf]
    bands = [[line for line in lines[first : last + 1] if a < line.middle < b] for a, b in pairwise(edges)]
    if sum(map(bool, bands[1:-1])) < 2:
        return None
    rows = list(_rows([band for band in bands if band], columns))
    return _found(rows, columns) if has_rows(rows) and not is_list(rows) and not is_formulas(rows) else None


def _rows(bands: Sequence[Sequence[PageLine]], columns: Sequence[Interval]) -> Iterator[Row]:
    for place, band in enumerate(bands):
        cells = [[word for cell in column for word in cell] for column in zip(*cells_of(band, columns), strict=True)]
        yield from rows_of_band(cells, bands=len(bands), first=place == 0)


def _first_above(lines: Sequence[PageLine], first: int, columns: Sequence[Interval]) -> int:
    """Return the place of the first line of a table's header, which may be above its lines or its wide gaps."""
    for place in range(first - 1, max(-1, first - 1 - _MOST_ABOVE), -1):
        if lines[place].gap_to(lines[place + 1]) > _HEADER_FAR * lines[place].height or not _heads(
            lines[place], columns
        ):
            return place + 1
    return max(0, first - _MOST_ABOVE)


def _heads(line: PageLine, columns: Sequence[Interval]) -> bool:
    short = all(len(segment) <= _MOST_WORDS for segment in line.segments) and not line.captions
    if not line.parted:
        return short and line.words[0].x0 >= columns[1][0] - 1
    return short and not is_torn([line], columns)


def _last_below(lines: Sequence[PageLine], last: int, columns: Sequence[Interval]) -> int:
    for place in range(last + 1, len(lines)):
        line = lines[place]
        near = lines[place - 1].gap_to(line) <= line.height
        if not near or not line.parted or not _heads(line, columns):
            return place - 1
    return len(lines) - 1


def _found(rows: list[Row], columns: Sequence[Interval]) -> Found:
    words = [word for row in rows for cell in row for word in cell]
    ends = (*(start for start, _ in columns), columns[-1][1])
    return Found(rows, ends, min(word.y0 for word in words), max(word.y1 for word in words))


def _runs(lines: Sequence[PageLine]) -> Iterator[tuple[int, int]]:
    """Yield where runs of lines that wide gaps part begin and stop; between such, short lines may be that none does."""
    begin = None
    for place, line in enumerate(lines):
        if begin is not None and _ends(lines[place - 1], line, lines[place - 2] if place - begin > 1 else None):
            yield begin, place
            begin = None
        if begin is None and line.parted and not line.captions:
            begin = place
    if begin is not None:
        yield begin, len(lines)


def _ends(before: PageLine, line: PageLine, above: PageLine | None) -> bool:
    """Whether a line cannot be of the run that the one before it is of: for its distance, its length or its size."""
    gap = before.gap_to(line)
    if gap > _FAR * max(line.height, before.height):
        return True
    if line.parted:
        return False
    long = len(line.words) > _MOST_WORDS and _reaches(line, before)
    return long or line.height > _LARGER * before.height or _is_text(before, line, above)


def _is_text(before: PageLine, line: PageLine, above: PageLine | None) -> bool:
    """Whether some words without wide gaps stand further below a line than that stands below the one above it."""
    gap = before.gap_to(line)
    looser = above is not None and gap > _LOOSER * max(above.gap_to(before), 0.2 * line.height)
    return looser and not line.parted and len(line.words) > _MOST_WORDS // 2


def _reaches(line: PageLine, before: PageLine) -> bool:
    """Whether a line that no gap parts goes on below the second column of the line before it, if it has one."""
    return not before.parted or line.words[-1].x1 > before.segments[1][0].x0


def _within(lines: Sequence[PageLine], begin: int, stop: int, levels: Sequence[Rule]) -> Iterator[Found]:
    """Yield the tables of a run: it, where its columns hold throughout, or those of its parts where they change."""
    begin, stop = _trimmed(lines, begin, stop)
    run = lines[begin:stop]
    if sum(line.parted for line in run) < _FEWEST:
        return
    columns = columns_of(run)
    if reads_as_prose(run, columns) or has_leaders(run):
        return
    if is_torn(run, columns) or 2 * sum(line.parted for line in run) < len(run):
        place = begin + _weakest(run)
        yield from _within(lines, begin, place, levels)
        yield from _within(lines, place, stop, levels)
    elif _are_columns(columns):
        first = _first_above(lines, begin, columns)
        if not is_table(
            joined_rows(cells_of(run, columns)), headed=_is_headed(lines[first : begin + 2], columns, levels)
        ):
            return
        last = _last_cell(lines, stop - 1, columns)
        yield _found(joined_rows(cells_of(lines[first : last + 1], columns)), columns)


def _last_cell(lines: Sequence[PageLine], last: int, columns: Sequence[Interval]) -> int:
    """Return the place of the last line that goes on in a cell of a table's last row."""
    for place in range(last + 1, min(len(lines), last + 1 + _MOST_ABOVE)):
        line = lines[place]
        start, end = columns[column_of(line.words, columns)]
        close = lines[place - 1].gap_to(line) < _CLOSE * line.height
        if line.parted or not close or abs(line.words[0].x0 - start) > _ALIKE or line.words[-1].x1 > end + _ALIKE:
            return place - 1
        last = place
    return last


def _trimmed(lines: Sequence[PageLine], begin: int, stop: int) -> tuple[int, int]:
    while begin < stop and not lines[begin].parted:
        begin += 1
    while stop > begin and not lines[stop - 1].parted:
        stop -= 1
    return begin, stop


def _is_headed(lines: Sequence[PageLine], columns: Sequence[Interval], levels: Sequence[Rule]) -> bool:
    """Whether a level line as wide as the table lies above one of its first lines."""
    top, bottom = lines[0].top - lines[0].height, lines[-1].middle
    return any(
        top < rule.place < bottom and rule.start < columns[0][0] + _EDGE and rule.end > columns[-1][1] - _EDGE
        for rule in levels
    )


def _weakest(run: Sequence[PageLine]) -> int:
    """Return the place in a run, not at its ends, before which it most likely falls apart."""
    return max(range(1, len(run)), key=lambda place: _looseness(run[place - 1], run[place]))


def _looseness(before: PageLine, line: PageLine) -> float:
    return before.gap_to(line) / line.height + (not line.parted) + (line.height > 1.05 * before.height)


def _are_columns(columns: Sequence[Interval]) -> bool:
    return 2 <= len(columns) <= _MOST_COLUMNS
