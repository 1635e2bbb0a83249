"""The demonstration: the pages of the project's own documentation, indexed, and what to try on them."""

import asyncio
import json
import os
import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import ragstone
from ragstone.cli import output
from ragstone.domain.errors import RagstoneError

if TYPE_CHECKING:
    from ragstone.cli.summary import IngestSummary
    from ragstone.settings import Settings

QUESTION = "Who may read a document?"


async def show_demo(settings: "Settings", url: str) -> None:
    """Index the demo pages in the record that the server at ``url`` serves, then print what to try."""
    folder = demo_folder()
    if folder is None:
        output.note(
            "The demo pages come with a checkout of the project. Index a folder of yours: ragstone ingest FOLDER"
        )
        return
    output.say("Indexing the demo pages ...")
    try:
        outcome = await _index(settings, folder)
    except RagstoneError as error:
        output.note(f"The demo pages are not indexed: {error}")
        return
    output.say(f"{outcome.ready:,} of {outcome.documents:,} pages are indexed, in {outcome.seconds:,.1f} s. Try:\n")
    for name, trial in _trials(settings, url).items():
        output.say(f"  {name:<8} {trial}")
    output.say("\nCtrl-C stops it.")


def demo_folder() -> Path | None:
    """Return the docs folder of the checkout that this package lies in; ``None`` where it was installed alone."""
    root = Path(ragstone.__file__).resolve().parents[2]
    docs = root / "docs"
    return docs if docs.is_dir() and (root / "pyproject.toml").is_file() else None


async def _index(settings: "Settings", folder: Path) -> "IngestSummary":
    """Index what is new or changed; the server's worker does the work."""
    from ragstone.api.requests import DocumentForm
    from ragstone.cli.batch import Batch
    from ragstone.cli.client import requested
    from ragstone.cli.files import find
    from ragstone.cli.local import LocalClient
    from ragstone.container import open_container

    begun = time.monotonic()
    finding = await asyncio.to_thread(find, [str(folder)], ["*.md"], [])
    async with open_container(settings) as container:
        batch = Batch(LocalClient(container), finding)
        await batch.complete(lambda item: requested(DocumentForm, uri=item.uri), lambda _: None)
        return await batch.summary(time.monotonic() - begun)


def _trials(settings: "Settings", url: str) -> dict[str, str]:
    """Return what to try, by way: the page, a question by HTTP, a question from a shell."""
    from ragstone.api.guard import is_loopback

    body = shlex.quote(json.dumps({"question": QUESTION}))
    key = "" if is_loopback(settings.host) else " -H 'Authorization: Bearer rs_...'"
    return {
        "page": f"{url}/",
        "HTTP": f"curl -s {url}/v1/ask -H 'Content-Type: application/json'{key} -d {body}",
        "shell": f"{_command()} ask {shlex.quote(QUESTION)}",
    }


def _command() -> str:
    """Return how this very program is called from here."""
    if shutil.which("ragstone"):
        return "ragstone"
    return shlex.quote(os.path.relpath(sys.argv[0]))
