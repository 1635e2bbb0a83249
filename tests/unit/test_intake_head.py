"""What is looked at of a document before it is stored."""

from collections.abc import AsyncIterator

from ragstone.ingest.intake import _peek

MIB = 1 << 20


async def test_of_white_space_only_so_much_is_held() -> None:
    read = 0

    async def parts() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(64):
            read += 1
            yield b" " * MIB
        yield b"Words."

    head, whole = await _peek(parts())
    assert read <= 5
    assert head == b" " * MIB
    assert [len(part) async for part in whole] == [MIB] * 64 + [6]


async def test_the_head_is_the_first_part_with_text() -> None:
    async def parts() -> AsyncIterator[bytes]:
        for part in (b"  ", b"\n", b"%PDF", b"-1.7"):
            yield part

    head, whole = await _peek(parts())
    assert head == b"%PDF"
    assert b"".join([part async for part in whole]) == b"  \n%PDF-1.7"
