"""Headers and footers: the lines that most pages have at their edges, and the numbers of pages."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

_EDGE = 3
"""Lines from the start and from the end of a page's text among which running lines are."""
_MOST = 0.6
_FEWEST = 3
_FEWEST_NUMBERED = 2
_LONGEST = 120
_NUMBER = re.compile(r"\d{1,5}")
_NUMBER_ALONE = re.compile(
    r"\W*(?:page|seite|p|s|pagina|página|strona|str|sida|side)?\W*#[-+]\d+\W*(?:(?:of|von|de|di|z|av|/)?\W*\d{1,5})?\W*",
    re.IGNORECASE,
)


class RunningLines:
    """The running lines of a document of which each page is a list of lines, by the page's number.

    A line runs if at least three pages, and most, have it at their edge, alike but for a number that counts
    with the pages; a page's number alone runs from two pages on. So does the first or last line of a page
    that begins or ends with the page's number, whatever chapter it names beside. The header of a table that
    goes on over pages stands at their edge too: it is told by the rows of numbers below it, and stays. So do
    lines that a page has more than once. If little were left, what repeats is the text itself, and stays.
    """

    def __init__(self, pages: Mapping[int, Sequence[str]]) -> None:
        plain = {page: [_plain(line) for line in lines if line.strip()] for page, lines in pages.items()}
        filled = {page: lines for page, lines in plain.items() if lines}
        edges = {page: dict(_edge(page, lines)) for page, lines in filled.items()}
        counts = Counter(form for edge in edges.values() for form in set().union(*edge.values()))
        forms = {form for form, count in counts.items() if count >= _needed(form, len(filled))}
        running = {
            page: {line for line, own in edge.items() if not forms.isdisjoint(own)} for page, edge in edges.items()
        }
        heads = {line for line in set().union(*running.values()) if _heads_table(line, filled, running)}
        emptied = sum(running[page].issuperset(lines) for page, lines in filled.items())
        self._running = {page: lines - heads for page, lines in running.items()} if 2 * emptied <= len(filled) else {}

    def covers(self, page: int, line: str) -> bool:
        """Whether a line of a page is a running one."""
        return _plain(line) in self._running.get(page, ())


def _needed(form: str, pages: int) -> float:
    return max(_FEWEST_NUMBERED if _NUMBER_ALONE.fullmatch(form) else _FEWEST, _MOST * pages)


def _heads_table(line: str, pages: Mapping[int, Sequence[str]], running: Mapping[int, set[str]]) -> bool:
    """Whether rows follow this line on most of its pages: lines with numbers, of about as many words."""
    words = len(line.split())
    if words < 2 or any(map(str.isdigit, line)):
        return False
    seen = rows = 0
    for page, lines in pages.items():
        if line in lines:
            seen += 1
            below = lines[lines.index(line) + 1 :]
            cells = next((other.split() for other in below if other not in running[page]), [])
            numeric = sum(any(map(str.isdigit, cell)) for cell in cells)
            rows += numeric > 0 and 3 * numeric >= len(cells) and abs(len(cells) - words) <= words
    return 2 * rows > seen


def _plain(line: str) -> str:
    return " ".join(line.split())


def _edge(page: int, lines: Sequence[str]) -> Iterator[tuple[str, set[str]]]:
    """Yield the lines at a page's edge, each with the forms in which it may be like a line of other pages."""
    several = {line for line, count in Counter(lines).items() if count > 1}
    edge = lines if len(lines) <= 2 * _EDGE else [*lines[:_EDGE], *lines[-_EDGE:]]
    for line in edge:
        if line not in several and len(line) <= _LONGEST:
            outermost = line in (lines[0], lines[-1])
            yield line, {line, *_numbered(page, line), *(_beside_number(page, line) if outermost else ())}


def _numbered(page: int, line: str) -> Iterator[str]:
    """Yield a line with each of its numbers as its distance from the page's number."""
    for number in _NUMBER.finditer(line):
        yield f"{line[: number.start()]}#{int(number[0]) - page:+d}{line[number.end() :]}"


def _beside_number(page: int, line: str) -> Iterator[str]:
    """Yield the distance of the number that a line begins or ends with, and nothing of what stands beside it."""
    words = line.split()
    for word in {words[0], words[-1]}:
        if _NUMBER.fullmatch(word):
            yield f"#{int(word) - page:+d}"
