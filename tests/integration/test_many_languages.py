"""One collection of many languages, most of it English: what stands in a document is found, whichever its language."""

from uuid import UUID

import pytest

from ragstone.container import Container
from ragstone.domain.access import EVERYONE, LOCAL, Principal
from ragstone.domain.documents import Chunk
from ragstone.domain.queries import Scope
from ragstone.postgres.lexical.index import SegmentedLexicalIndex
from ragstone.postgres.lexical.spelling import Spelling
from ragstone.retrieve.analysis import detect
from ragstone.retrieve.analysis.words import words
from ragstone.testing.records import store

EVERYWHERE = Scope(LOCAL)
BOARD = Principal(readers=frozenset({EVERYONE, "board"}))
ENGLISH = 40
TEXTS = {
    "ru": "Зелёная ёлка стоит у реки, и в доме старого мельника было тихо, потому что все ушли на праздник.",
    "hi": "दिल्ली भारत की राजधानी है और यहाँ की पुरानी इमारतें बहुत प्रसिद्ध हैं, इसलिए यात्री हर साल आते हैं।",
    "fi": "Ihmiset kulkivat hiljaisten metsien läpi, ja he olivat iloisia, koska talvi oli vihdoin ohi.",
    "es": "Las canciones antiguas de los pescadores se cantaban en las plazas cuando llegaban los barcos.",
    "de": "Die alten Häuser am Marktplatz wurden verkauft, weil die Verträge der Bewohner nicht verlängert wurden.",
    "el": "Η Αθήνα είναι η πρωτεύουσα της Ελλάδας και οι δρόμοι της ήταν γεμάτοι με ανθρώπους.",
    "fr": "Les rivières étaient gelées et les villageois marchaient sur la glace avec leurs chevaux.",
    "nl": "De molens draaiden langzaam, want er was weinig wind en het graan werd niet gemalen.",
    "tr": "Köylüler ağaçların altında oturuyordu ve çocuklar için yeni bir okul yapılacak diye konuşuyordu.",
    "pl": "Stare zamki nad rzeką były opuszczone, ale ludzie opowiadali o nich dziwne historie.",
    "hu": "A hegyekben élő pásztorok nem mentek haza, mert a hó elzárta az utakat és a hidakat.",
    "sv": "Fiskarna sålde sina båtar när hamnen stängdes, men de flesta ville inte flytta från ön.",
    "it": "Gli scultori lavoravano nelle cave di marmo e le loro statue erano vendute ai principi.",
    "pt": "As laranjeiras não floresceram este ano, porque as chuvas começaram muito tarde e foram fracas.",
    "ar": "كانت المكتبات القديمة في المدينة مفتوحة للطلاب الذين يبحثون عن الكتب النادرة.",
    "ja": "古い港の灯台は、漁師たちが夜に帰るための目印でした。",
    "th": "ชาวนาปลูกข้าวในทุ่งนาใกล้แม่น้ำทุกปี",
}


@pytest.fixture
async def chunks(container: Container) -> dict[str, Chunk]:
    """The chunk of each language's one document, beside many English ones."""
    for number in range(ENGLISH):
        text = (
            f"The granite quarry number {number} was closed in the spring, and its stones were shipped to the harbour."
        )
        await store(container.record, container.lexical, [text])
    return {
        language: (await store(container.record, container.lexical, [text]))[1][0] for language, text in TEXTS.items()
    }


async def found(container: Container, question: str) -> set[UUID]:
    return {each.chunk_id for each in (await container.lexical.search(question, EVERYWHERE, 200)).ranked}


def test_the_languages_of_the_texts_are_told() -> None:
    assert {language: detect(text) for language, text in TEXTS.items()} == {language: language for language in TEXTS}


async def test_each_word_of_a_document_finds_it(container: Container, chunks: dict[str, Chunk]) -> None:
    missed = [
        (language, part)
        for language, text in TEXTS.items()
        for word in words(text)
        for part in word.parts
        if chunks[language].id not in await found(container, part)
    ]
    assert missed == []


async def test_other_forms_of_a_word_find_it(container: Container, chunks: dict[str, Chunk]) -> None:
    for language, form in (("ru", "ёлки"), ("de", "Häusern"), ("es", "canción"), ("fi", "ihmisten"), ("pl", "ZAMKI")):
        assert await found(container, form) == {chunks[language].id}, form


async def test_a_question_in_a_language_of_one_document_finds_it(
    container: Container, chunks: dict[str, Chunk]
) -> None:
    for language, question in (("ru", "Где стоит ёлка у реки?"), ("de", "Wer hat die Häuser verkauft?")):
        matches = await container.lexical.search(question, EVERYWHERE, 1)
        assert (matches.language, [each.chunk_id for each in matches.ranked]) == (language, [chunks[language].id])


async def test_a_word_among_english_ones_finds_its_document(container: Container, chunks: dict[str, Chunk]) -> None:
    matches = await container.lexical.search("which quarry sold the Ihmiset granite", EVERYWHERE, 1)
    assert [each.chunk_id for each in matches.ranked] == [chunks["fi"].id]


async def test_a_quoted_phrase_finds_its_document_alone(container: Container, chunks: dict[str, Chunk]) -> None:
    for language, text in TEXTS.items():
        pieces = text.split()
        middle = len(pieces) // 2
        phrase = " ".join(pieces[middle - 1 : middle + 2]) if len(pieces) > 2 else text[:6]
        assert await found(container, f'"{phrase}"') == {chunks[language].id}, phrase


async def test_a_word_of_another_language_is_not_misspelt(container: Container, chunks: dict[str, Chunk]) -> None:
    searched = SegmentedLexicalIndex(container.database, spelling=Spelling.SEARCHED)
    matches = await searched.search("granite Verträge", EVERYWHERE, 1)
    assert (list(matches.corrections), [each.chunk_id for each in matches.ranked]) == ([], [chunks["de"].id])


async def test_a_language_that_only_hidden_documents_have_is_not_looked_for(container: Container) -> None:
    _, (hidden_chunk,) = await store(
        container.record, container.lexical, [TEXTS["de"]], principal=BOARD, readers=("board",)
    )
    _, (open_chunk,) = await store(container.record, container.lexical, ["The haus of cards was sold and it was his."])
    for principal, expected in ((LOCAL, set[UUID]()), (BOARD, {open_chunk.id, hidden_chunk.id})):
        matches = await container.lexical.search("Häusern", Scope(principal), 10)
        assert {each.chunk_id for each in matches.ranked} == expected
