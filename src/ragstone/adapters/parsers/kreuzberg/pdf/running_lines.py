"""Headers and footers: the lines that most pages have at their edges, and the numbers of pages."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from ragstone.adapters.parsers.kreuzberg.pdf.line_text import line_key
from ragstone.adapters.parsers.kreuzberg.pdf.page_edges import EdgeLine, PageEdges

_EDGE = 3
"""Lines from the start and from the end of a page among which running lines are where nothing says how it looks."""
_SHARE = 4
"""The edges of such a page are a quarter of its lines each, at most."""
_MOST = 0.6
_FEWEST = 3
_FEWEST_NUMBERED = 2
_LONGEST = 200
_HEADING = 1.15
"""How much higher than the text's a line is from which on it is a heading."""
_MOST_GLUED = 4
_NUMBER = re.compile(r"(?<!\d)\d{1,5}(?!\d)")
_DIGITS = re.compile(r"\d+")
_PAGE = r"(?:page|seite|p|s|pagina|página|pag|strona|str|sida|side)"
_NUMBER_ALONE = re.compile(
    rf"[^\w§№#]*{_PAGE}?[^\w§№#]*#[-+]\d+\W*(?:(?:of|von|de|di|z|av|/)?\W*\d{{1,5}})?\W*", re.IGNORECASE
)
_APART_BEFORE = re.compile(rf"(?:^|\t|[|–—•·/]|\b{_PAGE}\.?)\s*$", re.IGNORECASE)
_APART_AFTER = re.compile(r"\s*(?:$|\t|[|–—•·/]|(?:of|von|de|di|z|av)\s+\d{1,5}\s*(?:$|\t|[|–—•·]))", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class KeptLine:
    """A running line as the first page that has it shows it, at its ``top`` or bottom."""

    text: str
    top: bool


@dataclass(slots=True)
class _Line:
    """A line at a page's edge: as the page's text has it, with its gaps, and the forms that other pages may share."""

    drawn: str
    text: str
    top: bool
    forms: set[str] = field(default_factory=set)


class RunningLines:
    """The running lines of a document of which each page is a list of lines, by the page's number.

    A line runs if at least three pages, and most, have it at their edge, alike but for a number that counts with
    the pages; a page's number alone runs from two pages on, and so does what has one apart from its words, whatever
    chapter these name. ``edges`` says of pages what stands in their margins, apart from the text; of a page of which
    it is not known, the outermost lines are the edges.

    No heading runs, by its height; nor does a number that counts in a line at the top, unless it is apart from the
    words: chapters count too. The header of a table that goes on over pages is told by the rows of numbers below
    it, and stays. So do lines that a page has more than once. If little were left, what repeats is the text itself,
    and stays.
    """

    def __init__(
        self, pages: Mapping[int, Sequence[str]], edges: Mapping[int, PageEdges] = MappingProxyType({})
    ) -> None:
        plain = {page: [_plain(line) for line in lines if line.strip()] for page, lines in pages.items()}
        filled = {page: lines for page, lines in plain.items() if lines}
        body = _body_height(edges.values())
        at_edge = {page: list(_edge(page, lines, edges.get(page), body)) for page, lines in filled.items()}
        told = [page for page in filled if page in edges] or list(filled)
        counts = Counter(form for page in told for form in set[str]().union(*(line.forms for line in at_edge[page])))
        forms = {form for form, count in counts.items() if count >= _needed(form, len(told))}
        running = {
            page: [line for line in lines if not forms.isdisjoint(line.forms)] for page, lines in at_edge.items()
        }
        self._running = _without_heads(running, filled)
        self._glued = {page: set(_glued(filled[page], covered)) for page, covered in self._running.items()}
        self._kept = dict(_kept(running, self._running, filled))

    def covers(self, page: int, line: str) -> bool:
        """Whether a line of a page is a running one, or several of them in one."""
        if not (covered := self._running.get(page)):
            return False
        return _plain(line) in covered or (bool(self._glued[page]) and line_key(line) in self._glued[page])

    def kept(self, page: int) -> Sequence[KeptLine]:
        """Return the running lines that a page is the first to have, where no other line says the same."""
        return self._kept.get(page, ())


def _needed(form: str, pages: int) -> float:
    return max(_FEWEST_NUMBERED if _NUMBER_ALONE.fullmatch(form) else _FEWEST, _MOST * pages)


def _body_height(edges: Iterable[PageEdges]) -> float:
    """Return the height of most of a document's text, in points."""
    heights: Counter[float] = Counter()
    for edge in edges:
        heights.update(edge.heights)
    left = heights.total() / 2
    for height in sorted(heights):
        left -= heights[height]
        if left <= 0:
            return height
    return 0.0


def _edge(page: int, lines: Sequence[str], edges: PageEdges | None, body: float) -> Iterator[_Line]:
    """Yield the lines at a page's edge, each with the forms in which it may be like a line of other pages."""
    several = {line for line, count in Counter(lines).items() if count > 1}
    found = _outermost(lines) if edges is None else _in_margins(lines, edges.lines, body)
    for line in found:
        if line.drawn and line.drawn not in several and len(line.drawn) <= _LONGEST:
            line.forms = {line.drawn, *_numbered(page, line, anywhere=edges is None or not line.top)}
            yield line


def _outermost(lines: Sequence[str]) -> Iterator[_Line]:
    depth = min(_EDGE, len(lines) // _SHARE)
    for place, line in enumerate(lines):
        if place < depth or place >= len(lines) - depth:
            yield _Line(line, line, place < depth)


def _in_margins(lines: Sequence[str], edges: Sequence[EdgeLine], body: float) -> Iterator[_Line]:
    """Yield the lines in a page's margins as its text has them, but for headings."""
    drawn: dict[str, str] = {}
    for line in lines:
        drawn.setdefault(line_key(line), line)
    for edge in edges:
        if edge.height <= _HEADING * body:
            yield _Line(drawn.get(line_key(edge.text), ""), edge.text, edge.top)


def _numbered(page: int, line: _Line, *, anywhere: bool) -> Iterator[str]:
    """Yield a line with one of its numbers as its distance from the page's number.

    The number is apart from the words, or, ``anywhere``, begins or ends the line. What is apart is such a form too
    without the words, and they without it.
    """
    for number in _NUMBER.finditer(line.text):
        before, after = line.text[: number.start()], line.text[number.end() :]
        distance = f"#{int(number[0]) - page:+d}"
        form = _plain(f"{before}{distance}{after}")
        apart = _APART_BEFORE.search(before) is not None and _APART_AFTER.match(after) is not None
        if apart:
            yield distance
            yield _plain(before + after)  # a line of its own on pages where the number is another
        if apart or _NUMBER_ALONE.fullmatch(form) or (anywhere and not (before.strip() and after.strip())):
            yield form


def _without_heads(running: Mapping[int, Sequence[_Line]], pages: Mapping[int, Sequence[str]]) -> dict[int, set[str]]:
    """Return the running lines of pages without the headers of tables; none if little else were left of most pages."""
    covered = {page: {line.drawn for line in lines} for page, lines in running.items()}
    heads = {line for line in set[str]().union(*covered.values()) if _heads_table(line, pages, covered)}
    emptied = sum(covered[page].issuperset(lines) for page, lines in pages.items())
    return {page: lines - heads for page, lines in covered.items()} if 2 * emptied <= len(pages) else {}


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


def _glued(lines: Sequence[str], covered: set[str]) -> Iterator[str]:
    """Yield what running lines are told by that follow one another, as kreuzberg makes one line of them."""
    for place, line in enumerate(lines):
        key = line_key(line)
        for other in lines[place + 1 : place + _MOST_GLUED]:
            if line not in covered or other not in covered:
                break
            key += line_key(other)
            yield key


def _kept(
    running: Mapping[int, Sequence[_Line]], covered: Mapping[int, set[str]], pages: Mapping[int, Sequence[str]]
) -> Iterator[tuple[int, list[KeptLine]]]:
    """Yield the running lines that stay on the first page that has them: words that the text does not say else."""
    said = {_letters(line) for page, lines in pages.items() for line in lines if line not in covered.get(page, ())}
    for page in sorted(covered):
        kept: list[KeptLine] = []
        for line in running[page]:
            letters = _letters(line.drawn)
            if line.drawn in covered[page] and letters and letters not in said and not _is_page_number(line.text):
                kept.append(KeptLine(_plain(line.text), line.top))
                said.add(letters)
        if kept:
            yield page, kept


def _is_page_number(text: str) -> bool:
    return _NUMBER_ALONE.fullmatch(_NUMBER.sub("#+0", text, count=1)) is not None


def _letters(line: str) -> str:
    return _DIGITS.sub("", line_key(line)).casefold()


def _plain(line: str) -> str:
    return " ".join(line.split())
