"""What could not be read of a part within a part is said of the whole, each by its own name."""

from email.message import EmailMessage

from ragstone.adapters.parsers.kreuzberg.media_types import EML, ZIP
from ragstone.adapters.parsers.kreuzberg.reading import read
from ragstone.adapters.parsers.kreuzberg.unpacking import DEEPEST
from ragstone.testing.made_files import zipped
from ragstone.testing.made_mail import mail

BROKEN = b"%PDF-1.7 and no more"
PROGRAM = b"\x7fELF\x02\x01\x01\0"


def forwarded(inner: bytes, subject: str) -> bytes:
    """Return a message with another attached to it as a message."""
    whole = f"Subject: {subject}\nContent-Type: multipart/mixed; boundary={subject}\n\n--{subject}\n\nFYI\n"
    end = f"\n--{subject}--\n"
    return f"{whole}--{subject}\nContent-Type: message/rfc822\n\n".encode() + inner + end.encode()


def test_of_a_message_in_a_message() -> None:
    inner = mail("inner", "Inner body", {"contract.pdf": BROKEN, "ok.txt": b"fine"})
    parsed = read(forwarded(inner, "fwd"), EML, "fwd.eml")
    assert list(parsed.unread) == ["inner/contract.pdf"]
    assert "fine" in parsed.content


def test_of_an_archive_in_a_message_and_a_message_in_an_archive() -> None:
    archive = zipped({"ok.txt": b"readable", "in/broken.pdf": BROKEN})
    assert list(read(mail("m", "Body", {"files.zip": archive}), EML, "m.eml").unread) == ["files.zip/in/broken.pdf"]
    message = mail("m", "Body", {"files.zip": archive})
    whole = read(zipped({"a.txt": b"A", "post/m.eml": message}), ZIP, "z.zip")
    assert list(whole.unread) == ["post/m.eml/files.zip/in/broken.pdf"]


def test_messages_that_lie_too_deep_are_named() -> None:
    data = mail("m0", "the deepest")
    for level in range(1, DEEPEST + 3):
        data = forwarded(data, f"m{level}")
    parsed = read(data, EML, "m.eml")
    [(name, cause)] = parsed.unread.items()
    assert name.startswith(f"m{DEEPEST + 1}/m{DEEPEST}/")
    assert str(DEEPEST) in cause
    assert "the deepest" not in parsed.content


def test_parts_of_one_name_are_told_apart() -> None:
    message = EmailMessage()
    message.set_content("Body")
    for name in ("data.bin", "data.bin (2)", "data.bin", "data.bin"):
        message.add_attachment(PROGRAM, maintype="application", subtype="octet-stream", filename=name)
    unread = read(message.as_bytes(), EML, "m.eml").unread
    assert list(unread) == ["data.bin", "data.bin (2)", "data.bin (3)", "data.bin (4)"]
