"""Where Tesseract's language data lies; without it, no text is read from pictures."""

import os
from collections.abc import Iterator
from pathlib import Path

_PLACES = ("/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tesseract-ocr/4.00/tessdata", "/usr/share/tessdata")
_MORE_PLACES = ("/usr/local/share/tessdata", "/opt/homebrew/share/tessdata")
_NO_LANGUAGES = frozenset({"osd", "equ"})
_MOST_LANGUAGES = 4
"""Each takes Tesseract about as long again."""


def find_tessdata() -> Path | None:
    """Return the directory that holds Tesseract's data for a language, or ``None``."""
    return next((place for place in _places() if languages(place)), None)


def languages(place: Path) -> list[str]:
    """Return the languages in a directory, of which English comes first; four at most."""
    found = {path.stem for path in place.glob("*.traineddata")} - _NO_LANGUAGES
    return sorted(found, key=lambda language: (language != "eng", language))[:_MOST_LANGUAGES]


def detects_turns(place: Path) -> bool:
    """Whether a directory holds the data by which Tesseract tells how a page is turned."""
    return (place / "osd.traineddata").exists()


def _places() -> Iterator[Path]:
    configured = os.environ.get("TESSDATA_PREFIX")
    if configured:
        yield Path(configured)
        yield Path(configured) / "tessdata"
    yield from map(Path, _PLACES + _MORE_PLACES)
