"""The body of a reply, in parts, within bounds of size and time whatever the server sends."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator

import httpx

from ragstone.domain.errors import TooLarge, Unavailable

_PART_BYTES = 1 << 16
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_PLAIN = ("", "identity")
_ZIPPED = ("gzip", "x-gzip", "deflate")


async def body(response: httpx.Response, *, max_bytes: int, deadline: float) -> AsyncIterator[bytes]:
    """Yield the decoded body, of which at most ``max_bytes``, until ``deadline`` (the event loop's time).

    Raises ``TooLarge`` and ``Unavailable``.
    """
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length) > max_bytes:
        raise _too_large(max_bytes)
    left = max_bytes
    async for part in _decoded(response, max_bytes, deadline):
        left -= len(part)
        if left < 0:
            raise _too_large(max_bytes)
        yield part


async def _decoded(response: httpx.Response, max_bytes: int, deadline: float) -> AsyncIterator[bytes]:
    """Yield the body as it was before the server packed it. Packing is not asked for, but some servers insist."""
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding in _PLAIN:
        async for sent in _received(response, deadline):
            yield sent
    elif coding in _ZIPPED:
        unpacking, left = _Unpacking(), max_bytes + _PART_BYTES
        async for sent in _received(response, deadline):
            left -= len(sent)  # what unpacks to nothing counts as well
            if left < 0:
                raise _too_large(max_bytes)
            for part in unpacking.unpacked(sent):
                yield part
        yield unpacking.rest()
    else:
        raise Unavailable(f"The server sends the document as {coding!r}.", remedy="Download it and send the file.")


class _Unpacking:
    """Unpacks gzip or zlib, where several follow each other one after the other (RFC 1952, 2.2)."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP_OR_ZLIB)

    def unpacked(self, sent: bytes) -> Iterator[bytes]:
        """Unpack in parts of bounded size, so that a bomb is counted before it is all in memory.

        Raises ``Unavailable`` for what is no packed data, also behind the end of it: read on, it could go on for ever.
        """
        while sent:
            if self._member.eof:
                self._member = zlib.decompressobj(_GZIP_OR_ZLIB)
            try:
                part = self._member.decompress(sent, _PART_BYTES)
            except zlib.error as error:
                raise _broken_off() from error
            sent = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            yield part

    def rest(self) -> bytes:
        """Return what was read and not yet unpacked, less than a window, once all was sent."""
        rest = self._member.flush()
        if not self._member.eof:
            raise _broken_off()
        return rest


async def _received(response: httpx.Response, deadline: float) -> AsyncIterator[bytes]:
    """Yield the bytes as sent. Only the reads are timed: what our own reader does between them is not."""
    sent = aiter(response.aiter_raw(_PART_BYTES))
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                part = await anext(sent, None)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise Unavailable("The server takes too long to send the document.", remedy="Try again later.") from error
        except httpx.HTTPError as error:
            raise _broken_off() from error
        if part is None:
            return
        yield part


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(
        f"The document is larger than {max_bytes >> 20} MiB.", remedy="Split it, or raise RAGSTONE_MAX_UPLOAD_MB."
    )


def _broken_off() -> Unavailable:
    return Unavailable("The server broke off in the middle of the document.", remedy="Try again later.")
