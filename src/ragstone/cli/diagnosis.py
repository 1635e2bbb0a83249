"""What ``doctor`` looks at. Each check ends in a line, whatever it finds."""

import os
import platform
import shutil
import sys
import time
from collections.abc import Awaitable
from pathlib import Path

from ragstone.adapters.parsers.kreuzberg.tessdata import find_tessdata
from ragstone.cli.database_checks import database, keys, queue, schema, spaces
from ragstone.cli.local import quiet_settings
from ragstone.cli.port_check import port
from ragstone.cli.record_check import record
from ragstone.cli.replies import Check, Diagnosis
from ragstone.container import Container
from ragstone.domain.answers import Usage
from ragstone.domain.errors import RagstoneError
from ragstone.ports.chat_model import Prompt
from ragstone.settings import Settings

_OLDEST_PYTHON = (3, 11)
_GIB = 1 << 30
_LITTLE_SPACE = 2 * _GIB
_TOO_LITTLE_SPACE = _GIB // 4
_PAGE = b"<html><head><title>Doctor</title></head><body><h1>Doctor</h1><p>One paragraph.</p></body></html>"


async def diagnose(*, online: bool, deep: bool = False) -> Diagnosis:
    """Look at everything; ask the language model only if ``online``, read the whole record only if ``deep``."""
    checks = [_python()]
    try:
        settings = quiet_settings()
    except RagstoneError as error:
        checks.append(_failed("settings", error))
    else:
        container = Container(settings)
        try:
            checks += await _parts(container, online=online, deep=deep)
        finally:
            await container.close()
    return Diagnosis(ok=all(check.status != "failed" for check in checks), checks=checks)


async def _parts(container: Container, *, online: bool, deep: bool) -> list[Check]:
    checks = [_data_dir(container.settings), await _checked("database", database(container))]
    connected = checks[-1].status == "ok"
    if connected:
        checks.append(await _checked("schema", schema(container)))
    migrated = connected and checks[-1].status == "ok"
    if migrated:
        checks += [await _checked("queue", queue(container)), await _checked("keys", keys(container))]
        checks += await _record(container, deep=deep)
    checks.append(await _checked("embedder", _embedder(container)))
    if migrated and checks[-1].status == "ok":
        checks.append(await _checked("vectors", spaces(container)))
    checks.append(await _checked("parser", _parser(container)))
    checks.append(_ocr())
    checks.append(await _checked("chat model", _chat_model(container, online=online)))
    checks.append(await port(container.settings))
    return checks


async def _checked(name: str, check: Awaitable[Check]) -> Check:
    """Return the check's outcome; an error that says how to mend it is one, too."""
    try:
        return await check
    except RagstoneError as error:
        return _failed(name, error)


async def _record(container: Container, *, deep: bool) -> list[Check]:
    """Return a line, or one for each thing that is broken."""
    try:
        return await record(container, deep=deep)
    except RagstoneError as error:
        return [_failed("record", error)]


def _failed(name: str, error: RagstoneError) -> Check:
    return Check(name=name, status="failed", detail=error.message, remedy=error.remedy)


def _python() -> Check:
    version = f"Python {platform.python_version()} at {sys.executable}"
    if sys.version_info < _OLDEST_PYTHON:
        return Check(name="python", status="failed", detail=version, remedy="Ragstone needs Python 3.11 or later.")
    return Check(name="python", status="ok", detail=version)


def _data_dir(settings: Settings) -> Check:
    """See that the data directory, or the nearest directory above where it is to be made, can be written to."""
    directory = settings.data_dir.expanduser().resolve()
    there = next(each for each in (directory, *directory.parents) if each.exists())
    free = shutil.disk_usage(there).free
    detail = f"{directory}, {free / _GIB:,.1f} GiB free"
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Check(
            name="data",
            status="failed",
            detail=f"{detail}, not writable",
            remedy="Point RAGSTONE_DATA_DIR at a directory that this user may write.",
        )
    if free < _LITTLE_SPACE:
        return Check(
            name="data",
            status="failed" if free < _TOO_LITTLE_SPACE else "warning",
            detail=detail,
            remedy="Make room, or point RAGSTONE_DATA_DIR at a larger disk.",
        )
    return Check(name="data", status="ok", detail=detail)


async def _embedder(container: Container) -> Check:
    """Load the model and embed one text."""
    embedder = container.embedder
    await embedder.warm()
    begun = time.perf_counter()
    vectors = await embedder.embed(["How is the doctor?"])
    milliseconds = (time.perf_counter() - begun) * 1000
    model = embedder.model
    if vectors.shape != (1, model.dimensions):
        detail = f"{model.name} returned vectors of shape {vectors.shape}, not of {model.dimensions} dimensions"
        return Check(name="embedder", status="failed", detail=detail, remedy="Check RAGSTONE_EMBEDDER_DIMENSIONS.")
    detail = f"{model.name} {model.version}, {model.dimensions} dimensions, one text in {milliseconds:,.1f} ms"
    return Check(name="embedder", status="ok", detail=detail)


async def _parser(container: Container) -> Check:
    """Read a small page in a child process."""
    begun = time.perf_counter()
    parsed = await container.parser.parse(_PAGE, "text/html", "doctor.html")
    milliseconds = (time.perf_counter() - begun) * 1000
    if "One paragraph." not in parsed.content:
        return Check(
            name="parser", status="failed", detail="The parser lost the text of a page.", remedy="Reinstall kreuzberg."
        )
    detail = f"kreuzberg in a child process of at most {container.settings.parse_memory_mb} MiB, {milliseconds:,.0f} ms"
    return Check(name="parser", status="ok", detail=detail)


def _ocr() -> Check:
    place: Path | None = find_tessdata()
    if place is None:
        return Check(
            name="scans",
            status="info",
            detail="Tesseract's language data is not found: no text is read from pictures and scanned pages",
            remedy="To have it, install tesseract-ocr.",
        )
    return Check(name="scans", status="ok", detail=f"Tesseract's language data is in {place}")


async def _chat_model(container: Container, *, online: bool) -> Check:
    """Say which language model is configured, and ask it for a word if ``online``."""
    model = container.chat_model
    if model is None:
        return Check(
            name="chat model",
            status="info",
            detail="none: answers are quoted from the documents",
            remedy="To have them written, set RAGSTONE_CHAT_MODEL, as openai:gpt-4o-mini.",
        )
    if not online:
        return Check(name="chat model", status="ok", detail=f"{model.name}; not asked: --online does")
    begun = time.perf_counter()
    prompt = Prompt(instructions="You reply with one word.", content="Say: ready")
    said = [piece async for piece in model.stream(prompt, max_tokens=16) if not isinstance(piece, Usage)]
    seconds = time.perf_counter() - begun
    if not "".join(said).strip():
        return Check(
            name="chat model", status="failed", detail=f"{model.name} said nothing", remedy="Choose another model."
        )
    return Check(name="chat model", status="ok", detail=f"{model.name} answered in {seconds:,.1f} s")
