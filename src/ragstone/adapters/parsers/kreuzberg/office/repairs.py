"""What kreuzberg loses of Office files, put where it does not lose it.

Of Word files it drops paragraphs that anchor a text box, notes, comments, the characters that XML writes as entities
(``&amp;``, ``&#8364;``), tabs, line breaks and hyphens within a run, formulas within a line, and the numbers of lists:
these are written anew as a whole. Of workbooks it drops the spaces at the ends of
runs in a string, comments, and how numbers are shown. OpenDocument texts, of which it joins the paragraphs of cells
and drops text boxes, comments and cells that repeat, are written anew too.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from xml.etree.ElementTree import ParseError

from ragstone.adapters.parsers.kreuzberg.failures import damaged
from ragstone.adapters.parsers.kreuzberg.media_types import DOCX, ODS, ODT, XLSX
from ragstone.adapters.parsers.kreuzberg.office.cell_comments import with_comments
from ragstone.adapters.parsers.kreuzberg.office.cell_formats import shown_numbers, shown_open_numbers
from ragstone.adapters.parsers.kreuzberg.office.open_text import rewritten_open_text
from ragstone.adapters.parsers.kreuzberg.office.package import OfficePackage
from ragstone.adapters.parsers.kreuzberg.office.stand_ins import restored
from ragstone.adapters.parsers.kreuzberg.office.word import rewritten_word

__all__ = ["repaired", "restored"]

_LARGEST_PART = 96 * 2**20
"""Bytes of XML from which on a part stays as it is, which takes several times as much memory to rewrite."""
_TEXTS = (".xml", ".rels", "mimetype")
_DAMAGES = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError)
_WORKBOOK = re.compile(r"xl/(_rels/)?workbook\d+\.xml(\.rels)?")
"""The main part of workbooks that Excel for the web wrote."""

Repair = Callable[[str, str], str]
"""Takes the path of a part and its XML."""


def repaired(data: bytes, media_type: str) -> bytes:
    """Return the file with what kreuzberg would lose in safe places; as it is if that is not possible.

    Raises ``ParseFailed`` (``damaged``).
    """
    try:
        if media_type == DOCX:
            return rewritten_word(data)
        if media_type == ODT:
            return rewritten_open_text(data)
        if media_type not in _RULES:
            return data
        parts, repair_of = _RULES[media_type]
        return _rewritten(data, parts, repair_of(data))
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
                content = repair(name, content.decode()).encode()
            target.writestr(_WORKBOOK.sub(r"xl/\1workbook.xml\2", name), content)
    return file.getvalue()


def _strings(xml: str) -> str:
    return xml.replace("<t>", '<t xml:space="preserve">')


def _sheets(data: bytes) -> Repair:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        numbers = shown_numbers(archive)
    package = OfficePackage(data)
    return lambda path, xml: with_comments(package, path, _strings(numbers(xml)))


_RULES: Mapping[str, tuple[re.Pattern[str], Callable[[bytes], Repair]]] = {
    ODS: (re.compile(r"content\.xml"), lambda _: lambda _path, xml: shown_open_numbers(xml)),
    XLSX: (re.compile(r"xl/(?:sharedStrings|worksheets/[^/]+)\.xml"), _sheets),
}
