"""Where Tesseract's language data lies; without it, no text is read from pictures."""

import os
from collections.abc import Iterator
from pathlib import Path

_PLACES = ("/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tesseract-ocr/4.00/tessdata", "/usr/share/tessdata")
_MORE_PLACES = ("/usr/local/share/tessdata", "/opt/homebrew/share/tessdata")


def find_tessdata() -> Path | None:
    """Return the directory that holds Tesseract's English data, or ``None``."""
    return next((place for place in _places() if (place / "eng.traineddata").is_file()), None)


def _places() -> Iterator[Path]:
    configured = os.environ.get("TESSDATA_PREFIX")
    if configured:
        yield Path(configured)
        yield Path(configured) / "tessdata"
    yield from map(Path, _PLACES + _MORE_PLACES)
