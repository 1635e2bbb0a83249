"""Chunks: nothing lost, nothing too long, cut where a reader would cut."""

import re
import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ragstone.domain.documents import Chunk, PageSpan, ParsedDocument, embedding_text
from ragstone.domain.markdown import heading_path_at, outline
from ragstone.ingest.chunking import chunk
from ragstone.ingest.unchanged import Former
from ragstone.ports.embedder import Tokenizer


class WordPieces:
    """Like BERT's: words and marks, words of more than eight characters in pieces, white space nothing."""

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\w{1,8}|[^\w\s]", text)]


class LeadingSpaces:
    """Like GPT's: the space before a word belongs to its token, so that a slice has other tokens than the whole."""

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        return [match.span() for match in re.finditer(r" ?\w{1,6}| ?[^\w\s]{1,3}|\s", text)]


class Characters:
    """One token for each character, white space too."""

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        return [(index, index + 1) for index in range(len(text))]


class WholeWords:
    """Like WordPiece on words past its limit: one token for a word of any length."""

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\S+", text)]


TOKENIZERS: list[Tokenizer] = [WordPieces(), LeadingSpaces(), Characters(), WholeWords()]


def cut(
    text: str,
    *,
    max_tokens: int = 40,
    overlap: float = 0.0,
    model_max_tokens: int = 512,
    media_type: str = "text/markdown",
    tokenizer: Tokenizer | None = None,
    title: str | None = None,
    pages: tuple[PageSpan, ...] = (),
    former: Former | None = None,
) -> list[Chunk]:
    return chunk(
        ParsedDocument(text, media_type, pages=pages),
        tokenizer or WordPieces(),
        max_tokens=max_tokens,
        overlap=overlap,
        model_max_tokens=model_max_tokens,
        title=title,
        former=former,
    )


def lost(text: str, chunks: Sequence[Chunk]) -> str:
    covered = bytearray(len(text))
    for piece in chunks:
        covered[piece.start : piece.end] = b"\1" * (piece.end - piece.start)
    return "".join(character for character, seen in zip(text, covered, strict=True) if not seen).strip()


fragments = st.sampled_from(
    [
        "# Title\n\n",
        "## Part { #part }\n",
        "Setext\n---\n",
        "A sentence here. Another one follows it! Is this the third? ",
        "word ",
        "averyveryverylongwordwithoutanyspaceinit" * 3,
        "\n",
        "\n\n",
        "- item one\n- item two\n  - nested\n",
        "| a | b |\n|---|---|\n| one | two |\n| three | four |\n",
        "```python\nx = 1\n    y = 2\n```\n",
        "```\nunclosed\n",
        "<!-- comment -->\n",
        "这是一个没有空格的句子。第二句话在这里，后面还有！",
        "ประโยคภาษาไทยที่ไม่มีช่องว่างระหว่างคำ",
        "👩‍👩‍👧 é\u0301 ",
        "   \t  ",
        "---\ntitle: x\n---\n",
        "\u200b\x00\x1f",
    ]
)
texts = st.lists(fragments | st.text(max_size=30), max_size=40).map("".join)


@settings(max_examples=300, deadline=None)
@given(
    text=texts,
    max_tokens=st.integers(16, 120),
    overlap=st.sampled_from([0.0, 0.15, 0.5]),
    structured=st.booleans(),
    tokenizer=st.sampled_from(TOKENIZERS),
)
@example("# A\n\n" + "word " * 300, 16, 0.5, True, TOKENIZERS[2])
@example(" " * 200 + "x" + " " * 200 + "y" * 200, 16, 0.15, False, TOKENIZERS[2])
def test_what_holds_for_any_text(
    text: str, max_tokens: int, overlap: float, structured: bool, tokenizer: Tokenizer
) -> None:
    media_type = "text/markdown" if structured else "text/plain"
    chunks = cut(text, max_tokens=max_tokens, overlap=overlap, media_type=media_type, tokenizer=tokenizer)
    assert lost(text, chunks) == ""
    assert [piece.ordinal for piece in chunks] == list(range(len(chunks)))
    assert len({piece.id for piece in chunks}) == len(chunks)
    for piece in chunks:
        assert piece.text == text[piece.start : piece.end]
        assert piece.text.strip()
        assert piece.token_count == len(tokenizer.spans(piece.text)) <= max_tokens
    for before, after in pairwise(chunks):
        assert before.start < after.start
        assert before.end < after.end
        repeated = text[after.start : before.end]
        assert len(tokenizer.spans(repeated)) <= max(1, overlap * max_tokens) + 1
        if repeated:
            assert before.heading_path == after.heading_path
    if structured:
        structure = outline(text)
        assert all(piece.heading_path == heading_path_at(structure, piece.end - 1) for piece in chunks)


