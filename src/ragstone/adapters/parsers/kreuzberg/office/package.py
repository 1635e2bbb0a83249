"""Office Open XML packages: the parts of a ZIP, and how they refer to one another."""

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import IO
from xml.etree.ElementTree import Element, ParseError, fromstring

from ragstone.adapters.parsers.kreuzberg.failures import damaged
from ragstone.adapters.parsers.kreuzberg.titles import sensible_title

_RELATION = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_STRICT = re.compile(rb"""(\sxmlns(?::[\w.-]+)?\s*=\s*["'])http://purl\.oclc\.org/ooxml/(\w+)/""")
"""A name of ISO 29500 Strict, of which the names that all programs write differ by a year and an address only."""
_LONGEST_NAME = 128
_XML = (".xml", ".rels")
_TITLE = "{http://purl.org/dc/elements/1.1/}title"


@dataclass(frozen=True, slots=True)
class Relation:
    """What a part refers to: the last word of the relation's type, and the path of the other part."""

    kind: str
    path: str


class OfficePackage:
    """A package in memory. Raises ``ParseFailed`` (``damaged``) for what is no ZIP."""

    def __init__(self, data: bytes) -> None:
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise damaged() from error
        self.paths = {name.replace("\\", "/"): name for name in self._archive.namelist()}

    def read(self, path: str) -> bytes:
        """Return a part, nothing where it is missing or damaged."""
        name = self.paths.get(path)
        if name is None:
            return b""
        try:
            content = self._archive.read(name)
            return _transitional(content) if name.endswith(_XML) else content
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError):
            return b""

    def size(self, path: str) -> int:
        """Return how many bytes a part takes, as the package says, which holds it to that; 0 for one not there."""
        name = self.paths.get(path)
        return self._archive.getinfo(name).file_size if name is not None else 0

    def parse(self, path: str) -> Element | None:
        """Return the root of a part, ``None`` where it is missing or no well-formed XML."""
        try:
            return fromstring(self.read(path))  # noqa: S314 - expat bounds entities, and nothing is fetched
        except (ParseError, ValueError, LookupError):
            return None

    def stream(self, path: str) -> "_Transitional":
        """Open a part that is there. Raises what reading a ZIP raises, as its ``read`` may do."""
        return _Transitional(self._archive.open(self.paths[path]))

    def main(self) -> str | None:
        """Return the path of the part that the package is about, ``None`` where it does not say or have it."""
        found = (link.path for link in self.relations("").values() if link.kind == "officeDocument")
        return next((path for path in found if path in self.paths), None)

    def content_type(self, path: str) -> str:
        """Return the type that the package says a part has, ``""`` where it does not say."""
        root = self.parse("[Content_Types].xml")
        named = (part for part in (root if root is not None else ()) if part.get("PartName") == f"/{path}")
        return next((part.get("ContentType", "") for part in named), "")

    def relations(self, path: str) -> Mapping[str, Relation]:
        """Return what a part, or the package for ``""``, refers to within the package, by the relation's id."""
        folder = path.rpartition("/")[0]
        found: dict[str, Relation] = {}
        for link in self._links(path):
            if link.get("TargetMode") != "External":
                resolved = posixpath.normpath(posixpath.join("/", folder, link.get("Target", ""))).lstrip("/")
                found[link.get("Id", "")] = Relation(link.get("Type", "").rpartition("/")[2], resolved)
        return found

    def addresses(self, path: str) -> Mapping[str, str]:
        """Return the addresses outside of the package that a part refers to, by the relation's id."""
        links = (link for link in self._links(path) if link.get("TargetMode") == "External")
        return {link.get("Id", ""): link.get("Target", "") for link in links}

    def _links(self, path: str) -> Iterator[Element]:
        folder, _, name = path.rpartition("/")
        root = self.parse(f"{folder}/_rels/{name}.rels" if folder else f"_rels/{name}.rels")
        return root.iter(_RELATION) if root is not None else iter(())

    def title(self) -> str | None:
        """Return the title that the package says it has, if it is one."""
        root = self.parse("docProps/core.xml")
        return sensible_title(root.findtext(_TITLE)) if root is not None else None


class _Transitional:
    """A part as it is read, with the names that all programs write for those of the strict variant."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, some more or fewer than asked for; none at the end."""
        read = self._source.read(size)
        content = _transitional(self._rest + read)
        keep = _LONGEST_NAME if read and size >= 0 else 0  # a name may go on in what comes next
        end = max(0, len(content) - keep)
        self._rest = content[end:]
        return content[:end] or (self.read(size) if read and size else b"")

    def __enter__(self) -> "_Transitional":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._source.close()


def _transitional(xml: bytes) -> bytes:
    return _STRICT.sub(rb"\1http://schemas.openxmlformats.org/\2/2006/", xml) if b"purl.oclc.org/ooxml" in xml else xml
