"""What the lines of a page say about each other when nothing is known of where they stand."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

_NUMERIC = re.compile(r"[-+(]?[$€£¥]?[-+]?\d[\d.,:/%-]*\)?[%€]?|[-–—]")
_FEWEST_ROWS = 3
_MOST_COLUMNS = 16
_FULL = 0.75
"""Share of the longest lines' length from which on a line may go on in the next one."""
_SENTENCE_END = tuple(".!?:;。！？")


def paragraphs(lines: Sequence[str]) -> Iterator[str]:
    """Yield paragraphs: a line goes on in the next where it is long and no sentence ends with it."""
    lengths = sorted(len(line) for line in lines)
    full = _FULL * lengths[int(0.9 * (len(lengths) - 1))] if lengths else 0
    gathered: list[str] = []
    for line in lines:
        if gathered and not _goes_on(gathered[-1], line, full) and not _both_rows(gathered[-1], line):
            yield "\n".join(gathered)
            gathered = []
        if line.strip():
            gathered.append(line.strip())
    if gathered:
        yield "\n".join(gathered)


def _goes_on(line: str, following: str, full: float) -> bool:
    if not following.strip():
        return False
    if len(line) < full:
        return following[:1].islower() and not line.endswith(_SENTENCE_END)
    if line.endswith(_SENTENCE_END) and len(following) < full:
        return False  # a heading, more often than the end of the paragraph
    return _numbers(line.split()) * 2 <= len(line.split())


def _both_rows(line: str, following: str) -> bool:
    """Whether two lines may be rows of one table: as many words, and numbers in the second."""
    first, second = line.split(), following.split()
    return len(first) == len(second) > 1 and _numbers(second) > 0


def looks_tabular(lines: Sequence[str]) -> bool:
    """Whether most lines are short and partly numbers, as the rows of a table are."""
    rows = [line.split() for line in lines]
    numeric = sum(1 for row in rows if 3 * _numbers(row) >= len(row) and len(row) > 1)
    return len(rows) >= _FEWEST_ROWS and 3 * numeric >= 2 * (len(rows) - 1)


def find_tables(lines: Sequence[str]) -> Iterator[tuple[int, list[list[str]]]]:
    """Yield tables among lines: where each begins, and its rows of cells, one row a line.

    A table is taken where its cells are sure: a header of single words, and at least two rows below it with
    a word for each column and a column of numbers; or with several words in the first column, and numbers in
    all others.
    """
    start = 0
    while start + _FEWEST_ROWS <= len(lines):
        rows = _rows(lines, start)
        if len(rows) >= _FEWEST_ROWS:
            yield start, rows
            start += len(rows)
        else:
            start += 1


def _rows(lines: Sequence[str], start: int) -> list[list[str]]:
    """Return the header at ``start`` and the rows below it as far as some column of theirs is all numbers."""
    header = lines[start].split()
    rows = [header]
    numeric = {column for column, word in enumerate(header) if not _NUMERIC.fullmatch(word)}
    if not 2 <= len(header) <= _MOST_COLUMNS:
        return rows
    for line in islice(lines, start + 1, None):
        cells = _cells(line.split(), len(header))
        if cells is None or cells[0].endswith(":"):  # a label and what it says, not a row
            break
        numeric &= {column for column, cell in enumerate(cells) if _NUMERIC.fullmatch(cell)}
        if not numeric:
            break
        rows.append(cells)
    return rows


def _cells(words: list[str], width: int) -> list[str] | None:
    if len(words) > width and all(map(_NUMERIC.fullmatch, words[1 - width :])):
        return [" ".join(words[: 1 - width]), *words[1 - width :]]
    return words if len(words) == width else None


def reads_as_table(rows: Sequence[Sequence[str]]) -> bool:
    """Whether cells that were told by the gaps between words may be a table.

    They are prose cut into columns where a row reads like a sentence, and a table of contents where a quarter
    of them are dots.
    """
    filled = [cell for row in rows for cell in row if cell.strip()]
    leaders = sum(1 for cell in filled if not cell.strip(" .…"))
    return bool(filled) and 4 * leaders < len(filled) and not any(map(_reads_as_sentence, rows))


def _reads_as_sentence(row: Sequence[str]) -> bool:
    words = " ".join(row).split()
    return len(words) > 2 and words[-1].endswith(_SENTENCE_END) and _numbers(words) * 3 < len(words)


def _numbers(words: Sequence[str]) -> int:
    return sum(1 for word in words if _NUMERIC.fullmatch(word))
