"""Slides one below the other, and where each lies."""

from collections.abc import Iterable

from ragstone.domain.documents import PageSpan


def paged(slides: Iterable[str]) -> tuple[str, tuple[PageSpan, ...]]:
    """Return the texts of slides as one text, with a page for each that says something, numbered as in the show."""
    parts: list[str] = []
    pages: list[PageSpan] = []
    length = 0
    for number, text in enumerate(slides, 1):
        if not text:
            continue
        separator = "\n\n" if parts else ""
        pages.append(PageSpan(number, length + len(separator), length + len(separator) + len(text)))
        parts += (separator, text)
        length = pages[-1].end
    return "".join(parts), tuple(pages)
