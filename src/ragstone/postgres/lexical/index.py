"""The ``LexicalIndex`` port: segments of postings in PostgreSQL, scored in this process."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID

import structlog

from ragstone.domain.access import EVERYONE
from ragstone.domain.errors import DatabaseUnavailable
from ragstone.domain.queries import Correction, Ranked, Scope
from ragstone.ports.lexical_index import Entry, Matches
from ragstone.ports.record import Transaction
from ragstone.postgres.database import Connection, Database
from ragstone.postgres.lexical.corpora import Corpora, View
from ragstone.postgres.lexical.looking import Looking
from ragstone.postgres.lexical.making import in_segments, languages_of, made_by, make_segment
from ragstone.postgres.lexical.phrases import Phrase, holding, words_of
from ragstone.postgres.lexical.postings import PostingCache
from ragstone.postgres.lexical.scoping import chunks_inside, masks_of
from ragstone.postgres.lexical.segments import DamagedSegment, SegmentGone, add_segment, drop_segment, fetch
from ragstone.postgres.lexical.spelling import (
    PATIENCE,
    Corrected,
    Spelling,
    absent_groups,
    corrections,
    doubted,
    guessed,
    instead,
    standing,
)
from ragstone.postgres.lexical.vocabularies import Vocabularies
from ragstone.postgres.record import connection_of
from ragstone.retrieve.analysis import QuestionTerms, detect, question_terms
from ragstone.retrieve.analysis.questions import further_terms
from ragstone.retrieve.lexical.blocks import Posting
from ragstone.retrieve.lexical.fields import FieldWeights
from ragstone.retrieve.lexical.scoring import Formula, Part
from ragstone.retrieve.lexical.segment import term_key

DEFAULT_LANGUAGE = "en"
_LEAST_SHARE = 0.05
"""Of the documents: a word's stem in a language that few have is more often another word of the others."""
_BEGIN = """
    update versions v set indexed_title = entry.title
    from unnest(%(ids)s::uuid[], %(titles)s::text[]) entry (id, title), documents d
    where v.id = entry.id and d.id = v.document_id
    returning v.id, d.collection_id, v.readers
"""
_USUAL_LANGUAGE = """
    select language from (
        select m.language from lexical_members m
        join lexical_segments s on s.id = m.segment_id join versions v on v.id = m.version_id
        where s.collection_id = %s and (v.readers @> %s::text[] or v.readers @> %s::text[]) limit 1000) few
    group by language order by count(*) desc, language limit 1
"""
_MOST_TRIES = 100
"""Segments may be merged, or be found damaged, again and again while one question is looked for."""
_HOLDING = (500, 5_000)
"""Chunks that have all words of a phrase, of which the text is looked at: the best, and where these are not enough,
more of them."""
_VOCABULARY_LATE = "The words of the documents are being read; slips of the pen are looked for soon."
_NO_PHRASE = "No passage has the words in quotes one after the other; they were searched for one by one."
_NOT_ALL_READ = f"More than {_HOLDING[-1]:,} passages have all the words in quotes; not all were looked at."
_MOST_ABSENT = 32
"""Words of one question, which no chunk has, that are looked for in all languages of the documents."""
_TRIED = 4
_LEAST_TRIED = 200
Found = TypeVar("Found")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Asked:
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