@settings(max_examples=100, deadline=None)
@given(text=texts, title=st.text(max_size=200), model_max_tokens=st.integers(64, 256))
def test_the_model_reads_all_of_what_is_embedded(text: str, title: str, model_max_tokens: int) -> None:
    tokenizer = WordPieces()
    for piece in cut(text, max_tokens=200, overlap=0.15, model_max_tokens=model_max_tokens, title=title):
        embedded = len(tokenizer.spans(embedding_text(title, piece.heading_path, piece.text))) + 2
        heading = embedded - piece.token_count
        assert embedded <= model_max_tokens or (
            heading > 3 * model_max_tokens // 4 - 2 and piece.token_count <= model_max_tokens // 4
        )


def test_a_chunk_lies_within_one_section() -> None:
    chunks = cut("intro\n\n# A\n\nshort a\n\n## B\n\nshort b\n\n# C\n\nshort c")
    assert [(piece.heading_path, piece.text) for piece in chunks] == [
        ((), "intro"),
        (("A",), "# A\n\nshort a"),
        (("A", "B"), "## B\n\nshort b"),
        (("C",), "# C\n\nshort c"),
    ]


def test_a_heading_without_text_introduces_what_follows() -> None:
    chunks = cut("# A\n\n## B\n\ntext\n\n## C\n\n## D\n")
    assert [(piece.heading_path, piece.text) for piece in chunks] == [
        (("A", "B"), "# A\n\n## B\n\ntext"),
        (("A", "D"), "## C\n\n## D"),
    ]


def test_paragraphs_are_packed_whole() -> None:
    paragraph = "one two three four five six seven eight nine ten."
    chunks = cut("\n\n".join([paragraph] * 7), max_tokens=40)
    assert [piece.text.count("one") for piece in chunks] == [3, 3, 1]
    assert all(piece.text.endswith("ten.") for piece in chunks)


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    sentence = "The quick brown fox jumps over the lazy dog."
    chunks = cut(" ".join([sentence] * 12), max_tokens=40)
    assert len(chunks) == 3
    assert all(piece.text.startswith("The") and piece.text.endswith("dog.") for piece in chunks)


def test_a_long_sentence_is_cut_between_words() -> None:
    chunks = cut("word " * 100, max_tokens=40)
    assert [piece.text.split() for piece in chunks] == [["word"] * 40, ["word"] * 40, ["word"] * 20]


def test_a_long_word_is_cut_between_characters() -> None:
    chunks = cut("x" * 1_000, max_tokens=40)
    assert [len(piece.text) for piece in chunks] == [320, 320, 320, 40]


def test_a_character_keeps_its_marks() -> None:
    text = "e\u0301" * 200
    chunks = cut(text, max_tokens=33, tokenizer=Characters())
    assert all(piece.text.startswith("e") and piece.text.endswith("\u0301") for piece in chunks)


def test_chinese_is_cut_between_sentences() -> None:
    chunks = cut("这是一个没有空格的句子。" * 20, max_tokens=40, tokenizer=Characters())
    assert all(piece.text.endswith("。") for piece in chunks)
    assert all(piece.token_count == 36 for piece in chunks[:-1])


def test_the_overlap_is_the_last_sentences_of_the_chunk_before() -> None:
    sentences = [f"Sentence number {number} stands right here." for number in range(20)]
    chunks = cut(" ".join(sentences), max_tokens=40, overlap=0.3)
    for before, after in pairwise(chunks):
        repeated = after.text[: before.end - after.start]
        assert re.fullmatch(r"Sentence number \d+ stands right here\.", repeated)
        assert before.text.endswith(repeated)


