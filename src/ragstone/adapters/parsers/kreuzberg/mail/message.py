"""E-mail as RFC 5322 has it: headers, the body with its line breaks, and what is attached."""

from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.errors import MessageError
from email.message import Message
from html import escape
from mimetypes import guess_extension

from ragstone.adapters.parsers.kreuzberg.composition import Composition, one_line, prose
from ragstone.adapters.parsers.kreuzberg.decoding import decode
from ragstone.adapters.parsers.kreuzberg.failures import damaged, no_text, reads_pictures, unsupported
from ragstone.adapters.parsers.kreuzberg.mail.alternatives import stands_in
from ragstone.adapters.parsers.kreuzberg.mail.flowed import unflowed
from ragstone.adapters.parsers.kreuzberg.mail.headers import (
    DOUBTFUL,
    HEADERS,
    decoded,
    header,
    plain_text,
    restore_headers,
)
from ragstone.adapters.parsers.kreuzberg.mail.mailbox import messages
from ragstone.adapters.parsers.kreuzberg.mail.payload import content_of
from ragstone.adapters.parsers.kreuzberg.media_types import EML, HTML, PLAIN
from ragstone.adapters.parsers.kreuzberg.unpacking import Unpacking
from ragstone.domain.documents import ParsedDocument
from ragstone.domain.errors import ParseFailed

_MESSAGES = frozenset({"message/rfc822", "message/global", "message/news"})
"""Parts that are messages; others of the type ``message`` are reports: fields in groups, such as of a delivery."""
_STYLES = frozenset({"text/css", "text/javascript", "application/javascript", "application/x-javascript"})
_MEDIA = frozenset({"image", "font"})
_TNEF = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_FINAL = frozenset({"too_large", "out_of_memory"})

ReadPart = Callable[[bytes, str], ParsedDocument]
Part = tuple[str, Callable[[], ParsedDocument]]
"""An attachment's name, and how to read it."""


def read_mail(data: bytes, unpacking: Unpacking, read: ReadPart) -> ParsedDocument:
    """Return a message as a document: its text on page 1, each attachment on a page with its name as label.

    Of a mailbox each message is a page. ``read`` reads a file of a name. Raises ``ParseFailed`` where there is neither
    text nor a header.
    """
    try:
        found = list(messages(data))
        return _message(found[0], unpacking, read) if len(found) == 1 else _mailbox(found, unpacking, read)
    except RecursionError as error:
        raise damaged("The message holds parts within parts, thousands deep.") from error
    except (MessageError, ValueError, LookupError, AttributeError, TypeError) as error:
        # What the standard library raises on malformed messages; a well-formed one raises none of them.
        raise damaged("The message is damaged.") from error


def _message(data: bytes, unpacking: Unpacking, read: ReadPart) -> ParsedDocument:
    message = message_from_bytes(data)
    restore_headers(message)
    return _read(message, unpacking, read)


def _mailbox(found: list[bytes], unpacking: Unpacking, read: ReadPart) -> ParsedDocument:
    """Return messages as a document, each on a page with its subject as label."""
    composition = Composition()
    for number, data in enumerate(found, 1):
        unpacking.count_member()
        name = f"message {number}"
        try:
            with unpacking.within():
                parsed = _message(data, unpacking, read)
                composition.include(parsed, parsed.title or name)
        except ParseFailed as failed:
            if failed.failure_code in _FINAL:
                raise
            composition.note({name: failed.message})
    if not composition.pages:
        raise no_text()
    return composition.document(EML)


def compose_mail(
    headers: dict[str, str], body: str, attachments: Iterator[Part], media_type: str, unpacking: Unpacking
) -> ParsedDocument:
    """Return the document of a message. ``body`` is Markdown; empty headers are left out."""
    composition = Composition()
    lines = "\n".join(f"{name}: {one_line(value)}" for name, value in headers.items() if value.strip())
    composition.add("\n\n".join(part for part in (lines, body.strip()) if part), None)
    for name, read in attachments:
        unpacking.count_member()
        try:
            with unpacking.within():
                composition.include(read(), name)
        except ParseFailed as failed:
            if failed.failure_code in _FINAL:
                raise
            composition.note({name: failed.message})
    if not body.strip() and not lines and len(composition.pages) == 1:
        raise no_text()
    return composition.document(media_type, one_line(headers.get("Subject", "")) or None)


def _read(message: Message, unpacking: Unpacking, read: ReadPart) -> ParsedDocument:
    headers = {name: header(message, name) for name in HEADERS}
    bodies, files = _sorted(message)
    body = "\n\n".join(filter(None, (_body(part, read) for part in bodies)))
    return compose_mail(headers, body, _attachments(files, unpacking, read), EML, unpacking)


