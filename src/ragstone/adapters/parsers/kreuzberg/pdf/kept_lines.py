"""Running lines that a page is the first to have, put among the blocks of a document."""

from collections.abc import Iterator, Mapping, Sequence

from ragstone.adapters.parsers.kreuzberg.pdf.page_blocks import SENTENCE_END, Block, paragraph
from ragstone.adapters.parsers.kreuzberg.pdf.running_lines import KeptLine


def with_kept(blocks: Sequence[Block], kept: Mapping[int, Sequence[KeptLine]]) -> list[Block]:
    """Return blocks, in the order of their pages, with each page's headers before and its footers after its own.

    Nothing comes between the parts of a paragraph or table that goes on over pages: they stay at their pages' edges.
    """
    pages: dict[int, list[Block]] = {page: [] for page, lines in kept.items() if lines}
    for block in blocks:
        pages.setdefault(block.page, []).append(block)
    numbers = sorted(pages)
    shown: list[Block] = []
    for number in numbers:
        own, lines = pages[number], kept.get(number, ())
        if lines:
            own = list(_placed(number, own, lines, pages.get(number - 1, ()), pages.get(number + 1, ())))
        shown += own
    return shown


def _placed(
    page: int, own: Sequence[Block], lines: Sequence[KeptLine], before: Sequence[Block], after: Sequence[Block]
) -> Iterator[Block]:
    first = int(bool(before) and len(own) > 1 and _may_go_on(before[-1], own[0]))
    last = len(own) - int(bool(after) and len(own) > first and _may_go_on(own[-1], after[0]))
    yield from own[:first]
    yield from (paragraph(line.text, page) for line in lines if line.top)
    yield from own[first:last]
    yield from (paragraph(line.text, page) for line in lines if not line.top)
    yield from own[last:]


def _may_go_on(block: Block, following: Block) -> bool:
    if block.kind != following.kind:
        return False
    cut = block.kind == "paragraph" and following.text[:1].islower() and not block.text.endswith(SENTENCE_END)
    return cut or block.kind == "table"
