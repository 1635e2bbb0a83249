"""What a sync has to do, from what the source lists and what the record has."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from ragstone.domain.documents import Failure, State
from ragstone.domain.errors import Conflict
from ragstone.ingest.sync import (
    Listed,
    Plan,
    Wanted,
    as_wanted,
    check_not_emptied,
    draw_plan,
    may_mend,
    to_digest,
)

SOURCE = "file:///docs"
WANTED = Wanted(SOURCE, ["everyone"], {})


@dataclass(frozen=True)
class Doc:
    uri: str
    sha256: str
    source: str | None = SOURCE
    size: int = 10
    readers: Sequence[str] = ("everyone",)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    state: State = State.READY
    failure: Failure | None = None


def a_file(name: str, sha256: str | None, size: int = 10) -> Listed:
    return Listed(f"{SOURCE}/{name}", size, sha256)


def a_doc(name: str, sha256: str, **changed: Any) -> Doc:
    return replace(Doc(f"{SOURCE}/{name}", sha256), **changed)


def drawn(listed: Sequence[Listed], documents: Sequence[Doc], *, whole: bool = True) -> dict[str, Any]:
    """Return the plan by file names."""
    plan: Plan[Doc] = draw_plan(WANTED, listed, documents, whole=whole)

    def name(uri: str) -> str:
        return uri.removeprefix(f"{SOURCE}/")

    everything = {
        "added": [name(uri) for uri in plan.added],
        "changed": [name(uri) for uri in plan.changed],
        "relabelled": [name(uri) for uri in plan.relabelled],
        "renamed": [(name(old.uri), name(uri)) for old, uri in plan.renamed],
        "unchanged": [name(each.uri) for each in plan.unchanged],
        "deleted": [name(each.uri) for each in plan.deleted],
    }
    return {kind: found for kind, found in everything.items() if found}


def test_each_kind_of_difference() -> None:
    listed = [a_file("same.md", "s"), a_file("changed.md", "new"), a_file("added.md", "a"), a_file("moved/to.md", "m")]
    documents = [a_doc("same.md", "s"), a_doc("changed.md", "old"), a_doc("from.md", "m"), a_doc("deleted.md", "d")]
    assert drawn(listed, documents) == {
        "added": ["added.md"],
        "changed": ["changed.md"],
        "renamed": [("from.md", "moved/to.md")],
        "unchanged": ["same.md"],
        "deleted": ["deleted.md"],
    }


def test_nothing_listed_and_nothing_there() -> None:
    assert drawn([], []) == {}
    assert drawn([], [a_doc("a.md", "a")]) == {"deleted": ["a.md"]}


def test_a_rename_takes_each_document_once() -> None:
    listed = [a_file(name, "same") for name in ("x.md", "y.md", "z.md")]
    documents = [a_doc("b.md", "same"), a_doc("a.md", "same")]
    assert drawn(listed, documents) == {"renamed": [("a.md", "x.md"), ("b.md", "y.md")], "added": ["z.md"]}


def test_a_copy_is_no_rename() -> None:
    assert drawn([a_file("a.md", "s"), a_file("copy.md", "s")], [a_doc("a.md", "s")]) == {
        "unchanged": ["a.md"],
        "added": ["copy.md"],
    }


def test_another_extension_may_be_read_in_another_way() -> None:
    assert drawn([a_file("a.md", "s")], [a_doc("a.txt", "s")]) == {"added": ["a.md"], "deleted": ["a.txt"]}


def test_swapped_names_are_two_changes() -> None:
    documents = [a_doc("a.md", "a"), a_doc("b.md", "b")]
    assert drawn([a_file("a.md", "b"), a_file("b.md", "a")], documents) == {"changed": ["a.md", "b.md"]}


def test_only_what_is_of_the_source_goes() -> None:
    documents = [a_doc("by-hand.md", "h", source=None), a_doc("another.md", "o", source="file:///other")]
    assert drawn([a_file("new.md", "h")], documents) == {"added": ["new.md"]}


def test_what_is_there_by_hand_is_not_sent_again() -> None:
    assert drawn([a_file("a.md", "s")], [a_doc("a.md", "s", source=None)]) == {"unchanged": ["a.md"]}


def test_what_half_a_listing_lacks_may_still_be_there() -> None:
    documents = [a_doc("unseen.md", "s"), a_doc("a.md", "old")]
    listed = [a_file("copy.md", "s"), a_file("a.md", "new")]
    assert drawn(listed, documents, whole=False) == {"added": ["copy.md"], "changed": ["a.md"]}


def test_what_is_said_otherwise_is_sent_again() -> None:
    documents = [a_doc("a.md", "a", readers=("hr",)), a_doc("b.md", "b", metadata={"year": "2025"})]
    assert drawn([a_file("a.md", "a"), a_file("b.md", "b")], documents) == {"relabelled": ["a.md", "b.md"]}


def test_what_cannot_be_read_is_not_tried_again_to_open_it_to_more_readers() -> None:
    broken = a_doc("c.pdf", "c", readers=("hr",), metadata={"year": "2025"}, state=State.FAILED)
    assert drawn([a_file("c.pdf", "c")], [broken]) == {"unchanged": ["c.pdf"]}


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
def test_what_cannot_be_read_is_kept_from_those_whom_it_is_not_for(state: State) -> None:
    """An earlier version may answer in its place."""
    wanted = replace(WANTED, readers=["hr", "board"])
    open_to_all = a_doc("a.pdf", "a", state=state)
    listed = [a_file("a.pdf", "a")]
    assert draw_plan(wanted, listed, [open_to_all], whole=True).relabelled == [open_to_all.uri]
    narrower = replace(open_to_all, readers=("board",))
    assert draw_plan(wanted, listed, [narrower], whole=True).unchanged == [narrower]


def test_what_is_renamed_and_said_otherwise_is_sent_again_under_its_new_name() -> None:
    document = a_doc("a.md", "a", readers=("hr",))
    plan = draw_plan(WANTED, [a_file("b.md", "a")], [document], whole=True)
    assert plan.renamed == [(document, f"{SOURCE}/b.md")]
    assert plan.relabelled == [f"{SOURCE}/b.md"]
    assert plan.known == {f"{SOURCE}/b.md": document}
    assert (plan.added, plan.deleted) == ([], [])


def test_of_what_is_being_written_nothing_is_known_and_nothing_goes() -> None:
    documents = [a_doc("a.md", "a"), a_doc("b.md", "b")]
    plan = draw_plan(WANTED, [a_file("new.md", "a")], documents, whole=True, held=[documents[0].uri])
    assert (plan.added, plan.renamed, plan.deleted) == ([f"{SOURCE}/new.md"], [], [documents[1]])


def test_pages_are_looked_at_whatever_is_known() -> None:
    known = Doc("https://e.test/a", "a", source="https://e.test/sitemap.xml")
    wanted = replace(WANTED, source="https://e.test/sitemap.xml")
    plan = draw_plan(wanted, [Listed("https://e.test/a"), Listed("https://e.test/b")], [known], whole=True)
    assert (plan.changed, plan.added) == (["https://e.test/a"], ["https://e.test/b"])
    assert to_digest(wanted, [Listed("https://e.test/a")], [known]) == []


def test_only_files_whose_digest_says_something_are_read() -> None:
    listed = [
        a_file("same-size.md", None, 10),
        a_file("other-size.md", None, 11),
        a_file("may-be-moved.md", None, 20),
        a_file("film.mp4", None, 20),
        a_file("new.md", None, 30),
    ]
    documents = [a_doc("same-size.md", "a"), a_doc("other-size.md", "b"), a_doc("gone.md", "c", size=20)]
    digested = to_digest(WANTED, listed, documents)
    assert [uri.removeprefix(f"{SOURCE}/") for uri in digested] == ["same-size.md", "may-be-moved.md"]


@pytest.mark.parametrize("seed", range(50))
def test_done_as_planned_the_record_is_as_listed(seed: int) -> None:
    chance = random.Random(seed)
    names = [f"{letter}.md" for letter in "abcdefgh"]
    listed = [a_file(name, chance.choice("12345")) for name in names if chance.random() < 0.6]
    documents = [a_doc(name, chance.choice("12345")) for name in names if chance.random() < 0.6]
    plan: Plan[Doc] = draw_plan(WANTED, listed, documents, whole=True)

    record = {document.uri: document.sha256 for document in documents}
    contents = {each.uri: each.sha256 or "" for each in listed}
    for old, uri in plan.renamed:
        assert uri not in record
        record[uri] = record.pop(old.uri)
    for uri in (*plan.added, *plan.changed):
        record[uri] = contents[uri]
    for each in plan.deleted:
        del record[each.uri]
    assert record == contents
    assert draw_plan(WANTED, listed, [Doc(*each) for each in record.items()], whole=True).unchanged == [
        Doc(each.uri, each.sha256 or "") for each in listed
    ]


def test_a_source_that_lost_everything_is_doubted() -> None:
    check_not_emptied(SOURCE, deleted=0, kept=0)
    check_not_emptied(SOURCE, deleted=5, kept=1)
    with pytest.raises(Conflict, match=r"5 documents would be deleted") as raised:
        check_not_emptied(SOURCE, deleted=5, kept=0)
    assert "--allow-empty" in raised.value.remedy


def test_only_what_failed_for_a_passing_cause_is_begun_again() -> None:
    failure = Failure("embed", "embedder_unavailable", "It is away.", "Wait.", retryable=True)
    assert may_mend(a_doc("a.md", "a", state=State.FAILED, failure=failure))
    assert not may_mend(a_doc("a.md", "a", state=State.FAILED, failure=replace(failure, retryable=False)))
    assert not may_mend(a_doc("a.md", "a", state=State.CANCELLED))
    assert not may_mend(a_doc("a.md", "a"))


def test_readers_are_the_same_in_any_order() -> None:
    wanted = Wanted(SOURCE, ["hr", "board"], {"year": "2026"})
    document = a_doc("a.md", "a", readers=("board", "hr"), metadata={"year": "2026"})
    assert as_wanted(document, wanted)
    assert not as_wanted(replace(document, readers=("hr",)), wanted)
