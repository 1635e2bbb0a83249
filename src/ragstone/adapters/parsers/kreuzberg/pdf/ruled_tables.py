"""Tables that are drawn as grids: the cells between level and upright lines that meet."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ragstone.adapters.parsers.kreuzberg.pdf.cell_text import Row, rows_of_band, visual_lines
from ragstone.adapters.parsers.kreuzberg.pdf.page_marks import Rule, Word

_NEAR = 3.0
"""Points within which lines meet, or are one line."""
_MOST_LINES = 1500
_MOST_BOXES = 10_000
_FILLED = 0.3
"""Share of the cells that have words in them at least."""
_WIDE_GAP = 1.5
"""Heights of a word that two words beside each other in a cell are apart at most."""
_CROSSING = 0.15
"""Share of words that may stand across an upright line; more, and the lines are no grid but a drawing."""


@dataclass(frozen=True, slots=True)
class Found:
    """A table: its rows of words, where its columns begin, the last ends, and what it lies between."""

    rows: list[Row]
    columns: tuple[float, ...]
    top: float
    bottom: float


def ruled_tables(words: Sequence[Word], levels: Sequence[Rule], uprights: Sequence[Rule]) -> Iterator[Found]:
    """Yield the tables among grids of merged lines, the smallest first; a grid around another table is none."""
    if len(levels) + len(uprights) > _MOST_LINES:
        return
    taken: set[int] = set()
    grids = [grid for group in _connected(levels, uprights) if (grid := _Grid.of(*group)) is not None]
    for grid in sorted(grids, key=lambda grid: grid.area):
        within = [word for word in words if grid.holds(word)]
        if not taken.isdisjoint(map(id, within)):
            continue
        found = grid.table(within)
        if found is not None:
            taken.update(map(id, within))
            yield found


def merged_rules(rules: Iterable[Rule]) -> list[Rule]:
    """Return lines with those that go on in each other, or lie upon each other, as one."""
    merged: list[Rule] = []
    for group in _clusters(sorted(rules, key=lambda rule: rule.place)):
        place = sum(rule.place for rule in group) / len(group)
        start, end = None, 0.0
        for rule in sorted(group, key=lambda rule: rule.start):
            if start is not None and rule.start > end + _NEAR:
                merged.append(Rule(place, start, end))
                start = None
            end = rule.end if start is None else max(end, rule.end)
            start = rule.start if start is None else start
        if start is not None:
            merged.append(Rule(place, start, end))
    return merged


def _clusters(rules: Sequence[Rule]) -> Iterator[list[Rule]]:
    """Yield lines, which are in the order of their places, with those at about the same place together."""
    group: list[Rule] = []
    for rule in rules:
        if group and rule.place - group[0].place > _NEAR:
            yield group
            group = []
        group.append(rule)
    if group:
        yield group


def _connected(levels: Sequence[Rule], uprights: Sequence[Rule]) -> Iterator[tuple[list[Rule], list[Rule]]]:
    """Yield the groups of lines that meet, directly or by way of others."""
    unseen, remaining = set(levels), set(uprights)
    while remaining:
        group: tuple[list[Rule], list[Rule]] = ([], [])
        reached = [(1, remaining.pop())]
        while reached:
            side, rule = reached.pop()
            group[side].append(rule)
            others = unseen if side else remaining
            meeting = {other for other in others if (_meet(other, rule) if side else _meet(rule, other))}
            others -= meeting
            reached += [(1 - side, other) for other in meeting]
        yield group


def _meet(level: Rule, upright: Rule) -> bool:
    return (
        level.start - _NEAR <= upright.place <= level.end + _NEAR
        and upright.start - _NEAR <= level.place <= upright.end + _NEAR
    )


def has_rows(rows: Sequence[Row]) -> bool:
    """Whether there are two rows, and half of them at least have words in two columns."""
    return len(rows) > 1 and 2 * sum(sum(map(bool, row)) > 1 for row in rows) >= len(rows)


def _says(cell: Sequence[Word]) -> bool:
    return any(any(map(str.isalnum, word.text)) for word in cell)


def _is_scattered(cells: Iterable[Sequence[Word]]) -> bool:
    """Whether a third of the cells have words far apart beside each other: numbers along the axes of a chart."""
    cells = list(cells)
    wide = sum(any(_has_gap(line) for line in visual_lines(cell)) for cell in cells if len(cell) > 1)
    return 3 * wide >= len(cells)


def _has_gap(line: Sequence[Word]) -> bool:
    return any(word.x0 - before.x1 > _WIDE_GAP * word.height for before, word in pairwise(line))


@dataclass(frozen=True, slots=True)
class _Grid:
    """Lines that meet: ``xs`` and ``ys`` are all places of lines, or where some end, in order."""

    levels: list[Rule]
    uprights: list[Rule]
    xs: list[float]
    ys: list[float]

    @classmethod
    def of(cls, levels: list[Rule], uprights: list[Rule]) -> "_Grid | None":
        if not levels:
            return None
        xs = _places(uprights, levels)
        ys = _places(levels, uprights)
        if len(xs) < 3 or len(ys) < 2 or len(xs) * len(ys) > _MOST_BOXES:
            return None
        return cls(levels, uprights, xs, ys)

    @property
    def area(self) -> float:
        return (self.xs[-1] - self.xs[0]) * (self.ys[-1] - self.ys[0])

    def holds(self, word: Word) -> bool:
        x, y = word.middle
        return self.xs[0] <= x <= self.xs[-1] and self.ys[0] <= y <= self.ys[-1]

    def table(self, words: Sequence[Word]) -> Found | None:
        """Return the words as rows of cells; ``None`` where that is no table of two columns and two rows."""
        if not words or sum(map(self._crosses, words)) > _CROSSING * len(words):
            return None
        first = self._first_boxes()
        boxes: dict[tuple[int, int], list[Word]] = {}
        for word in words:
            boxes.setdefault(first[self._box(word)], []).append(word)
        columns = sorted({column for _, column in boxes})
        rows = self._rows(boxes, columns)
        crossed = len(self.levels) > 2 and len(self.uprights) > 2
        if (len(rows) < 3 and not crossed) or 2 * sum(map(_says, boxes.values())) < len(boxes):
            return None
        if len(boxes) < _FILLED * len(set(first.values())) or not has_rows(rows) or _is_scattered(boxes.values()):
            return None
        return Found(rows, (*(self.xs[column] for column in columns), self.xs[-1]), self.ys[0], self.ys[-1])

    def _rows(self, boxes: dict[tuple[int, int], list[Word]], columns: Sequence[int]) -> list[Row]:
        filled = sorted({row for row, _ in boxes})
        bands = [[boxes.get((row, column), []) for column in columns] for row in filled]
        return [
            row for place, band in enumerate(bands) for row in rows_of_band(band, bands=len(bands), first=place == 0)
        ]

    def _box(self, word: Word) -> tuple[int, int]:
        x, y = word.middle
        return _interval(self.ys, y), _interval(self.xs, x)

    def _crosses(self, word: Word) -> bool:
        y = word.middle[1]
        return any(
            word.x0 + _NEAR < rule.place < word.x1 - _NEAR and rule.start < y < rule.end for rule in self.uprights
        )

    def _first_boxes(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Return the upper left box of the cell that each box between neighbouring places is part of."""
        beside = [[rule for rule in self.uprights if abs(rule.place - x) <= _NEAR] for x in self.xs]
        above = [[rule for rule in self.levels if abs(rule.place - y) <= _NEAR] for y in self.ys]
        first: dict[tuple[int, int], tuple[int, int]] = {}
        for row, (top, bottom) in enumerate(pairwise(self.ys)):
            for column, (left, right) in enumerate(pairwise(self.xs)):
                x, y = (left + right) / 2, (top + bottom) / 2
                own = (row, column)
                if column and not _walled(beside[column], y):
                    own = first[row, column - 1]
                elif row and not _walled(above[row], x):
                    own = first[row - 1, column]
                first[row, column] = own
        return first


def _places(rules: Iterable[Rule], across: Iterable[Rule]) -> list[float]:
    """Return where lines lie, and where those across them begin and end where no line closes them."""
    places = sorted({rule.place for rule in rules})
    ends = (min(rule.start for rule in across), max(rule.end for rule in across))
    return sorted([*places, *(end for end in ends if all(abs(end - place) > 2 * _NEAR for place in places))])


def _walled(rules: Iterable[Rule], along: float) -> bool:
    return any(rule.start <= along <= rule.end for rule in rules)


def _interval(places: Sequence[float], value: float) -> int:
    return max(0, sum(place <= value for place in places[1:-1]))
