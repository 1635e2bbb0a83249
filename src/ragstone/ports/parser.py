"""Port: bytes of a file to text."""

from typing import Protocol

from ragstone.domain.documents import ParsedDocument


class Parser(Protocol):
    """Reads documents of the kinds it knows, each within limits of time and memory."""

    def media_type(self, filename: str, head: bytes, declared: str | None = None) -> str | None:
        """Name the media type of a file from its name, first bytes (some 4 KiB) and what the sender said.

        ``None`` where this parser cannot read it.
        """
        ...

    async def parse(self, data: bytes | bytearray, media_type: str, filename: str) -> ParsedDocument:
        """Read a whole file. Raises ``ParseFailed`` with a cause and a remedy that a user understands."""
        ...

    async def close(self) -> None:
        """End the child processes."""
        ...
