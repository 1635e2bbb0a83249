"""The web page: plain HTML, CSS and JavaScript, served as they are."""

from pathlib import Path

STATIC = Path(__file__).parent / "static"
PAGE = STATIC / "index.html"
