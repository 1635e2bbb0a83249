"""Office documents translated element by element, without recursion, so that no depth of nesting ends the process."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol, TypeAlias
from xml.etree.ElementTree import Element, iterparse

Step: TypeAlias = "str | Element | Callable[[], Steps]"
"""What is still to be written: text as it is, an element to be translated, or what to do once it is reached."""
Steps: TypeAlias = Iterable[Step]
Translate = Callable[[Element], Steps]


class Readable(Protocol):
    """A part of a package, from which bytes are read."""

    def read(self, size: int = -1, /) -> bytes: ...


class Translation:
    """Writes elements by the translations of their tags, and of any other tag by ``otherwise``.

    What is anchored in a paragraph, such as a text box, follows below it.
    """

    def __init__(self, translations: Mapping[str, Translate], otherwise: Translate) -> None:
        self._translations = translations
        self._otherwise = otherwise
        self._anchored: list[list[Step]] = []

    def written(self, steps: Steps) -> str:
        """Return what the steps write, one after the other."""
        return "".join(self._pieces(steps))

    def paragraph(self, steps: Steps) -> Steps:
        """Return the steps of a paragraph, and after them what will be found to be anchored in it."""
        self._anchored.append([])
        return (*steps, self._anchored.pop)

    def anchor(self, steps: Steps) -> Steps:
        """Put steps below the paragraph that is being written, or return them where none is."""
        if not self._anchored:
            return steps
        self._anchored[-1] += steps
        return ()

    def _pieces(self, steps: Steps) -> Iterator[str]:
        pending = [*steps][::-1]
        while pending:
            step = pending.pop()
            if isinstance(step, str):
                yield step
            elif isinstance(step, Element):
                pending += [*self._translations.get(step.tag, self._otherwise)(step)][::-1]
            else:
                pending += [*step()][::-1]


def pieces(source: Readable, *containers: str) -> Iterator[tuple[str, Element]]:
    """Yield what elements of these tags hold, with the tag, so that never the whole of a part is in memory.

    Raises ``ParseError`` for what is no well-formed XML, and what reading the source raises.
    """
    container: Element | None = None
    depth = level = 0
    for event, element in iterparse(source, ("start", "end")):  # noqa: S314 - expat bounds entities, nothing is fetched
        if event == "start":
            depth += 1
            if container is None and element.tag in containers:
                container, level = element, depth
            continue
        depth -= 1
        if element is container:
            container = None
        elif container is not None and depth == level:
            yield container.tag, element
            container.clear()
