"""What kreuzberg loses of Office files, put where it does not lose it.

Of Word files it drops the characters that XML writes as entities (``&amp;``, ``&#8364;``), tabs, line breaks
and hyphens within a run, formulas within a line, and the numbers of lists; of workbooks the spaces at the ends of
runs in a string, and how numbers are shown; of OpenDocument texts spaces that are elements, and cells that repeat
or are covered by others.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping

from ragstone.adapters.parsers.kreuzberg.media_types import DOCX, ODS, ODT, XLSX
from ragstone.adapters.parsers.kreuzberg.office.cell_formats import shown_numbers, shown_open_numbers
from ragstone.adapters.parsers.kreuzberg.office.word_lists import word_lists

_BREAK = "\U0010ff05"
_STAND_INS = {"amp": "\U0010ff00", "lt": "\U0010ff01", "gt": "\U0010ff02", "quot": "\U0010ff03", "apos": "\U0010ff04"}
_MEANT = {"\U0010ff00": "&", "\U0010ff01": "<", "\U0010ff02": ">", "\U0010ff03": '"', "\U0010ff04": "'"}
_ENTITY = re.compile(r"&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#[xX]([0-9A-Fa-f]{1,6}));")
_IN_RUN = (
    ("<w:tab/>", '<w:t xml:space="preserve"> </w:t>'),
    ("<w:br/>", f"<w:t>{_BREAK}</w:t>"),
    ("<w:cr/>", f"<w:t>{_BREAK}</w:t>"),
    ("<w:noBreakHyphen/>", "<w:t>-</w:t>"),
)
_FORMULA = re.compile(r"(<m:oMathPara[ >].*?</m:oMathPara>)|<m:oMath(?: [^<>]*)?>(.*?)</m:oMath>", re.DOTALL)
_FORMULA_TEXT = re.compile(r"<m:t(?: [^<>]*)?>([^<]*)</m:t>")
_WORD_TEXT = re.compile(r"word/(?:document|footnotes|endnotes|comments)\.xml")
_SPACE = re.compile(r"<text:(?:s|tab)(?: [^<>]*)?/>")
_COVERED = re.compile(r"<table:covered-table-cell(?: [^<>]*)?/>")
_REPEATED = re.compile(
    r'(<table:table-cell(?: [^<>]*?)?) table:number-columns-repeated="(\d{1,6})"'
    r"([^<>]*/>|[^<>]*>.*?</table:table-cell>)",
    re.DOTALL,
)
_MOST_REPEATED = 64
_LARGEST_PART = 96 * 2**20
"""Bytes of XML from which on a part stays as it is, which takes several times as much memory to rewrite."""
_MEANT_PATTERN = re.compile("[\U0010ff00-\U0010ff05]")
_BREAK_LINE = re.compile(f"^(?:[|#]|[^\n]*\\|).*{_BREAK}.*$", re.MULTILINE)

Repair = Callable[[str], str]


def repaired(data: bytes, media_type: str) -> bytes:
    """Return the file with what kreuzberg would lose in safe places; as it is if that is not possible."""
    rules = _RULES.get(media_type)
    if rules is None:
        return data
    try:
        return _rewritten(data, *rules)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError):
        return data  # damaged, which kreuzberg finds out


def restored(content: str) -> str:
    """Return the text of a repaired file with the characters that were meant."""
    content = _BREAK_LINE.sub(lambda found: found[0].replace(_BREAK, " "), content)
    return _MEANT_PATTERN.sub(lambda found: _MEANT.get(found[0], "\n"), content)


def _rewritten(data: bytes, path: re.Pattern[str], repair_of: Callable[[zipfile.ZipFile], Repair]) -> bytes:
    file = io.BytesIO()
    changed = False
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        repair = repair_of(source)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as target:
            for name in dict.fromkeys(source.namelist()):
                content = source.read(name)
                if path.fullmatch(name) and len(content) <= _LARGEST_PART:
                    better = repair(content.decode()).encode()
                    changed |= better != content
                    content = better
                target.writestr(name, content)
    return file.getvalue() if changed else data


def _word(xml: str) -> str:
    xml = _FORMULA.sub(_formula, _ENTITY.sub(_stand_in, xml))
    for lost, kept in _IN_RUN:
        xml = xml.replace(lost, kept)
    return xml


def _stand_in(found: re.Match[str]) -> str:
    if found[1]:
        return _STAND_INS[found[1]]
    number = int(found[2]) if found[2] else int(found[3], 16)
    if number > 0x10FFFF or 0xD800 <= number < 0xE000 or (number < 32 and number not in (9, 10, 13)):
        return "\ufffd"
    character = chr(number)
    return next((stand_in for stand_in, meant in _MEANT.items() if meant == character), character)


def _formula(found: re.Match[str]) -> str:
    if found[1]:
        return found[1]
    text = "".join(_FORMULA_TEXT.findall(found[2]))
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def _open_text(xml: str) -> str:
    xml = _COVERED.sub("<table:table-cell/>", _SPACE.sub(" ", xml))
    return _REPEATED.sub(lambda found: (found[1] + found[3]) * min(int(found[2]), _MOST_REPEATED), xml)


def _strings(xml: str) -> str:
    return xml.replace("<t>", '<t xml:space="preserve">')


def _lists_and_words(archive: zipfile.ZipFile) -> Repair:
    lists = word_lists(archive)
    return lambda xml: _word(lists.labelled(xml))


def _numbers_and_strings(archive: zipfile.ZipFile) -> Repair:
    numbers = shown_numbers(archive)
    return lambda xml: _strings(numbers(xml))


_RULES: Mapping[str, tuple[re.Pattern[str], Callable[[zipfile.ZipFile], Repair]]] = {
    DOCX: (_WORD_TEXT, _lists_and_words),
    ODT: (re.compile(r"content\.xml"), lambda _: _open_text),
    ODS: (re.compile(r"content\.xml"), lambda _: shown_open_numbers),
    XLSX: (re.compile(r"xl/(?:sharedStrings|worksheets/[^/]+)\.xml"), _numbers_and_strings),
}