class SegmentedLexicalIndex:
    """Ranks chunks by BM25. ``cache_bytes`` of the postings that were read last are kept in memory.

    ``spelling`` says what a search does about words that no chunk has, ``weights`` what a word counts where. Segments
    of other weights are searched as they are; ``made_by`` is what those of these weights are marked with.
    """

    def __init__(
        self,
        database: Database,
        *,
        formula: Formula | None = None,
        cache_bytes: int = 256 << 20,
        spelling: Spelling = Spelling.OFF,
        weights: FieldWeights = FieldWeights(),
    ) -> None:
        self._database = database
        self._formula = formula or Formula()
        self._weights = weights
        self.made_by = made_by(weights)
        self._corpora = Corpora(database)
        self._postings = PostingCache(cache_bytes)
        self._spelling = spelling
        self._vocabularies = Vocabularies(database)

    async def add(self, transaction: Transaction, entries: Sequence[Entry]) -> None:
        """Index versions; they are found once ``transaction`` commits. What was indexed of them before goes."""
        if not entries:
            return
        connection = connection_of(transaction)
        titles = {each.version_id: each.title for each in entries}
        cursor = await connection.execute(_BEGIN, {"ids": list(titles), "titles": list(titles.values())})
        versions = await cursor.fetchall()
        collections: dict[UUID, UUID] = {version_id: collection_id for version_id, collection_id, _ in versions}
        readers = {version_id: tuple(sorted(names)) for version_id, _, names in versions}
        await connection.execute("delete from lexical_members where version_id = any(%s)", (list(titles),))
        for collection_id in dict.fromkeys(collections.values()):
            those = [each for each in entries if collections.get(each.version_id) == collection_id]
            languages = dict(zip((each.version_id for each in those), await languages_of(those), strict=True))
            untold = {readers[version_id] for version_id, language in languages.items() if not language}
            usual = {names: await _usual_language(connection, collection_id, names) for names in sorted(untold)}
            of_all = {each: language or usual[readers[each]] for each, language in languages.items()}
            await self._add(connection, collection_id, those, of_all)

    async def _add(
        self, connection: Connection, collection_id: UUID, entries: Sequence[Entry], languages: Mapping[UUID, str]
    ) -> None:
        for lot in in_segments(entries):
            segment = await make_segment(lot, languages, self._weights)
            number = await add_segment(connection, collection_id, self.made_by, segment)
            ids = [each.version_id for each in lot]
            await connection.execute(
                "insert into lexical_members (version_id, segment_id, language)"
                " select id, %s, language from unnest(%s::uuid[], %s::text[]) lot (id, language)",
                (number, ids, [languages[each] for each in ids]),
            )

    async def search(self, question: str, scope: Scope, limit: int) -> Matches:
        """Return at most ``limit`` chunks in ``scope``."""
        return await self._trying(lambda: self._search(question, scope, limit))

    async def spelling(self, question: str, scope: Scope) -> Sequence[Correction]:
        """Return what those words of the question may have been meant to be that stand nowhere in view."""
        return await self._trying(lambda: self._spelt(question, scope))

    async def _trying(self, look: Callable[[], Awaitable[Found]]) -> Found:
        """Look until no segment goes, or turns out to be damaged, meanwhile."""
        for _ in range(_MOST_TRIES):
            try:
                return await look()
            except SegmentGone:
                continue
            except DamagedSegment as error:
                log.warning("words_damaged", segment=error.number, remedy="its versions are indexed anew")
                async with self._database.connection() as connection:
                    await drop_segment(connection, error.number)
        raise DatabaseUnavailable("The index of words is being built anew.", remedy="Try again.", retry_after=5)

    async def _search(self, question: str, scope: Scope, limit: int) -> Matches:
        views = await self._corpora.views(scope.principal, scope.collections)
        languages, terms = await asyncio.to_thread(_terms, question, views)
        spoken = terms.language or next(iter(languages), "")
        if not terms.groups or not views:
            return Matches(language=spoken)
        looked = await self._asked(question, scope, terms, languages, views)
        asked, parts, corrected, missing = looked.terms, looked.parts, [], dict[str, str]()
        if self._spelling is not Spelling.OFF:
            try:
                corrected = await self._corrected(looked, PATIENCE)
            except TimeoutError:
                missing["spelling"] = _VOCABULARY_LATE
            if corrected and self._spelling is Spelling.SEARCHED:
                asked = instead(asked, corrected)
                parts = await self._parts(views, asked)
        looking = Looking(scope, views, parts, asked.weights, self._formula)
        told = Matches(language=spoken, corrections=[each.correction for each in corrected], missing=missing)
        if asked.phrases:
            required = await self._required(views, asked.phrases, languages)
            held, most, whole = await self._quoted(looking.requiring(required), asked.phrases, limit)
            if not (held and whole):
                missing["phrase"] = _NOT_ALL_READ if held or not whole else _NO_PHRASE
            if held:
                return replace(told, ranked=held, attainable=most)
        ranked, most = await self._inside(looking, limit)
        return replace(told, ranked=ranked, attainable=most)

    async def _quoted(
        self, looking: Looking, phrases: Sequence[Sequence[str]], limit: int
    ) -> tuple[Sequence[Ranked], float, bool]:
        """Return the best chunks that hold the phrases, the score that none can pass, and whether all were looked at
        that it took: those with all the words are many where these are usual, and their texts have to be read."""
        held: list[Ranked] = []
        read, most = 0, 0.0
        for bound in _HOLDING:
            candidates, most = await self._inside(looking, max(limit, bound))
            async with self._database.reading() as connection:
                there = await holding(connection, [each.chunk_id for each in candidates[read:]], phrases)
            held += [each for each in candidates[read:] if each.chunk_id in there]
            read = len(candidates)
            if len(held) >= limit or read < max(limit, bound):
                return held[:limit], most, True
        return held, most, False

    async def _spelt(self, question: str, scope: Scope) -> Sequence[Correction]:
        views = await self._corpora.views(scope.principal, scope.collections)
        languages, terms = await asyncio.to_thread(_terms, question, views)
        if not terms.groups or not views:
            return ()
        corrected = await self._corrected(await self._asked(question, scope, terms, languages, views), None)
        return [each.correction for each in corrected]

    async def _asked(
        self, question: str, scope: Scope, terms: QuestionTerms, languages: Sequence[str], views: Sequence[View]
    ) -> _Asked:
        """Return the question with its postings; words that no chunk in view has are looked for in all languages.

        What no chunk has either way stays as it is. So a word finds the texts that it stands in, of whichever
        language, and one that the usual languages have is no dearer.
        """
        parts = await self._parts(views, terms)
        absent = absent_groups(terms, parts)
        asked = _Asked(question, scope, terms, languages, views, parts, absent)
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
        return replace(asked, terms=terms, parts=await self._parts(views, terms), absent=absent)

    async def _required(
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

    async def _corrected(self, asked: _Asked, patience: float | None) -> list[Corrected]:
        if not asked.absent:
            return []
        doubts = await asyncio.to_thread(doubted, asked.question, asked.terms, asked.absent, asked.languages)
        vocabularies = await self._vocabularies.of(asked.views, patience) if doubts.words else None
        if vocabularies is None:
            return []
        guesses = await asyncio.to_thread(guessed, doubts, asked.views, vocabularies)
        if not guesses:
            return []
        async with self._database.connection() as connection:
            # A filter narrows what is found, not what words there are.
            everywhere = Scope(asked.scope.principal, asked.scope.collections)
            return await corrections(connection, everywhere, doubts.languages, guesses)

    async def _inside(self, looking: Looking, limit: int) -> tuple[Sequence[Ranked], float]:
        """Return the best chunks in the scope, and the score that none can pass."""
        if looking.scope.condition is None:
            return await looking.best(limit)
        # Most of the best are often inside; only where they are not is it worth asking for all that is.
        tried = max(_TRIED * limit, _LEAST_TRIED)
        found, most = await looking.best(tried)
        async with self._database.connection() as connection:
            inside = await chunks_inside(connection, looking.scope, [each.chunk_id for each in found])
            if len(inside) >= limit or len(found) < tried:
                return [each for each in found if each.chunk_id in inside][:limit], most
            within = await masks_of(connection, looking.scope, looking.views)
        return await looking.within(within).best(limit)

    async def _parts(self, views: Sequence[View], asked: QuestionTerms) -> list[Part]:
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


async def _usual_language(connection: Connection, collection_id: UUID, readers: Sequence[str]) -> str:
    """Return the language that most of a collection's documents have: that of a text too short to tell it.

    Only what every one of the text's readers may read, too, has a say: what a reader may not read changes nothing.
    """
    cursor = await connection.execute(_USUAL_LANGUAGE, (collection_id, list(readers), [EVERYONE]))
    row = await cursor.fetchone()
    return str(row[0]) if row else DEFAULT_LANGUAGE


def _counted(views: Sequence[View]) -> dict[str, int]:
    """Return how many versions in view have each language, the most frequent first."""
    counted: Counter[str] = Counter()
    for view in views:
        counted.update(view.languages)
    # Equals by name: in which order segments come is not for what is hidden in them to say.
    return dict(sorted(counted.items(), key=lambda each: (-each[1], each[0])))


def _terms(question: str, views: Sequence[View]) -> tuple[list[str], QuestionTerms]:
    """Return the languages that a question is looked for in, the most frequent first, and its terms.

    They are those that a good part of what may be found has, and the question's own if anything has it.
    """
    counted, spoken = _counted(views), detect(question)
    least = _LEAST_SHARE * sum(counted.values())
    languages = [language for language, versions in counted.items() if versions >= least or language == spoken]
    return languages, question_terms(question, languages)
