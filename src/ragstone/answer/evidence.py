"""What the passages hold that bears on a question, read by words alone: what comes before any embedding."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ragstone.answer.expectation import Expectation, expectation_of
from ragstone.answer.terms import Language, language_of, rarity
from ragstone.domain.answers import Passage
from ragstone.domain.sentences import Kind, Unit, units

MOST_BROUGHT: Final = 700
"""Characters of the code or the list that a sentence may bring along."""
_LINK: Final = re.compile(r"!?\[([^\[\]]{0,300})\]\([^()\s]{0,500}\)")
_TAG: Final = re.compile(r"</?[A-Za-z][^<>]{0,500}>")
_EMPHASIS: Final = re.compile(r"\*{1,3}|`+|(?<!\w)_{1,3}|_{1,3}(?!\w)")
_UNREADABLE: Final = re.compile(r"^[\W\d_]*$")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, read once: its language, what it is about and what kind of answer it expects."""

    text: str
    language: Language
    terms: tuple[str, ...]
    pairs: frozenset[tuple[str, str]]
    expects: Expectation


@dataclass(frozen=True, slots=True)
class Read:
    """A passage, read once. ``place`` holds the words of its title and headings."""

    passage: Passage
    units: tuple[Unit, ...]
    terms: frozenset[str]
    place: frozenset[str]

    def text(self, first: int, last: int | None = None) -> str:
        """Return the text from the first unit to the last one, both included."""
        end = self.units[first if last is None else last].end
        return self.passage.hit.chunk.text[self.units[first].start : end]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A unit that may be quoted: the ``index``-th of passage ``position`` (both from 0).

    ``first`` to ``last`` are the units that it is quoted with: the head of its table, the list or the code
    that it announces. ``text`` and ``terms`` are theirs, as they are read aloud, without link targets and
    tags; ``links`` is the share of the source that links take up, ``shows`` whether it holds code or a list.
    ``around`` holds the neighbours' words too.
    """

    position: int
    index: int
    first: int
    last: int
    kind: Kind
    text: str
    links: float
    shows: bool
    terms: frozenset[str]
    pairs: frozenset[tuple[str, str]]
    around: frozenset[str]


@dataclass(frozen=True, slots=True)
class Reading:
    """The question and the passages. ``weights``: how rare each of the question's words is among the passages."""

    asked: Asked
    passages: tuple[Read, ...]
    sentences: tuple[Sentence, ...]
    weights: dict[str, float]


def read(question: str, passages: Sequence[Passage]) -> Reading:
    """Read a question and the passages that were found for it."""
    asked = _asked(question)
    reads = tuple(_read(passage, asked.language) for passage in passages)
    found = [sentence for n, each in enumerate(reads) for sentence in _sentences(n, each, asked.language)]
    weights = rarity(asked.terms, [each.terms | each.place for each in reads])
    return Reading(asked, reads, tuple(found), weights)


def quotable(unit: Unit) -> bool:
    """Say whether a unit may be quoted: headings and markup are not sentences."""
    return unit.kind not in (Kind.HEADING, Kind.MARKUP)


def _asked(question: str) -> Asked:
    language = language_of(question)
    all_terms = language.terms(question)
    terms = language.content_terms(question) or list(dict.fromkeys(all_terms))
    return Asked(question, language, tuple(terms), _pairs(all_terms), expectation_of(question))


def _read(passage: Passage, language: Language) -> Read:
    chunk = passage.hit.chunk
    place = "\n".join((passage.hit.title, *chunk.heading_path))
    return Read(passage, units(chunk.text), frozenset(language.terms(chunk.text)), frozenset(language.terms(place)))


def _sentences(position: int, each: Read, language: Language) -> Iterator[Sentence]:
    terms = [language.terms(aloud(each.text(index))) for index in range(len(each.units))]
    heads = _table_heads(each)
    for index, unit in enumerate(each.units):
        if not quotable(unit) or _is_head(each, index) or _UNREADABLE.match(each.text(index)):
            continue
        head, last = heads[index], announced(each, index)
        short = each.units[last].end - each.units[head].start <= MOST_BROUGHT
        source = f"{each.text(head)}\n{each.text(index)}" if head < index else each.text(index, last)
        mine = (terms[head] if head < index else []) + [term for own in terms[index : last + 1] for term in own]
        around = [term for near in terms[max(0, index - 1) : last + 2] for term in near]
        yield Sentence(
            position=position,
            index=index,
            first=head if short else index,
            last=last,
            kind=unit.kind,
            text=aloud(source),
            links=sum(len(link[0]) for link in _LINK.finditer(source)) / len(source),
            shows="`" in source or last > index or unit.kind in (Kind.ITEM, Kind.CODE),
            terms=frozenset(mine),
            pairs=_pairs(mine),
            around=frozenset(mine + around),
        )


def aloud(text: str) -> str:
    """Return Markdown as it is read aloud: of a link its words, no tags, no emphasis."""
    return _EMPHASIS.sub("", _TAG.sub("", _LINK.sub(r"\1", text)))


def announced(each: Read, index: int) -> int:
    """Return the last unit of what follows the end of a paragraph and completes it, if that is short.

    A sentence that ends with a colon brings a list, code or a table; one that does not, a list.
    """
    if each.units[index].kind is not Kind.PROSE:
        return index
    colon = each.text(index).rstrip("*_ ").endswith(":")
    begin, last = each.units[index].end, index
    for following, unit in enumerate(each.units[index + 1 :], index + 1):
        wanted = unit.kind is Kind.ITEM or (colon and (unit.kind is Kind.CODE or _in_table(each, following)))
        if not wanted or unit.end - begin > MOST_BROUGHT:
            break
        last = following
        if unit.kind is Kind.CODE:
            break
    return last


def _in_table(each: Read, index: int) -> bool:
    return each.units[index].kind in (Kind.ROW, Kind.MARKUP) and each.text(index).startswith("|")


def _is_head(each: Read, index: int) -> bool:
    """Say whether a unit is a table's first row, which a row of dashes follows."""
    if each.units[index].kind is not Kind.ROW or index + 1 == len(each.units):
        return False
    return each.units[index + 1].kind is Kind.MARKUP and _in_table(each, index + 1)


def _table_heads(each: Read) -> list[int]:
    """Return for each unit the head of the table that it is a row of; itself where there is none in the passage."""
    heads, head = [], -1
    for index in range(len(each.units)):
        if _is_head(each, index):
            head = index
        elif not _in_table(each, index):
            head = -1
        heads.append(head if head >= 0 else index)
    return heads


def _pairs(terms: Sequence[str]) -> frozenset[tuple[str, str]]:
    return frozenset(itertools.pairwise(terms))
