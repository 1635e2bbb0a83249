"""The answer that a language model writes from the passages, with its citations resolved as it streams."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from ragstone.answer.citations import CitationWriter
from ragstone.answer.marks import MarkScanner
from ragstone.answer.prompts import grounded_prompt
from ragstone.domain.answers import Citation, Cited, Delta, Passage, Usage
from ragstone.ports.chat_model import ChatModel
from ragstone.ports.embedder import Embedder


@dataclass(frozen=True, slots=True)
class Written:
    """What the model wrote, whole: the last thing that ``generate`` yields.

    ``unmarked``: how many sentences came with no mark. ``says_no_answer``: the model said that the sources do not
    hold the answer, or not all of it. ``cite_ms``: how long finding and checking quotes took.
    """

    text: str
    citations: tuple[Citation, ...]
    unmarked: int
    says_no_answer: bool
    usage: Usage
    cite_ms: float


async def generate(
    question: str, passages: Sequence[Passage], chat_model: ChatModel, embedder: Embedder, *, max_tokens: int
) -> AsyncGenerator[Delta | Cited | Written, None]:
    """Yield the model's text with marks rewritten, each citation right after its mark, and last the whole.

    Closing the iterator closes the model's stream. Raises ``ChatModelUnavailable`` and ``EmbedderUnavailable``.
    """
    scanner, writer = MarkScanner(), CitationWriter(passages, embedder)
    usage = Usage(model=chat_model.name)
    async with AsyncExitStack() as stack:
        pieces = chat_model.stream(grounded_prompt(question, passages), max_tokens=max_tokens)
        if (close := getattr(pieces, "aclose", None)) is not None:
            stack.push_async_callback(close)
        async for piece in pieces:
            if isinstance(piece, Usage):
                usage = piece
                continue
            for part in scanner.feed(piece):
                for event in await writer.write(part):
                    yield event
    for part in scanner.finish():
        for event in await writer.write(part):
            yield event
    writer.finish()
    yield Written(
        writer.text, tuple(writer.citations), writer.unmarked, writer.says_no_answer, usage, writer.milliseconds
    )
