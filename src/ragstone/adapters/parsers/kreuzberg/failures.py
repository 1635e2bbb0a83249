"""Why a file cannot be read, in words that its sender understands, and what to do about it."""

import os

from ragstone.domain.errors import ParseFailed


def reads_pictures() -> bool:
    """Whether Tesseract's language data is at hand in this process, which the parent tells by the environment."""
    return "TESSDATA_PREFIX" in os.environ


def empty() -> ParseFailed:
    """The file has no bytes, or none that say anything."""
    return ParseFailed("empty", "The file is empty.", remedy="Send a file that holds text.")


def damaged(what: str = "The file is damaged, or is not of the kind that its name says.") -> ParseFailed:
    """The file breaks the rules of its kind."""
    return ParseFailed(
        "damaged", what, remedy="Open the file in the program that it is from, save it anew, and send that."
    )


def encrypted() -> ParseFailed:
    """The file opens with a password only."""
    return ParseFailed(
        "encrypted", "The file is protected by a password.", remedy="Remove the protection and send it again."
    )


def copy_protected() -> ParseFailed:
    """A book opens only in the programs of the shop that sold it."""
    return ParseFailed(
        "encrypted",
        "The book is protected against copying (DRM), and opens only in the programs that its shop allows.",
        remedy="Send an edition without the protection, as the publisher or the shop may offer it.",
    )


def no_text(*, pictures: bool = False) -> ParseFailed:
    """The file is sound and says nothing; ``pictures`` says that it may do so in pictures."""
    if pictures and not reads_pictures():
        return ParseFailed(
            "no_text",
            "The file holds no text but perhaps pictures of it; to read those, Tesseract's language data is missing.",
            remedy="Install it (the package tesseract-ocr-eng on Debian), or send a file that holds text.",
        )
    return ParseFailed("no_text", "The file holds no text.", remedy="Send a file that holds text.")


def unsupported(what: str) -> ParseFailed:
    """No parser reads this kind of file."""
    return ParseFailed(
        "unsupported_media_type",
        what,
        remedy="Send PDF, Office, HTML, Markdown, EPUB, e-mail, CSV, JSON or plain text.",
    )


def too_large(what: str) -> ParseFailed:
    """The file, unpacked, is over a bound; ``what`` names the bound."""
    return ParseFailed("too_large", what, remedy="Unpack it, and send the files that matter one by one.")


def too_many_pixels() -> ParseFailed:
    """A picture is larger than its reader takes on."""
    return ParseFailed(
        "too_large",
        "The picture has more pixels than can be read.",
        remedy="Save it smaller, and send that: 300 dots to the inch of a page are enough.",
    )


def unread_compression() -> ParseFailed:
    """A picture is written in a way that its format allows and no reader here knows."""
    return ParseFailed(
        "unsupported_media_type",
        "The picture is compressed, or its pixels are stored, in a way that cannot be read.",
        remedy="Save it as PNG, or as TIFF with LZW or Group 4 compression, and send that.",
    )


def out_of_memory() -> ParseFailed:
    """Reading took more memory than the process may have."""
    return ParseFailed(
        "out_of_memory",
        "Reading the file took more memory than it may.",
        remedy="Split the file, or raise RAGSTONE_PARSE_MEMORY_MB.",
    )
