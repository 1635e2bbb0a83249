"""A number as a spreadsheet shows it: what a format code such as ``#,##0.00 "kg"`` or ``[h]:mm`` makes of it."""

import re
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

BUILT_IN = MappingProxyType(
    {1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 18: "h:mm", 19: "h:mm:ss", 20: "h:mm"}
    | {21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0"}
    | dict.fromkeys((5, 6), '"$"#,##0;("$"#,##0)')
    | dict.fromkeys((7, 8), '"$"#,##0.00;("$"#,##0.00)')
    | dict.fromkeys((37, 38, 41, 42), "#,##0;(#,##0)")
    | dict.fromkeys((39, 40, 43, 44), "#,##0.00;(#,##0.00)")
    | dict.fromkeys((*range(14, 18), *range(27, 32), 36, *range(50, 59)), "yyyy-mm-dd")
)
"""Format codes by the numbers that files have for them; those of dates differ by country."""
_PART = re.compile(
    r'(?P<general>general)|"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|[_*].|\[(?P<elapsed>h+|m+|s+)\]|\[\$(?P<currency>[^\]-]*)[^\]]*\]'
    r"|\[(?P<condition>[<>=][^\]]*)\]|\[[^\]]*\]|(?P<half>a/p|am/pm)"
    r"|(?P<date>y+|m+|d+|h+|s+|[eg]+(?![+-]))|(?P<digits>[0#?][0#?.,]*|\.[0#?]+)|(?P<mark>;)|(?P<literal>.)",
    re.IGNORECASE | re.DOTALL,
)
_MOST_DECIMALS = 30


class _Section(NamedTuple):
    """What a format does to a number: the text before its digits, these, and the text behind."""

    before: str
    digits: str
    after: str
    letters: str
    """Those of a date, a time (``h``, ``n`` for minutes, ``s``) or a duration (capital)."""
    percent: bool = False


def shown(value: str, code: str, *, since_1904: bool = False) -> str | None:
    """Return a number as its cell shows it, days and times as ISO 8601 has them.

    Returns ``None`` where the number says it as well as it is: in formats for any number, and in odd ones.
    """
    try:
        number = Decimal(repr(float(value)))
        section, negated = _section(code, number)
        if section is None:
            return None
        if section.letters:
            return _moment(float(value), section, since_1904=since_1904)
        return _figure(abs(number) if negated else number, section)
    except (ValueError, OverflowError, InvalidOperation):
        return None


def _section(code: str, number: Decimal) -> tuple[_Section | None, bool]:
    """Return the part of a format that is for a number, and whether it says itself that this is negative."""
    sections = _sections(code)
    if number < 0 and len(sections) > 1:
        return sections[1], True
    return (sections[2] if not number and len(sections) > 2 else sections[0]), False


@lru_cache(maxsize=1000)
def _sections(code: str) -> tuple[_Section | None, ...]:
    parts: list[list[re.Match[str]]] = [[]]
    for found in _PART.finditer(code):
        if found["mark"]:
            parts.append([])
        else:
            parts[-1].append(found)
    return tuple(map(_read_section, parts))


def _read_section(parts: list[re.Match[str]]) -> _Section | None:
    if any(part["general"] or part["condition"] for part in parts):
        return None
    letters = _letters(parts)
    digits = [part["digits"] for part in parts if part["digits"]]
    if letters:
        fraction = "." if any(text.startswith(".") for text in digits) else ""
        return _Section("", fraction, "", letters)
    if len(digits) != 1 or any((part["literal"] or " ") in "/eE@" for part in parts):
        return None
    place = next(place for place, part in enumerate(parts) if part["digits"])
    percent = any(part["literal"] == "%" for part in parts)  # one in quotes changes nothing
    return _Section(_words(parts[:place]), digits[0], _words(parts[place + 1 :]), "", percent)


def _words(parts: list[re.Match[str]]) -> str:
    return "".join(part["quoted"] or part["escaped"] or part["currency"] or part["literal"] or "" for part in parts)


def _letters(parts: list[re.Match[str]]) -> str:
    """Return a letter for each unit of time; ``m`` means minutes (``n``) behind hours and before seconds."""
    units = [part["date"][0].lower() if part["date"] else (part["elapsed"] or "")[:1].upper() for part in parts]
    units = [unit for unit in units if unit]
    for place, unit in enumerate(units):
        near = "".join(units[max(0, place - 1) : place] + units[place + 1 : place + 2])
        if unit == "m" and (near[:1] in ("h", "H") or "s" in near.lower()) and near[:1] not in ("y", "d"):
            units[place] = "n"
    return "".join(units)


def _moment(value: float, section: _Section, *, since_1904: bool) -> str | None:
    if value < 0:
        return None
    units = section.letters
    if any(unit.isupper() for unit in units):
        return _duration(round(value * 86400), with_seconds="s" in units.lower())
    first = datetime(1904, 1, 1) if since_1904 else datetime(1899, 12, 30 + (value < 60))  # noqa: DTZ001 - cells have no zone
    seconds = round(value * 86400, 3 if section.digits else 0)
    moment = first + timedelta(seconds=seconds)
    day = f"{moment:%Y-%m-%d}" if any(unit in "ymdeg" for unit in units) else ""
    clock = ""
    if "h" in units:
        clock = f"{moment:%H:%M:%S}" if "s" in units else f"{moment:%H:%M}"
    elif "n" in units or "s" in units:
        clock = f"{moment:%M:%S}"
    if clock and section.digits and moment.microsecond:
        clock += f".{moment.microsecond:06}".rstrip("0")
    return f"{day} {clock}".strip()


def _duration(seconds: int, *, with_seconds: bool) -> str:
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60}:{minutes % 60:02}" + (f":{seconds:02}" if with_seconds else "")


def _figure(number: Decimal, section: _Section) -> str | None:
    pattern = section.digits
    whole, _, fraction = pattern.partition(".")
    fraction = fraction.rstrip(",")
    if len(fraction) > _MOST_DECIMALS:
        return None
    if section.percent:
        number *= 100
    number /= Decimal(1000) ** (len(pattern) - len(pattern.rstrip(",")))
    rounded = abs(number).quantize(Decimal(1).scaleb(-len(fraction)), ROUND_HALF_UP)
    text = f"{rounded:,f}" if "," in whole.rstrip(",") else f"{rounded:f}"
    figures, _, decimals = text.partition(".")
    if not number and "0" not in pattern:
        return None  # nothing or a dash, in place of a zero
    kept = len(fraction.rstrip("#?"))
    decimals = decimals[:kept] + decimals[kept:].rstrip("0")
    figures = figures.zfill(whole.count("0")) if "," not in figures else figures
    if figures == "0" and "0" not in whole and decimals:
        figures = ""
    sign = "-" if number < 0 and rounded else ""
    return f"{sign}{section.before}{figures}{'.' if decimals else ''}{decimals}{section.after}".strip()