def test_no_overlap_between_sections() -> None:
    text = "# A\n\n" + "One sentence here. " * 15 + "\n\n# B\n\n" + "Other sentence here. " * 15
    chunks = cut(text, max_tokens=40, overlap=0.3)
    first_b = next(piece for piece in chunks if piece.heading_path == ("B",))
    assert first_b.text.startswith("# B")


def test_a_table_that_fits_stays_whole() -> None:
    table = "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 4
    chunks = cut("Before the table stand some words that fill up the chunk nearly.\n\n" + table, max_tokens=40)
    assert chunks[1].text == table.rstrip()


def test_a_long_table_is_cut_between_rows() -> None:
    rows = [f"| row {number} | value {number} | note |" for number in range(40)]
    chunks = cut("| a | b | c |\n|---|---|---|\n" + "\n".join(rows), max_tokens=40, overlap=0.2)
    assert len(chunks) > 10
    for piece in chunks:
        assert all(line.startswith(("| ", "|-")) for line in piece.text.split("\n"))
        assert all(line.endswith("|") for line in piece.text.split("\n"))
    assert [piece.lead for piece in chunks] == ["", *["| a | b | c |\n|---|---|---|"] * (len(chunks) - 1)]


def test_a_row_after_a_short_one_is_not_cut_if_it_fits() -> None:
    long_row = "| " + "word " * 35 + "|"
    chunks = cut(f"| a | b |\n|---|---|\n| x | y |\n{long_row}", max_tokens=40)
    assert chunks[-1].text == long_row


def test_code_that_fits_stays_whole_and_keeps_its_indentation() -> None:
    code = "```python\n" + "def f():\n    return 1\n" * 3 + "```"
    chunks = cut("Words " * 30 + "\n\n" + code, max_tokens=40)
    assert chunks[1].text == code
    long_code = "    indented\n" * 60
    assert all(piece.text.startswith("    ind") for piece in cut("```\n" + long_code + "```", max_tokens=40)[1:])


def test_a_piece_of_a_code_block_is_not_repeated_after_it() -> None:
    code = "```\n" + "line of code\n" * 8 + "```"
    chunks = cut(code + "\n\n" + "After the code comes a sentence. " * 6, max_tokens=40, overlap=0.3)
    assert "line of code" not in chunks[-1].text


def test_an_introduction_to_a_block_that_fits_is_cut_off_before_it() -> None:
    table = "| a | b |\n|---|---|\n" + "| 11 | 22 |\n" * 5
    chunks = cut("See:\n\n" + table, max_tokens=40)
    assert [piece.text for piece in chunks] == ["See:", table.rstrip()]


def test_plain_text_has_no_headings() -> None:
    chunks = cut("# not a heading\n\ntext", media_type="text/plain")
    assert [(piece.heading_path, piece.text) for piece in chunks] == [((), "# not a heading\n\ntext")]


def test_the_page_is_the_one_that_most_of_the_chunk_stands_on() -> None:
    text = "First page sentence. " * 10 + "\n\n" + "Second page sentence. " * 10
    second = text.index("Second")
    pages = (PageSpan(1, 0, second - 2), PageSpan(4, second, len(text)))
    chunks = cut(text, max_tokens=20, pages=pages)
    assert [piece.page for piece in chunks] == [
        1 if second - piece.start >= piece.end - second else 4 for piece in chunks
    ]
    assert {piece.page for piece in chunks} == {1, 4}
    assert cut("no pages")[0].page is None


def test_each_character_of_a_chunk_has_its_page() -> None:
    slides = ["One is about granite.", "Two is about slate, which is split by hand.", "Three."]
    text = "\n\n".join(slides)
    starts = [text.index(slide) for slide in slides]
    pages = tuple(
        PageSpan(number, start, start + len(slide), f"Slide {number}")
        for number, (start, slide) in enumerate(zip(starts, slides, strict=True), 1)
    )
    (piece,) = cut(text, max_tokens=100, pages=pages)
    assert (piece.page, piece.page_label) == (2, "Slide 2")
    assert [piece.page_at(start) for start in starts] == [(1, "Slide 1"), (2, "Slide 2"), (3, "Slide 3")]
    assert (piece.pages[0].start, piece.pages[-1].end) == (piece.start, piece.end)
    (alone,) = cut(slides[0], max_tokens=100, pages=pages[:1])
    assert (alone.pages, alone.page_at(3)) == ((), (1, "Slide 1"))


