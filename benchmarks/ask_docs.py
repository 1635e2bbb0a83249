"""Does the answer cite the page that answers? Ten questions to FastAPI's documentation, and some it does not hold.

    python -m benchmarks.ask_docs [--url http://127.0.0.1:8000] [--json]

Indexes ../shared/data/docs/fastapi_en into a record of its own (or asks the server at --url, which must have it), and
checks every citation: the quote is `content[start:end]`, its heading path is that of the heading above it, and the
marks of the Markdown are the numbers of the list.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

RAGSTONE = str(Path(sys.executable).parent / "ragstone")
DOCS = Path(__file__).resolve().parents[2] / "shared" / "data" / "docs" / "fastapi_en"

ANSWERED = {
    "How is a request body declared?": "tutorial/body",
    "How do I return a custom status code?": "status-code",
    "What is Depends with yield for?": "dependencies-with-yield|advanced-dependencies",
    "How do I enable CORS?": "tutorial/cors",
    "How are background tasks added?": "background-tasks",
    "How do I test with TestClient?": "testing|testclient",
    "How do I mount static files?": "static-files|staticfiles|custom-docs-ui-assets",
    "What does response_model_exclude_unset do?": "tutorial/response-model",
    "How are WebSockets received?": "websockets",
    "How do I run behind a proxy with a path prefix?": "behind-a-proxy",
}
REFUSED = (
    "What is the boiling point of tungsten?",
    "Who won last year's cup final?",
    "How many moons does Jupiter have?",
    "Which vaccine prevents measles?",
)

Ask = Callable[[str], Mapping[str, Any]]
Content = Callable[[str], str]


def heading_path(content: str, position: int) -> list[str]:
    """Return the headings above a position: an independent, plain reading of ATX headings outside code."""
    path: list[tuple[int, str]] = []
    fenced, offset = False, 0
    for line in content.splitlines(keepends=True):
        if offset > position:
            break
        fenced ^= line.lstrip().startswith(("```", "~~~"))
        heading = None if fenced else re.match(r"(#{1,6}) +(.*?)(?: *\{ *#[^}]*\})? *#* *$", line)
        if heading:
            level = len(heading[1])
            path = [each for each in path if each[0] < level] + [(level, plain(heading[2]))]
        offset += len(line)
    return [title for _, title in path]


def plain(text: str) -> str:
    return re.sub(r"[`*_]|\[([^\]]*)\]\([^)]*\)", lambda match: match[1] or "", text).strip()


def faults(answer: Mapping[str, Any], content: Content) -> list[str]:
    """Return what is wrong with an answer's citations."""
    found = []
    marks = {int(number) for number in re.findall(r"\[(\d+)\](?!\()", answer["answer"])}
    numbers = [citation["n"] for citation in answer["citations"]]
    if not set(numbers) <= marks or numbers != list(range(1, len(numbers) + 1)):
        found.append(f"marks {sorted(marks)} but citations {numbers}")
    for citation in answer["citations"]:
        text = content(citation["document_id"])
        if text[citation["start"] : citation["end"]] != citation["quote"]:
            found.append(f"citation {citation['n']} is not verbatim")
        path = [plain(part) for part in citation["heading_path"]]
        if path != heading_path(text, citation["start"]):
            found.append(f"citation {citation['n']}: {path} is not {heading_path(text, citation['start'])}")
    return found


def examine(ask: Ask, content: Content) -> dict[str, Any]:
    """Ask everything and count."""
    right, refused, wrong, citations = 0, 0, [], 0
    for question, page in ANSWERED.items():
        answer = ask(question)
        cited = [citation["uri"] for citation in answer["citations"]]
        citations += len(cited)
        if any(re.search(page, uri) for uri in cited):
            right += 1
        else:
            wrong.append(f"{question}: {'refused' if answer['refused'] else cited}")
        wrong += [f"{question}: {fault}" for fault in faults(answer, content)]
    for question in REFUSED:
        answer = ask(question)
        refused += bool(answer["refused"]) and not answer["citations"]
        if not answer["refused"]:
            wrong.append(f"{question}: {answer['answer'][:80]}")
    return {
        "right_page": f"{right}/{len(ANSWERED)}",
        "refused": f"{refused}/{len(REFUSED)}",
        "citations": citations,
        "wrong": wrong,
    }


def over_http(url: str) -> dict[str, Any]:
    with httpx.Client(base_url=url, timeout=60) as client:
        return examine(
            lambda question: client.post("/v1/ask", json={"question": question}).raise_for_status().json(),
            lambda document: str(client.get(f"/v1/documents/{document}/content").raise_for_status().json()["content"]),
        )


def by_command_line() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="ragstone-bench-", ignore_cleanup_errors=True) as directory:
        environment = {**os.environ, "RAGSTONE_DATA_DIR": directory}

        def run(*arguments: str) -> Any:
            finished = subprocess.run(
                [RAGSTONE, *arguments, "--json"], env=environment, check=True, stdout=subprocess.PIPE, text=True
            )
            return json.loads(finished.stdout.strip().splitlines()[-1] if arguments[0] == "ingest" else finished.stdout)

        ingested = run("ingest", str(DOCS), "--glob", "*.md")
        found = examine(
            lambda question: run("ask", question),
            lambda document: str(run("documents", "content", document)["content"]),
        )
        return {"ingested": ingested, **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if not DOCS.is_dir():
        raise SystemExit("needs ../shared/data/docs/fastapi_en, which is not here")
    figures = over_http(arguments.url) if arguments.url else by_command_line()
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:12} {value}")


if __name__ == "__main__":
    main()
