"""The frames that parent and child exchange over pipes: a JSON header and raw bytes, each with its length.

8 bytes   length of the header and length of the body, big-endian, 32 bits each
header    a JSON object, UTF-8
body      bytes: the file on the way down, the text in UTF-8 on the way up
"""

import json
import struct
from collections.abc import Mapping
from typing import Any

LENGTHS = struct.Struct(">II")
_LONGEST_HEADER = 64 * 2**20
_LONGEST_BODY = 2 * 2**30


def encode_head(header: Mapping[str, Any], body: bytes | bytearray) -> bytes:
    """Return the frame up to its body, which is written apart so that it is not copied."""
    encoded = json.dumps(header, ensure_ascii=True).encode()
    return LENGTHS.pack(len(encoded), len(body)) + encoded


def decode_lengths(encoded: bytes) -> tuple[int, int]:
    """Return the lengths of header and body. Raises ``ValueError`` for more than any file needs."""
    header, body = LENGTHS.unpack(encoded)
    if header > _LONGEST_HEADER or body > _LONGEST_BODY:
        raise ValueError("A frame is too long.")
    return header, body


def decode_header(encoded: bytes) -> dict[str, Any]:
    """Return the header. Raises ``ValueError`` if it is not a JSON object."""
    header = json.loads(encoded)
    if not isinstance(header, dict):
        raise ValueError("A frame's header must be a JSON object.")  # noqa: TRY004 - the frame is wrong, not a type
    return header
