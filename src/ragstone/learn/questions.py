"""Questions whose answers are known, and the files that hold a user's own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragstone.domain.errors import InvalidRequest
from ragstone.domain.filter_text import parse_filter
from ragstone.domain.filters import Filter, FilterError


@dataclass(frozen=True, slots=True)
class JudgedQuestion:
    """A question, and the uris of the documents that answer it.

    ``grades`` says how well each does, from 1 on; all do alike where it is empty. It is asked of ``collections`` (all
    where empty), of documents with this ``metadata`` and of what the ``filter`` holds of. ``excluded`` documents are
    left out of what is found.
    """

    question: str
    uris: frozenset[str]
    id: str = ""
    grades: Mapping[str, int] = field(default_factory=dict)
    collections: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    excluded: frozenset[str] = frozenset()
    filter: Filter | None = None

    @property
    def judgements(self) -> Mapping[str, int]:
        """The grade of each document that answers."""
        return {uri: self.grades.get(uri, 1) for uri in self.uris}


def read_questions(path: Path) -> list[JudgedQuestion]:
    """Read a set of questions, a JSON object with ``question`` and ``uris`` on each line. Raises ``InvalidRequest``.

    It may also say ``id``, ``grades`` (whole numbers from 0 on, in the order of ``uris``; 0 is no answer),
    ``collections``, ``metadata`` and ``filter``, in the text form of filters.
    """
    questions = [_question_on(path, number, line) for number, line in numbered_lines(path)]
    if not questions:
        raise InvalidRequest(f"{path} holds no questions.")
    ids = {each.id for each in questions}
    if len(ids) < len(questions):
        raise InvalidRequest(f"{path} gives two questions the same id.", remedy="Give each its own, or none.")
    return questions


def numbered_lines(path: Path) -> list[tuple[int, str]]:
    """Return the lines that are not blank, with their numbers from 1. Raises ``InvalidRequest``."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # JSON may hold what else parts lines
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{path} cannot be read: {error}.") from error
    return [(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def to_object(line: str) -> object:
    """Return what a line of JSON holds, ``None`` where it holds no JSON."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def filter_on(path: Path, number: int, told: object) -> Filter | None:
    """Return the filter of a question, ``None`` where none is told. Raises ``InvalidRequest``, naming the line."""
    if told is None:
        return None
    remedy = "It is a text, as in `search --where`; docs/guides/search.md shows what it looks like."
    if not isinstance(told, str):
        raise InvalidRequest(f"Line {number} of {path} has a filter that is no text.", remedy=remedy)
    try:
        return parse_filter(told)
    except FilterError as error:
        raise InvalidRequest(
            f"Line {number} of {path} has a filter that will not do: {error}.", remedy=remedy
        ) from error


def _question_on(path: Path, number: int, line: str) -> JudgedQuestion:
    match to_object(line):
        case {"question": str(question), "uris": [_, *_] as uris, **others}:
            grades = _grades([str(uri) for uri in uris], others.get("grades"))
            scope = _scope(others.get("collections", []), others.get("metadata", {}))
            if question.strip() and grades and scope:
                named = str(others.get("id", number))
                condition = filter_on(path, number, others.get("filter"))
                return JudgedQuestion(question, frozenset(grades), named, grades, *scope, filter=condition)
    raise InvalidRequest(
        f"Line {number} of {path} is no judged question.",
        remedy='Each line reads {"question": "...", "uris": ["..."]}; docs/guides/evaluate.md tells the rest.',
    )


def _grades(uris: list[str], grades: object) -> dict[str, int] | None:
    """Return the grade of each document that answers, ``None`` where the line does not say it as it should."""
    if grades is None:
        return dict.fromkeys(uris, 1)
    if not isinstance(grades, list) or len(grades) != len(uris):
        return None
    if not all(type(grade) is int and grade >= 0 for grade in grades):
        return None
    return {uri: grade for uri, grade in zip(uris, grades, strict=True) if grade}


def _scope(collections: object, metadata: object) -> tuple[tuple[str, ...], dict[str, Any]] | None:
    if not isinstance(collections, list) or not all(isinstance(name, str) for name in collections):
        return None
    return (tuple(collections), metadata) if isinstance(metadata, dict) else None
