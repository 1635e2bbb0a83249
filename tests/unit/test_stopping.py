"""A cut that nobody waits for any more ends."""

import asyncio
import threading

from ragstone.domain.documents import ParsedDocument
from ragstone.ingest.chunking import chunk
from ragstone.ingest.stopping import Stoppable
from ragstone.testing.word_vectors import WordTokenizer


class Slow(WordTokenizer):
    """Says when it was asked first, and counts."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.calls = 0

    def spans(self, text: str) -> list[tuple[int, int]]:
        self.asked.set()
        self.calls += 1
        threading.Event().wait(0.005)
        return list(super().spans(text))


async def test_a_cut_ends_soon_after_it_is_closed() -> None:
    slow = Slow()
    tokenizer = Stoppable(slow)
    text = ParsedDocument("Slate is split by hand. " * 20_000, "text/plain")
    ended = threading.Event()

    def cut() -> None:
        try:
            chunk(text, tokenizer, max_tokens=20, overlap=0.1, model_max_tokens=256, title="")
        finally:
            ended.set()

    task = asyncio.create_task(asyncio.to_thread(cut))
    await asyncio.to_thread(slow.asked.wait)
    task.cancel()
    tokenizer.close()
    assert await asyncio.to_thread(ended.wait, 5)
    assert slow.calls < 2000
