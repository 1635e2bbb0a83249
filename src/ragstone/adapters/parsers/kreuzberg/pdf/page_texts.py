"""The text of pages as the file draws it, line by line: the truth about what kreuzberg says is there."""

from collections.abc import Mapping, Sequence

from ragstone.adapters.parsers.kreuzberg.pdf.false_ligatures import marked_lines, without_false_ligatures
from ragstone.adapters.parsers.kreuzberg.pdf.filling import Line, with_lines
from ragstone.adapters.parsers.kreuzberg.pdf.line_text import compounds_of, printable, with_hard_hyphens
from ragstone.adapters.parsers.kreuzberg.pdf.page_edges import apart
from ragstone.adapters.parsers.kreuzberg.pdf.page_looks import PageLook


class PageTexts:
    """The lines of each page by its number, with what is filled in; ``unplaced`` is what is filled in nowhere."""

    def __init__(self, texts: Mapping[int, str], looks: Mapping[int, PageLook]) -> None:
        sideways = {page: look.text for page, look in looks.items() if look.text is not None and page in texts}
        texts = {**texts, **sideways}
        self._compounds = compounds_of(texts.values())
        self._marked = {page: marked for page, text in texts.items() if (marked := marked_lines(text))}
        self._waiting: dict[int, Sequence[Line]] = {page: look.lines for page, look in looks.items() if look.lines}
        self.lines: dict[int, list[str]] = {}
        self.unplaced = {page: _values(lines) for page, lines in self._waiting.items()}
        for page, text in texts.items():
            shown = printable(with_hard_hyphens(text, self._compounds))
            if page in self._waiting:
                shown, left = with_lines(shown, self._waiting[page])
                self.unplaced[page] = _values(left)
            edges = looks[page].edges if page in looks else None
            self.lines[page] = list(apart(shown.split("\n"), edges))

    def corrected(self, page: int, text: str) -> str:
        """Return kreuzberg's text of a part of a page as the page has it, with what is filled in there."""
        text = without_false_ligatures(text, self._marked.get(page, {}))
        text = printable(with_hard_hyphens(text, self._compounds))
        if page in self._waiting:
            text, self._waiting[page] = with_lines(text, self._waiting[page])
        return text


def _values(lines: Sequence[Line]) -> list[str]:
    return [value for line in lines for value in line.values]
