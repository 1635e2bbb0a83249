"""The ``LexicalIndex`` port: segments of postings in PostgreSQL, scored in this process."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

import structlog
from psycopg import errors

from ragstone.domain.access import EVERYONE
from ragstone.domain.errors import DatabaseUnavailable
from ragstone.domain.queries import Correction, Ranked, Scope
from ragstone.ports.lexical_index import Entry, Matches
from ragstone.ports.record import Transaction
from ragstone.postgres.database import Connection, Database
from ragstone.postgres.lexical.calls import Calls
from ragstone.postgres.lexical.corpora import Corpora
from ragstone.postgres.lexical.looking import Looking
from ragstone.postgres.lexical.making import in_segments, languages_of, made_by, make_segment
from ragstone.postgres.lexical.phrases import holding
from ragstone.postgres.lexical.questions import Asked, Questions, terms_of
from ragstone.postgres.lexical.scoping import chunks_inside, masks_of
from ragstone.postgres.lexical.segments import DamagedSegment, SegmentGone, add_segment, drop_segment
from ragstone.postgres.lexical.spelling import (
    PATIENCE,
    Corrected,
    Spelling,
    corrections,
    doubted,
    guessed,
    instead,
)
from ragstone.postgres.lexical.vocabularies import Vocabularies
from ragstone.postgres.record import connection_of
from ragstone.retrieve.lexical.fields import FieldWeights
from ragstone.retrieve.lexical.scoring import Formula

DEFAULT_LANGUAGE = "en"
_BEGIN = """
    update versions v set indexed_title = entry.title
    from unnest(%(ids)s::uuid[], %(titles)s::text[]) entry (id, title), documents d
    where v.id = entry.id and d.id = v.document_id
    returning v.id, d.collection_id, v.readers
"""
_USUAL_LANGUAGE = """
    select language, count(*) from (
        select m.language from lexical_members m
        join lexical_segments s on s.id = m.segment_id join versions v on v.id = m.version_id
        where s.collection_id = %s and (v.readers @> %s::text[] or v.readers @> %s::text[]) limit 1000) few
    group by language
"""
_MOST_TRIES = 100
"""Segments may be merged, or be found damaged, again and again while one question is looked for."""
_HOLDING = (500, 5_000)
"""Chunks that have all words of a phrase, of which the text is looked at: the best, and where these are not enough,
more of them."""
_WORDS_LOST = (
    "The words of some documents were lost, and are indexed anew, as a rule within seconds;"
    " until then these are found by meaning alone."
)
_VOCABULARY_LATE = "The words of the documents are being read; slips of the pen are looked for soon."
_NO_PHRASE = "No passage has the words in quotes one after the other; they were searched for one by one."
_NOT_ALL_READ = f"More than {_HOLDING[-1]:,} passages have all the words in quotes; not all were looked at."
_TRIED = 4
_LEAST_TRIED = 200
Found = TypeVar("Found")

log = structlog.get_logger(__name__)


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
        self._calls = Calls(database)
        self._questions = Questions(database, cache_bytes=cache_bytes)
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
            told = [(language, readers[each]) for each, language in languages.items() if language]
            untold = {readers[each] for each, language in languages.items() if not language}
            usual = {names: await _usual_language(connection, collection_id, names, told) for names in sorted(untold)}
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
                await self._drop(error.number)
        raise DatabaseUnavailable("The index of words is being built anew.", remedy="Try again.", retry_after=5)

    async def _drop(self, number: int) -> None:
        try:
            async with self._database.connection() as connection:
                await drop_segment(connection, number)
        except (errors.ReadOnlySqlTransaction, errors.InsufficientPrivilege) as error:
            raise DatabaseUnavailable(
                "A part of the index of words is damaged, and nothing may be written here.",
                remedy="`ragstone index rebuild --words`, where the record may be written, indexes them anew.",
            ) from error

    async def _search(self, question: str, scope: Scope, limit: int) -> Matches:
        views, lacks_words = await self._corpora.in_view(scope.principal, scope.collections)
        missing: dict[str, str] = {}
        if lacks_words:
            missing["words"] = _WORDS_LOST
            await self._calls.call()
        languages, terms = await terms_of(question, views)
        spoken = terms.language or next(iter(languages), "")
        if not terms.groups or not views:
            return Matches(language=spoken, missing=missing)
        looked = await self._questions.asked(question, scope, terms, languages, views)
        asked, parts, corrected = looked.terms, looked.parts, list[Corrected]()
        if self._spelling is not Spelling.OFF:
            try:
                corrected = await self._corrected(looked, PATIENCE)
            except TimeoutError:
                missing["spelling"] = _VOCABULARY_LATE
            if corrected and self._spelling is Spelling.SEARCHED:
                asked = instead(asked, corrected)
                parts = await self._questions.parts(views, asked)
        looking = Looking(scope, views, parts, asked.weights, self._formula)
        told = Matches(language=spoken, corrections=[each.correction for each in corrected], missing=missing)
        if asked.phrases:
            required = await self._questions.required(views, asked.phrases, languages)
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
        views, _ = await self._corpora.in_view(scope.principal, scope.collections)
        languages, terms = await terms_of(question, views)
        if not terms.groups or not views:
            return ()
        corrected = await self._corrected(await self._questions.asked(question, scope, terms, languages, views), None)
        return [each.correction for each in corrected]

    async def _corrected(self, asked: Asked, patience: float | None) -> list[Corrected]:
        if not asked.absent:
            return []
        doubts = await asyncio.to_thread(doubted, asked.question, asked.terms, asked.absent, asked.languages)
        vocabularies = await self._vocabularies.of(asked.views, patience) if doubts.words else None
        if vocabularies is None:
            return []
        guesses = await asyncio.to_thread(guessed, doubts, asked.views, vocabularies)
        if not guesses:
            return []
        async with self._database.reading() as connection:
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
        async with self._database.reading() as connection:
            inside = await chunks_inside(connection, looking.scope, [each.chunk_id for each in found])
            if len(inside) >= limit or len(found) < tried:
                return [each for each in found if each.chunk_id in inside][:limit], most
            within = await masks_of(connection, looking.scope, looking.views)
        return await looking.within(within).best(limit)


async def _usual_language(
    connection: Connection, collection_id: UUID, readers: Sequence[str], told: Sequence[tuple[str, Sequence[str]]]
) -> str:
    """Return the language that most of a collection's documents have: that of a text too short to tell it.

    Only what every one of the text's readers may read, too, has a say: what a reader may not read changes nothing.
    ``told``: languages, with their readers, of what comes into the index together with the text.
    """
    cursor = await connection.execute(_USUAL_LANGUAGE, (collection_id, list(readers), [EVERYONE]))
    counted: Counter[str] = Counter(dict(await cursor.fetchall()))
    counted.update(language for language, those in told if EVERYONE in those or set(readers).issubset(those))
    return min(counted, key=lambda each: (-counted[each], each), default=DEFAULT_LANGUAGE)
