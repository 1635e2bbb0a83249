"""On which pages a stretch of text stands."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace

from ragstone.domain.documents import PageSpan


class Pages:
    """The pages of a text, in order; each goes as far as the next one begins."""

    def __init__(self, spans: Sequence[PageSpan]) -> None:
        self._spans = spans
        self._starts = [span.start for span in spans]

    def within(self, start: int, end: int) -> tuple[PageSpan, ...]:
        """Return the parts of pages that make up ``text[start:end]``; none where it begins before the first page."""
        first = bisect_right(self._starts, start) - 1
        if first < 0:
            return ()
        last = max(bisect_left(self._starts, end), first + 1)
        ends = [*self._starts[first + 1 : last], end]
        return tuple(
            replace(span, start=max(span.start, start), end=until)
            for span, until in zip(self._spans[first:last], ends, strict=True)
        )


def longest(spans: Sequence[PageSpan]) -> PageSpan | None:
    """Return the page that most of the text stands on, the first of several."""
    return max(spans, key=lambda span: span.end - span.start, default=None)