def test_before_the_first_page_there_is_none() -> None:
    (piece,) = cut("Preface. First page.", max_tokens=100, pages=(PageSpan(1, 9, 20),))
    assert (piece.page, piece.pages) == (None, ())


def test_a_long_heading_path_leaves_room() -> None:
    title = "word " * 30
    text = f"# {title}\n\n" + "Sentence of five words here. " * 30
    chunks = cut(text, max_tokens=60, model_max_tokens=64)
    assert all(len(WordPieces().spans(embedding_text("", piece.heading_path, piece.text))) <= 62 for piece in chunks)


@pytest.mark.parametrize("text", ["", " \n\t\n ", "\n\n"])
def test_nothing_makes_no_chunk(text: str) -> None:
    assert cut(text) == []


@pytest.mark.parametrize("media_type", ["text/markdown", "text/plain"])
@pytest.mark.parametrize(
    "text",
    [
        "a" * 250_000,
        "word " * 50_000,
        "ab. " * 50_000,
        "# x\n" * 7_500,
        "| a " * 50_000,
        " " * 250_000 + "x",
        "x" + "\n" * 250_000 + "y",
        "- a\n" * 25_000,
        "```\n" + "code\n" * 25_000,
    ],
    ids=range(9),
)
def test_hostile_text_takes_linear_time(text: str, media_type: str) -> None:
    began = time.process_time()
    chunks = cut(text, max_tokens=200, overlap=0.15, media_type=media_type)
    assert lost(text, chunks) == ""
    assert time.process_time() - began < 20


@settings(max_examples=300, deadline=None)
@given(
    before=texts,
    place=st.floats(0, 1),
    gone=st.integers(0, 200),
    new=texts,
    max_tokens=st.integers(16, 120),
    overlap=st.sampled_from([0.0, 0.15, 0.5]),
    tokenizer=st.sampled_from(TOKENIZERS),
)
def test_a_changed_text_is_cut_as_well_as_a_new_one(  # noqa: PLR0917 (hypothesis names them)
    before: str, place: float, gone: int, new: str, max_tokens: int, overlap: float, tokenizer: Tokenizer
) -> None:
    former = Former(before, cut(before, max_tokens=max_tokens, overlap=overlap, tokenizer=tokenizer))
    at = int(place * len(before))
    after = before[:at] + new + before[at + gone :]
    chunks = cut(after, max_tokens=max_tokens, overlap=overlap, tokenizer=tokenizer, former=former)
    assert lost(after, chunks) == ""
    structure = outline(after)
    for piece in chunks:
        assert after[piece.start : piece.end] == piece.text
        assert piece.heading_path == heading_path_at(structure, piece.end - 1)
        assert len(tokenizer.spans(piece.text)) + len(tokenizer.spans(piece.lead)) <= max_tokens
    assert all(one.start < other.start and one.end < other.end for one, other in pairwise(chunks))


@pytest.mark.parametrize("overlap", [0.0, 0.15])
@pytest.mark.parametrize("paragraph", [0, 1, 20, 39])
def test_one_changed_paragraph_changes_its_neighbours_at_most(overlap: float, paragraph: int) -> None:
    paragraphs = [
        f"Paragraph {number} says {number} things. It also says why. And then some more." for number in range(40)
    ]
    before = "# Long\n\n" + "\n\n".join(paragraphs)
    chunks = cut(before, max_tokens=50, overlap=overlap)
    assert len(chunks) > 10
    paragraphs[paragraph] = "Something else altogether, and longer than it was before, by quite some words. " * 2
    after = "# Long\n\n" + "\n\n".join(paragraphs)
    again = cut(after, max_tokens=50, overlap=overlap, former=Former(before, chunks))
    known = {piece.text for piece in chunks}
    assert 1 <= sum(piece.text not in known for piece in again) <= 4


def test_an_unchanged_text_is_cut_as_it_was() -> None:
    text = "# A\n\n" + "Words and words, and more of them. " * 100
    chunks = cut(text, overlap=0.15)
    assert [each.text for each in cut(text, overlap=0.15, former=Former(text, chunks))] == [
        each.text for each in chunks
    ]
