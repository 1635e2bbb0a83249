"""What kreuzberg loses of Office files, put where it does not lose it.

Of Word files it drops paragraphs that anchor a text box, notes, comments, the characters that XML writes as entities
(``&amp;``, ``&#8364;``), tabs, line breaks and hyphens within a run, formulas within a line, and the numbers of lists:
these are written anew as a whole. Of OpenDocument sheets it drops comments, and how numbers are shown. OpenDocument
texts, of which it joins the paragraphs of cells and drops text boxes, comments and cells that repeat, are written anew
too.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from xml.etree.ElementTree import ParseError

from ragstone.adapters.parsers.kreuzberg.failures import damaged
from ragstone.adapters.parsers.kreuzberg.media_types import DOCX, ODS, ODT
from ragstone.adapters.parsers.kreuzberg.office.cell_formats import shown_open_numbers
from ragstone.adapters.parsers.kreuzberg.office.enclosures import Enclosures
from ragstone.adapters.parsers.kreuzberg.office.open_text import rewritten_open_text
from ragstone.adapters.parsers.kreuzberg.office.stand_ins import restored
from ragstone.adapters.parsers.kreuzberg.office.word import rewritten_word

__all__ = ["repaired", "restored"]

_LARGEST_PART = 96 * 2**20
"""Bytes of XML from which on a part stays as it is, which takes several times as much memory to rewrite."""
_TEXTS = (".xml", ".rels", "mimetype")
_DAMAGES = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError)

Repair = Callable[[str], str]
"""Takes the XML of a part."""


def repaired(data: bytes, media_type: str, enclosures: Enclosures | None = None) -> bytes:
    """Return the file with what kreuzberg would lose in safe places; as it is if that is not possible.

    Of a DOCX the texts of pictures, which ``enclosures`` find, are kept there, with marks in their places.
    Raises ``ParseFailed`` (``damaged``).
    """
    try:
        if media_type == DOCX:
            return rewritten_word(data, enclosures or Enclosures())
        if media_type == ODT:
            return rewritten_open_text(data)
        if media_type not in _RULES:
            return data
        return _rewritten(data, *_RULES[media_type])
    except ParseError as error:
        raise damaged() from error  # on which kreuzberg may crash
    except (*_DAMAGES, KeyError):
        return data  # damaged, which kreuzberg finds out


def _rewritten(data: bytes, path: re.Pattern[str], repair: Repair) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as target:
        for name in dict.fromkeys(source.namelist()):
            if not name.endswith(_TEXTS):  # pictures and the like, which may be bombs
                continue
            content = source.read(name)
            if path.fullmatch(name) and len(content) <= _LARGEST_PART:
                content = repair(content.decode()).encode()
            target.writestr(name, content)
    return file.getvalue()


_RULES: Mapping[str, tuple[re.Pattern[str], Repair]] = {
    ODS: (re.compile(r"content\.xml"), shown_open_numbers),
}
