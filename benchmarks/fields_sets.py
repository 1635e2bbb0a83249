"""Question sets whose passages have titles or headings, each field on its own.

Three kinds: BEIR-style sets, whose documents have titles; questions about a documentation site, answered by a page; and
the links of two such sites: what a link says is asked for, and the page or the section that it leads to is to be found.
Links say more titles than questions do. So those to pages of which more than half of the words stand in the title that
they lead to are told apart from those that say it in their own words.
"""

import json
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.answer_sets import SHARED_DATA
from ragstone.domain.documents import Chunk, ParsedDocument, embedding_text
from ragstone.ingest.chunking import chunk
from ragstone.learn.judged_sets import read_set
from ragstone.learn.questions import JudgedQuestion
from ragstone.ports.embedder import Embedder
from ragstone.retrieve.analysis import STOP_WORDS, terms

BEIR = ("adi", "xquad/en", "xquad/de", "xquad/es", "xquad/zh", "policyqa", "clapnq", "cranfield", "cisi", "scifact")
SITES = ("fastapi_en", "powershell")
_SEED_QUESTIONS = Path(__file__).parent / "fastapi_questions.json"
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_LINK = re.compile(r"(?<!!)\[([^\[\]]+)\]\(([^()\s]+)\)|(?<!!)\[([^\[\]]+)\]\[([^\[\]]+)\]")
_WHERE = re.compile(r"^\[([^\]]+)\]:\s*(\S+)", re.MULTILINE)
_FEWEST_WORDS = 2


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk by its fields. ``uris``: what it is found as, the document first, then its sections."""

    title: str
    headings: str
    body: str
    uris: tuple[str, ...]
    site: str = ""

    @property
    def embedded(self) -> str:
        """What is embedded of it."""
        heading = " > ".join(part for part in (self.title, self.headings) if part)
        return "\n".join(part for part in (heading, self.body) if part)


@dataclass(frozen=True, slots=True)
class Set:
    """Passages, and questions that name what answers them. ``sections``: these are found, not documents."""

    name: str
    passages: Sequence[Passage]
    questions: Sequence[JudgedQuestion]
    sections: bool = False


def beir(name: str) -> Set:
    """Return a BEIR-style set: each document one passage."""
    folder = SHARED_DATA / (f"{name}/dev" if name == "policyqa" else name)
    passages = []
    for line in (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines():
        read = json.loads(line)
        passages.append(Passage(read.get("title", ""), "", read["text"], (read["_id"],), read.get("title", "")))
    return Set(name, passages, read_set(folder).questions)


def site(name: str, embedder: Embedder) -> Iterator[Set]:
    """Yield the sets of a documentation site, which have the same passages: cut as ingestion cuts them."""
    folder = SHARED_DATA / "docs" / name
    texts = {
        path.relative_to(folder).as_posix(): _FRONT_MATTER.sub("", path.read_text(encoding="utf-8-sig"))
        for path in sorted(folder.rglob("*.md"))
    }
    titles = {uri: _title(text, uri) for uri, text in texts.items()}
    passages = [each for uri, text in texts.items() for each in _passages(uri, titles[uri], text, embedder)]
    if name == "fastapi_en":
        yield Set(f"{name}, questions", passages, _asked(texts))
    known = {uri for each in passages for uri in each.uris}
    links = list(_links(texts, known))
    said = _heads(passages)
    pages = list(_as_questions(links, sections=False))
    literal = [each for each in pages if _says_the_title(each, said)]
    yield Set(f"{name}, links to pages by name", passages, literal)
    yield Set(f"{name}, links in own words", passages, [each for each in pages if each not in literal])
    yield Set(f"{name}, links to sections", passages, list(_as_questions(links, sections=True)), sections=True)


def _title(text: str, uri: str) -> str:
    heading = next((line for line in text.splitlines() if line.startswith("# ")), f"# {Path(uri).stem}")
    return heading.removeprefix("# ").partition(" {")[0].strip()


def _passages(uri: str, title: str, text: str, embedder: Embedder) -> Iterator[Passage]:
    parsed = ParsedDocument(text, "text/markdown", title)
    most = embedder.model.max_tokens
    for each in chunk(parsed, embedder.tokenizer, max_tokens=200, overlap=0.15, model_max_tokens=most, title=title):
        below = each.heading_path[1:] if each.heading_path[:1] == (title,) else each.heading_path
        anchors = (f"{uri}#{slug(part)}" for part in each.heading_path)
        yield Passage(title, " > ".join(below), _body(each), (uri, *anchors))


def _body(each: Chunk) -> str:
    return embedding_text("", (), each.text, lead=each.lead)


def slug(heading: str) -> str:
    """Return what links call a section by."""
    named = re.search(r"\{\s*#([\w-]+)\s*\}", heading)
    return named[1] if named else re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def _asked(texts: Mapping[str, str]) -> list[JudgedQuestion]:
    asked = json.loads(_SEED_QUESTIONS.read_text(encoding="utf-8"))["answered"]
    questions = []
    for number, (question, pages) in enumerate(asked.items()):
        uris = {uri for uri in texts for page in pages if uri == page or (page.endswith("/") and uri.startswith(page))}
        questions.append(JudgedQuestion(question, frozenset(uris), str(number)))
    return questions


@dataclass(frozen=True, slots=True)
class _Link:
    said: str
    source: str
    target: str


def _links(texts: Mapping[str, str], known: set[str]) -> Iterator[_Link]:
    """Yield the links from one page to another one, or to a section of it, that is there."""
    by_lower = {uri.lower(): uri for uri in known}
    for source, text in texts.items():
        places = {name.lower(): where for name, where in _WHERE.findall(text)}
        for inline, where, referred, name in _LINK.findall(text):
            path, _, section = (where or places.get(name.lower(), "")).partition("#")
            if not path.endswith(".md") or ":" in path:
                continue
            page = posixpath.normpath(posixpath.join(posixpath.dirname(source), path)).lower()
            target = by_lower.get(f"{page}#{section}".lower() if section else page)
            if target and by_lower.get(page) != source:
                yield _Link(re.sub(r"[*`_]{1,2}(\S(?:.*?\S)?)[*`_]{1,2}", r"\1", inline or referred), source, target)


def _as_questions(links: Sequence[_Link], *, sections: bool) -> Iterator[JudgedQuestion]:
    """Yield what links say, once each: all that it leads to answers, and the pages that say it are left out."""
    targets: defaultdict[str, set[str]] = defaultdict(set)
    sources: defaultdict[str, set[str]] = defaultdict(set)
    for link in links:
        said = " ".join(link.said.split()).lower()
        content = [word for word in terms(said) if word not in STOP_WORDS]
        if sections == ("#" in link.target) and len(content) >= _FEWEST_WORDS:
            targets[said].add(link.target)
            sources[said].add(link.source)
    for said, found in targets.items():
        if not found & sources[said]:
            yield JudgedQuestion(said, frozenset(found), said, excluded=frozenset(sources[said]))


def _heads(passages: Sequence[Passage]) -> Mapping[str, set[str]]:
    """Return the terms of title and headings above each document and section."""
    heads: defaultdict[str, set[str]] = defaultdict(set)
    for each in passages:
        document, *sections = each.uris
        heads[document].update(terms(each.title))
        for uri in sections:
            heads[uri].update(terms(f"{each.title} {each.headings}"))
    return heads


def _says_the_title(question: JudgedQuestion, said: Mapping[str, set[str]]) -> bool:
    asked = {word for word in terms(question.question) if word not in STOP_WORDS}
    return any(2 * len(asked & said[uri]) > len(asked) for uri in question.uris)


def sets(embedder: Embedder, wanted: Sequence[str]) -> Iterator[Set]:
    """Yield each of the sets wanted, documentation sites as several."""
    for name in wanted:
        if name in SITES:
            yield from site(name, embedder)
        else:
            yield beir(name)
