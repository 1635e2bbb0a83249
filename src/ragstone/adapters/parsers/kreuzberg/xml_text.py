"""The text of an XML file: each element that holds text becomes a line, ``name: text``."""

import re
from xml.parsers.expat import ExpatError, ParserCreate

_TAGS = re.compile(r"</?[A-Za-z][^<>]*>")


def xml_to_text(text: str) -> str:
    """Return the text of ``text``, a line for each element with its name, a blank line after each group.

    What stands in an element that begins in the middle of a text (``<p>a <b>b</b> c</p>``) stays in that
    text; marks of HTML within a text go. A file that is not well-formed is returned as it is. Expat itself
    bounds how far entities may blow a file up.
    """
    reader = _Reader()
    parser = ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text.append
    try:
        parser.Parse(text.encode(), True)
    except ExpatError:
        return text
    return "\n".join(reader.lines).strip("\n")


class _Reader:
    """Gathers lines from the events of the parser."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.text: list[str] = []
        self._open: list[bool] = []
        self._leaf = False

    def start(self, _name: str, _attributes: dict[str, str]) -> None:
        """Begin an element, within the line at hand if that has text."""
        self._open.append(any(part.strip() for part in self.text))
        self._leaf = True

    def end(self, name: str) -> None:
        """End an element: write its line, or a blank one after a group."""
        within = self._open.pop()
        if within:
            return
        line = " ".join(_TAGS.sub(" ", "".join(self.text)).split())
        self.text.clear()
        if line:
            self.lines.append(f"{name.rpartition(':')[2]}: {line}")
        elif not self._leaf and self.lines and self.lines[-1]:
            self.lines.append("")
        self._leaf = False