def _sorted(message: Message) -> tuple[list[Message], list[Message]]:
    """Tell a message's own text, one of each set of alternatives, from what is attached to it."""
    if message.get_content_maintype() == "multipart":
        parts = message.get_payload()
        if not isinstance(parts, list):
            return ([message], [])  # it says that it has parts, and has none
        found = [_sorted(part) for part in parts if isinstance(part, Message)]
        if message.get_content_subtype() == "alternative":
            return _best([bodies for bodies, _ in found]), [file for _, files in found for file in files]
        return [body for bodies, _ in found for body in bodies], [file for _, files in found for file in files]
    if message.get_content_type() in (PLAIN, HTML) and not _is_attached(message):
        return [message], []
    return [], [message]


def _best(alternatives: list[list[Message]]) -> list[Message]:
    """Choose the plain text if it says what the page says, else the last alternative that is there."""
    found = [bodies for bodies in alternatives if bodies]
    plain = next((bodies for bodies in found if _is_plain(bodies[0]) and content_of(bodies[0]).strip()), None)
    if plain is None:
        return found[-1] if found else []
    pages = [bodies for bodies in found if any(body.get_content_type() == HTML for body in bodies)]
    return pages[-1] if pages and _stands_in(plain, pages[-1]) else plain


def _stands_in(plain: list[Message], page: list[Message]) -> bool:
    text = " ".join(plain_text(content_of(body), body.get_content_charset()) for body in plain)
    return stands_in(text, map(_shown, page))


def _is_plain(part: Message) -> bool:
    return part.get_content_type() == PLAIN


def _shown(part: Message) -> str:
    """Return a part of a page as HTML."""
    return escape(plain_text(content_of(part), part.get_content_charset())) if _is_plain(part) else _page(part)


def _is_attached(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or part.get_filename() is not None


def _body(part: Message, read: ReadPart) -> str:
    content = content_of(part)
    if part.get_content_type() == HTML:
        if not content.strip():
            return ""
        try:
            return read(_page(part).encode(), "body.html").content
        except ParseFailed:
            return ""  # a page of pictures, say: the message has its headers and attachments still
    text = plain_text(content, part.get_content_charset())
    if _param(part, "format") == "flowed":
        text = unflowed(text, delete_space=_param(part, "delsp") == "yes")
    return prose(text)


def _param(part: Message, name: str) -> str:
    return str(part.get_param(name, "")).lower()


def _page(part: Message) -> str:
    """Return an HTML part; what its header says of its encoding is closer to the truth than what it says itself."""
    charset = part.get_content_charset()
    return decode(content_of(part), markup=True) if charset in DOUBTFUL else plain_text(content_of(part), charset)


def _attachments(files: list[Message], unpacking: Unpacking, read: ReadPart) -> Iterator[Part]:
    for number, part in enumerate(files, 1):
        if _is_for_looks(part):
            continue
        inner = part.get_payload()
        if part.get_content_type() in _MESSAGES and isinstance(inner, list) and isinstance(inner[0], Message):
            nested = inner[0]
            name = _name(part) or header(nested, "Subject") or f"message {number}"
            yield name, lambda nested=nested: _read(nested, unpacking, read)  # type: ignore[misc]
            continue
        if part.get_content_maintype() == "message" and isinstance(inner, list):
            text, name = _report(part), _name(part) or part.get_content_subtype()
            yield name, lambda text=text, name=name: read(text.encode(), name)  # type: ignore[misc]
            continue
        if _is_tnef(part):
            yield _name(part) or "winmail.dat", _read_tnef
            continue
        name = _name(part) or f"part {number}{guess_extension(part.get_content_type()) or ''}"
        yield name, lambda part=part, name=name: read(content_of(part), name)  # type: ignore[misc]


def _is_for_looks(part: Message) -> bool:
    """Whether a part belongs to the page that the message is, such as the sender's logo, and is no text of it."""
    if not (part.get("Content-ID") or part.get("Content-Location")):
        return False
    return part.get_content_type() in _STYLES or (part.get_content_maintype() in _MEDIA and not reads_pictures())


def _is_tnef(part: Message) -> bool:
    return part.get_content_type() in _TNEF or _name(part).lower() == "winmail.dat"


def _read_tnef() -> ParsedDocument:
    raise unsupported(
        "It is in a format of Outlook's own (TNEF), which cannot be read: what the sender attached is in it. "
        "Ask for the message again, sent as HTML or plain text."
    )


def _report(part: Message) -> str:
    """Return the fields of a report, a line for each, and a blank one after each group."""
    groups = [group for group in part.walk() if group is not part]
    fields = (
        "\n".join(f"{name}: {one_line(decoded(str(value)))}" for name, value in group.items()) for group in groups
    )
    texts = (plain_text(content_of(group), group.get_content_charset()).strip("\n") for group in groups)
    return "\n\n".join(text for pair in zip(fields, texts, strict=True) for text in pair if text)


def _name(part: Message) -> str:
    name = part.get_filename()
    return decoded(name).replace("\\", "/").rpartition("/")[2] if name else ""
