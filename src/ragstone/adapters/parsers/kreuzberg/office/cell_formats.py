"""The numbers of workbooks as they are shown: 25.6 % and not 0.256, 9:15 and no day of 1899."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from xml.etree.ElementTree import Element

from ragstone.adapters.parsers.kreuzberg.office.number_formats import BUILT_IN, shown

_S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_YES = frozenset(("1", "true", "on"))

_OPEN_CELL = re.compile(
    r"<table:table-cell(\s[^<>]*[^<>/])?>((?:[^<]++|<(?!/?table:table-cell[\s>]))*+)</table:table-cell>"
)
_OPEN_BLANKS = re.compile(
    r"(<table:table-row(?=\s)[^<>]*?)\stable:number-rows-repeated=\"\d+\""
    r"([^<>]*(?:/>|>\s*(?:<table:(?:covered-)?table-cell(?![^<>]*\soffice:)[^<>]*/>\s*)*+</table:table-row>))"
)
_OPEN_TYPE = re.compile(r"\s(?:office|calcext):value-type=\"(\w+)\"")
_OPEN_VALUE = re.compile(r"\soffice:(?:value|time-value|date-value|currency)=\"[^\"]*\"")
_OPEN_DAY = re.compile(r"\soffice:date-value=\"([^\"]*)\"")
_OPEN_TEXT = re.compile(r"<text:p(?:\s[^<>]*)?>(?!\s*</text:p>)((?:[^<]++|<(?!/?text:p[\s>]))++)</text:p>")
_OPEN_COMMENT = re.compile(r"<office:annotation[\s>](?:[^<]++|<(?!/?office:annotation[\s>]))*+</office:annotation>")
_OPEN_AUTHOR = re.compile(r"<dc:creator>([^<]*)</dc:creator>")
_TAG = re.compile(r"<[^<>]*>")
_AS_SHOWN = frozenset({"percentage", "currency", "time", "date", "float"})


def number_texts(styles: Element | None, workbook: Element) -> Callable[[str, str], str | None]:
    """Return what says how the cells of an XLSX show a number, by the number of the cell's style.

    It returns ``None`` where the number says it as well.
    """
    formats = _formats(styles) if styles is not None else {}
    since_1904 = any(found.get("date1904") in _YES for found in workbook.iter(f"{_S}workbookPr"))

    @lru_cache(maxsize=20_000)
    def text(value: str, style: str) -> str | None:
        code = formats.get(style)
        return shown(value, code, since_1904=since_1904) if code is not None else None

    return text


def shown_open_numbers(xml: str) -> str:
    """Return the content of an OpenDocument sheet with the texts that its numbers are shown as; days by ISO 8601.

    Of blank rows one below the other one is left, for kreuzberg gives up on sheets with many.
    """
    return _OPEN_CELL.sub(_open_text, _OPEN_BLANKS.sub(r"\1\2", xml))


def _formats(styles: Element) -> Mapping[str, str]:
    """Return the format codes of a workbook by the number of the cell's style, without those for any number."""
    codes = {str(number): code for number, code in BUILT_IN.items()}
    codes |= {found.get("numFmtId", ""): found.get("formatCode", "") for found in styles.iter(f"{_S}numFmt")}
    numbers = [style.get("numFmtId", "") for style in styles.iterfind(f"{_S}cellXfs/{_S}xf")]
    return {
        str(place): codes[number]
        for place, number in enumerate(numbers)
        if codes.get(number, "General").lower() not in ("general", "")
    }


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
