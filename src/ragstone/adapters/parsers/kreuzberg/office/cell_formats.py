"""Workbooks whose numbers stand as they are shown, since kreuzberg gives 25.6 % as 0.256 and 9:15 as a day of 1899."""

import re
import zipfile
from collections.abc import Callable, Mapping
from html import escape, unescape

from ragstone.adapters.parsers.kreuzberg.office.number_formats import BUILT_IN, shown

_STYLES, _WORKBOOK = "xl/styles.xml", "xl/workbook.xml"
_LARGEST_STYLES = 16 * 2**20
_FORMAT = re.compile(r"<(?:\w+:)?numFmt\s[^<>]*>")
_CELL_STYLES = re.compile(r"<(?:\w+:)?cellXfs[\s>].*?</(?:\w+:)?cellXfs>", re.DOTALL)
_STYLE = re.compile(r"<(?:\w+:)?xf(?=[\s/>])[^<>]*>")
_ATTRIBUTE = re.compile(r"\s(numFmtId|formatCode)=(?:\"([^\"]*)\"|'([^']*)')")
_CELL = re.compile(r"<((?:\w+:)?)c((?:\s[^<>]*[^<>/])?)>((?:[^<]++|<(?!/?\1c[\s>]))*+)</\1c>")
_PLACE, _STYLED = re.compile(r"\sr=\"(\w+)\""), re.compile(r"\ss=\"(\d+)\"")
_OTHER_TYPE = re.compile(r"\st=\"(?!n\")")
_VALUE = re.compile(r"<(?:\w+:)?v(?:\s[^<>]*)?>\s*([-+.\deE]+)\s*</(?:\w+:)?v>")
_SINCE_1904 = re.compile(r"\sdate1904=[\"'](?:1|true|on)[\"']")

_OPEN_CELL = re.compile(
    r"<table:table-cell(\s[^<>]*[^<>/])?>((?:[^<]++|<(?!/?table:table-cell[\s>]))*+)</table:table-cell>"
)
_OPEN_TYPE = re.compile(r"\s(?:office|calcext):value-type=\"(\w+)\"")
_OPEN_VALUE = re.compile(r"\soffice:(?:value|time-value|date-value|currency)=\"[^\"]*\"")
_OPEN_DAY = re.compile(r"\soffice:date-value=\"([^\"]*)\"")
_OPEN_TEXT = re.compile(r"<text:p(?:\s[^<>]*)?>(?!\s*</text:p>)((?:[^<]++|<(?!/?text:p[\s>]))++)</text:p>")
_OPEN_COMMENT = re.compile(r"<office:annotation[\s>](?:[^<]++|<(?!/?office:annotation[\s>]))*+</office:annotation>")
_OPEN_AUTHOR = re.compile(r"<dc:creator>([^<]*)</dc:creator>")
_TAG = re.compile(r"<[^<>]*>")
_AS_SHOWN = frozenset({"percentage", "currency", "time", "date", "float"})


def shown_numbers(archive: zipfile.ZipFile) -> Callable[[str], str]:
    """Return what puts the numbers of an XLSX sheet's XML as texts, as the workbook's styles show them.

    Raises what reading a ZIP raises.
    """
    formats = _formats(archive)
    since_1904 = _SINCE_1904.search(_part(archive, _WORKBOOK)) is not None

    def as_text(found: re.Match[str]) -> str:
        prefix, attributes, content = found.groups()
        style = _STYLED.search(attributes)
        code = formats.get(int(style[1])) if style is not None else None
        if code is None or _OTHER_TYPE.search(attributes):
            return found[0]
        value = _VALUE.search(content)
        text = shown(value[1], code, since_1904=since_1904) if value is not None else None
        if text is None:
            return found[0]
        place = _PLACE.search(attributes)
        return f'<{prefix}c{place[0] if place else ""} t="str"><{prefix}v>{escape(text)}</{prefix}v></{prefix}c>'

    return lambda xml: _CELL.sub(as_text, xml) if formats else xml


def shown_open_numbers(xml: str) -> str:
    """Return the content of an OpenDocument sheet with the texts that its numbers are shown as; days by ISO 8601."""
    return _OPEN_CELL.sub(_open_text, xml)


def _formats(archive: zipfile.ZipFile) -> Mapping[int, str]:
    """Return the format codes of a workbook by the number of the cell's style, without those for any number."""
    xml = _part(archive, _STYLES)
    codes = dict(BUILT_IN)
    for found in _FORMAT.finditer(xml):
        attributes = _attributes(found[0])
        if attributes.get("numFmtId", "").isdecimal() and "formatCode" in attributes:
            codes[int(attributes["numFmtId"])] = attributes["formatCode"]
    styles = _CELL_STYLES.search(xml)
    numbers = [_attributes(style).get("numFmtId", "") for style in _STYLE.findall(styles[0] if styles else "")]
    return {
        place: codes[int(number)]
        for place, number in enumerate(numbers)
        if number.isdecimal() and codes.get(int(number), "General").lower() != "general"
    }


def _attributes(tag: str) -> dict[str, str]:
    return {name: unescape(double or single) for name, double, single in _ATTRIBUTE.findall(tag)}


def _part(archive: zipfile.ZipFile, name: str) -> str:
    try:
        entry = archive.getinfo(name)
    except KeyError:
        return ""
    return archive.read(entry).decode(errors="replace") if entry.file_size <= _LARGEST_STYLES else ""


def _open_text(found: re.Match[str]) -> str:
    attributes, content = found[1] or "", _OPEN_COMMENT.sub("", found[2])
    kind = _OPEN_TYPE.search(attributes)
    text = _OPEN_TEXT.search(content)
    comments = "".join(map(_open_comment, _OPEN_COMMENT.findall(found[2])))
    if kind is None or kind[1] not in _AS_SHOWN or text is None:
        kept = f'{_OPEN_TYPE.sub("", attributes)} office:value-type="string"' if comments else attributes
        return f"<table:table-cell{kept}>{content}{comments}</table:table-cell>"
    day = _OPEN_DAY.search(attributes)
    if day is not None:
        content = f"<text:p>{day[1].replace('T', ' ').removesuffix(' 00:00:00')}</text:p>"
    attributes = _OPEN_TYPE.sub("", _OPEN_VALUE.sub("", attributes))
    return f'<table:table-cell{attributes} office:value-type="string">{content}{comments}</table:table-cell>'


def _open_comment(comment: str) -> str:
    """Return a comment as a paragraph of its cell, with its author; kreuzberg would drop it."""
    author = _OPEN_AUTHOR.search(comment)
    text = " ".join(_TAG.sub("", found[1]) for found in _OPEN_TEXT.finditer(comment))
    return f"<text:p>Comment{f' ({author[1]})' if author is not None else ''}: {text}</text:p>"
