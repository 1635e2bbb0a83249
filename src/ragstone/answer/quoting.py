"""From a passage to a citation: which of its sentences to quote, and where they lie in the document."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ragstone.answer.support import numbers
from ragstone.answer.terms import coverage, language_of, rarity
from ragstone.domain.answers import Citation, Passage, Support
from ragstone.domain.sentences import Unit, sentences

SOURCE: Final = "documents"
"""What ``Citation.source`` says of everything that the record holds."""
MOST_SENTENCES: Final = 3
_WORTH_A_SENTENCE: Final = 0.12


@dataclass(frozen=True, slots=True)
class Quote:
    """Verbatim text of a passage; ``start`` and ``end`` count in the document's content."""

    passage: Passage
    text: str
    start: int
    end: int


def span_of(passage: Passage, start: int, end: int) -> Quote:
    """Quote ``[start:end]`` of the passage's own text."""
    chunk = passage.hit.chunk
    return Quote(passage, chunk.text[start:end], chunk.start + start, chunk.start + end)


def citation(quote: Quote, n: int, support: Support) -> Citation:
    """Return the citation with number ``n`` for ``quote``."""
    hit = quote.passage.hit
    page, page_label = hit.chunk.page_at(quote.start)
    return Citation(
        n=n,
        source=SOURCE,
        document_id=hit.document_id,
        chunk_id=hit.chunk.id,
        title=hit.title,
        uri=hit.uri,
        page=page,
        page_label=page_label,
        heading_path=hit.chunk.heading_path,
        quote=quote.text,
        start=quote.start,
        end=quote.end,
        score=hit.score,
        support=support,
    )


def quote_for(claim: str, passage: Passage, meaning: Sequence[float] | None = None) -> Quote:
    """Quote the one to three neighbouring sentences of ``passage`` that say the most of what ``claim`` says.

    ``meaning`` holds the cosine of the claim and each of ``sentences(passage text)``, where it is known;
    without it, words and numbers decide. A neighbour is added only where it brings what the others lack.
    """
    text = passage.hit.chunk.text
    lying = sentences(text)
    if not lying:
        return span_of(passage, 0, len(text))
    first, last = _best_run(claim, text, lying, meaning)
    return span_of(passage, lying[first].start, lying[last].end)


def _best_run(claim: str, text: str, lying: Sequence[Unit], meaning: Sequence[float] | None) -> tuple[int, int]:
    """Return the first and the last index of the run of sentences to quote."""
    language = language_of(claim)
    held = [set(language.terms(text[unit.start : unit.end])) | numbers(text[unit.start : unit.end]) for unit in lying]
    wanted = dict.fromkeys((*language.content_terms(claim), *numbers(claim)))
    weights = rarity(wanted, held)
    scores = [coverage(weights, terms) + (meaning[i] if meaning else 0.0) for i, terms in enumerate(held)]
    first = last = max(range(len(lying)), key=scores.__getitem__)
    said = set(held[first])
    while last - first + 1 < MOST_SENTENCES:
        have = coverage(weights, said)
        gains = {i: coverage(weights, said | held[i]) - have for i in (first - 1, last + 1) if 0 <= i < len(lying)}
        best = max(gains, key=gains.__getitem__, default=None)
        if best is None or gains[best] < _WORTH_A_SENTENCE:
            break
        said |= held[best]
        first, last = min(first, best), max(last, best)
    return first, last
