"""What a question asks of segments: its terms, by the languages of what may be found, and their postings."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ragstone.domain.queries import Scope
from ragstone.postgres.database import Database
from ragstone.postgres.lexical.corpora import View
from ragstone.postgres.lexical.phrases import Phrase, words_of
from ragstone.postgres.lexical.postings import PostingCache
from ragstone.postgres.lexical.segments import fetch
from ragstone.postgres.lexical.spelling import absent_groups, standing
from ragstone.retrieve.analysis import QuestionTerms, detect, question_terms
from ragstone.retrieve.analysis.questions import further_terms
from ragstone.retrieve.computing import computed
from ragstone.retrieve.lexical.blocks import Posting
from ragstone.retrieve.lexical.scoring import Part
from ragstone.retrieve.lexical.segment import term_key

_LEAST_SHARE = 0.05
"""Of the documents: a word's stem in a language that few have is more often another word of the others."""
_SHORT = 300
"""Characters of a question that is read at once."""
_MOST_ABSENT = 32
"""Words of one question, which no chunk has, that are looked for in all languages of the documents."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its terms, for documents in ``languages``, and their postings in the segments ``views``.

    ``absent``: the groups that no chunk in view has, with their places.
    """

    question: str
    scope: Scope
    terms: QuestionTerms
    languages: Sequence[str]
    views: Sequence[View]
    parts: Sequence[Part]
    absent: Mapping[tuple[str, ...], int]


class Questions:
    """Looks up what questions ask. ``cache_bytes`` of the postings that were read last are kept in memory."""

    def __init__(self, database: Database, *, cache_bytes: int) -> None:
        self._database = database
        self._postings = PostingCache(cache_bytes)

    async def asked(
        self, question: str, scope: Scope, terms: QuestionTerms, languages: Sequence[str], views: Sequence[View]
    ) -> Asked:
        """Return the question with its postings; words that no chunk in view has are looked for in all languages.

        What no chunk has either way stays as it is. So a word finds the texts that it stands in, of whichever
        language, and one that the usual languages have is no dearer.
        """
        parts = await self.parts(views, terms)
        absent = absent_groups(terms, parts)
        asked = Asked(question, scope, terms, languages, views, parts, absent)
        few = set(list(absent)[:_MOST_ABSENT])
        if not few:
            return asked
        more = await asyncio.to_thread(further_terms, question, languages, list(_counted(views)), few)
        if not more:
            return asked
        there = standing(list(more.values()), views, await self._postings_of(views, list(more.values())))
        wider = {group: (*group, *found) for group, found in zip(more, there, strict=True) if found}
        if not wider:
            return asked
        terms = replace(terms, groups=tuple(wider.get(group, group) for group in terms.groups))
        absent = {group: place for group, place in absent.items() if group not in wider}
        return replace(asked, terms=terms, parts=await self.parts(views, terms), absent=absent)

    async def required(
        self, views: Sequence[View], phrases: Sequence[Phrase], languages: Sequence[str]
    ) -> list[list[list[Posting]]]:
        """Return for each segment the postings of each word of the phrases.

        Where one of the words stands nowhere by the usual languages, the phrase is of another one.
        """
        words = words_of(phrases, languages)
        required = await self._postings_of(views, words)
        if all(standing(words, views, required)):
            return required
        # The first words keep most chunks out; the text is looked at for them all.
        words = await asyncio.to_thread(words_of, phrases, list(_counted(views)))
        return await self._postings_of(views, words[:_MOST_ABSENT])

    async def parts(self, views: Sequence[View], asked: QuestionTerms) -> list[Part]:
        """Return the segments with their postings of the question's terms."""
        postings = await self._postings_of(views, asked.groups)
        return [
            Part(view.members.chunk_ids, view.members.lengths, view.mask, groups, unit=view.members.unit)
            for view, groups in zip(views, postings, strict=True)
        ]

    async def _postings_of(self, views: Sequence[View], groups: Sequence[Sequence[str]]) -> list[list[list[Posting]]]:
        """Return for each segment the postings of each term of each group."""
        keys = [[term_key(term) for term in group] for group in groups]
        postings = await self._fetched([(view.number, term) for view in views for group in keys for term in group])
        return [[[postings[view.number, term] for term in group] for group in keys] for view in views]

    async def _fetched(self, wanted: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], Posting]:
        found = self._postings.get(wanted)
        missing = [key for key in dict.fromkeys(wanted) if key not in found]
        if missing:
            async with self._database.reading() as connection:
                read = await fetch(connection, missing)
            self._postings.put(read)
            found |= read
        return found


def _counted(views: Sequence[View]) -> dict[str, int]:
    """Return how many versions in view have each language, the most frequent first."""
    counted: Counter[str] = Counter()
    for view in views:
        counted.update(view.languages)
    # Equals by name: in which order segments come is not for what is hidden in them to say.
    return dict(sorted(counted.items(), key=lambda each: (-each[1], each[0])))


async def terms_of(question: str, views: Sequence[View]) -> tuple[list[str], QuestionTerms]:
    """Return the languages that a question is looked for in, the most frequent first, and its terms.

    They are those that a good part of what may be found has, and the question's own if anything has it.
    """
    return await computed(len(question) <= _SHORT, _terms_of, question, views)


def _terms_of(question: str, views: Sequence[View]) -> tuple[list[str], QuestionTerms]:
    counted, spoken = _counted(views), detect(question)
    least = _LEAST_SHARE * sum(counted.values())
    languages = [language for language, versions in counted.items() if versions >= least or language == spoken]
    return languages, question_terms(question, languages)
