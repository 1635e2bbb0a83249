"""Times in metadata: which texts hold one, in pieces that Python and PostgreSQL read alike.

ISO 8601's calendar dates, alone or with a time of day, to the nanosecond at most; every day is one that was.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone

_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = "[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,9})?)?"
_ZONE = "(?:Z|[+-](?:0[0-9]|1[0-4]):?[0-5][0-9])"

WITHOUT_ZONE = f"{_DAY}(?:{_CLOCK})?"
WITH_ZONE = f"{_DAY}{_CLOCK}{_ZONE}"
"""Regular expressions that a whole text must match. That the day was is not theirs to say: it would be slow."""

DAYS = tuple(date.fromordinal(number).strftime("%m-%d") for number in range(1, 366))
"""The days that every year has, as they are written."""

LEAP_DAY = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29"
"""The regular expression with which a leap day begins. There is no year 0000."""

_PARTS = re.compile(
    "([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})([.][0-9]+)?)?)?(Z|[+-][0-9:]+)?"
)
_TIME = re.compile(f"{WITH_ZONE}|{WITHOUT_ZONE}")


def parse_time(text: str) -> datetime | None:
    """Return the instant that ``text`` says, in its zone or in UTC; ``None`` where it holds none.

    What is finer than a microsecond is rounded as PostgreSQL does it.
    """
    parts = _PARTS.fullmatch(text) if _TIME.fullmatch(text) else None
    if parts is None:
        return None
    *numbers, fraction, zone = parts.groups()
    year, month, day, hour, minute, second = (int(each or 0) for each in numbers)
    try:
        at = datetime(year, month, day, hour, minute, second, tzinfo=_zone(zone))
    except ValueError:  # no such day
        return None
    try:
        return at + timedelta(microseconds=round(float(fraction or 0) * 1_000_000))
    except OverflowError:  # the last half of the last microsecond of the year 9999
        return at.replace(microsecond=999_999)


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
