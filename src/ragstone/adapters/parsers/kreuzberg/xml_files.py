"""XML files: those that Office 2003 wrote as the documents they are, any other as the lines of its text."""

from ragstone.adapters.parsers.kreuzberg.decoding import decode
from ragstone.adapters.parsers.kreuzberg.media_types import PLAIN
from ragstone.adapters.parsers.kreuzberg.office.single_file import office_document
from ragstone.adapters.parsers.kreuzberg.xml_text import xml_to_text
from ragstone.domain.documents import ParsedDocument


def read_xml(data: bytes) -> ParsedDocument:
    """Return the text of an XML file."""
    text = decode(data, markup=True)
    return office_document(text) or ParsedDocument(xml_to_text(text), PLAIN)
