"""Which files of a folder are taken."""

import errno
import os
from collections import Counter
from pathlib import Path

import pytest

from ragstone.cli.errand import Errand
from ragstone.cli.files import EMPTY, LINK, SPECIAL, UNREADABLE, Finding, find, printable
from ragstone.domain.errors import InvalidRequest
from ragstone.ingest.stopping import NotWanted


def make(root: Path, *names: str) -> None:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"text of {name}")


def names(finding: Finding, root: Path) -> list[str]:
    return [Path(item.source).relative_to(root).as_posix() for item in finding.items]


def test_takes_all_below_in_order_without_what_is_hidden_or_junk(tmp_path: Path) -> None:
    make(
        tmp_path, "b.md", "a/z.md", "a/.git/config", ".env", "node_modules/x.md", "c/__pycache__/y.md", "c/~$lock.docx"
    )
    assert names(find([str(tmp_path)], [], []), tmp_path) == ["a/z.md", "b.md"]


def test_patterns_match_names_and_paths_within_the_folder(tmp_path: Path) -> None:
    make(tmp_path, "one.md", "two.txt", "drafts/three.md", "deep/down/four.md")
    assert names(find([str(tmp_path)], ["*.md"], ["drafts"]), tmp_path) == ["deep/down/four.md", "one.md"]
    assert names(find([str(tmp_path)], ["deep/*"], []), tmp_path) == ["deep/down/four.md"]


def test_follows_no_link_out_of_the_folder_and_none_in_a_circle(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    make(inside, "one.md", "sub/two.md")
    make(outside, "secret.md")
    (inside / "away").symlink_to(outside)
    (inside / "secret.md").symlink_to(outside / "secret.md")
    (inside / "sub" / "circle").symlink_to(inside)
    (inside / "sub" / "again.md").symlink_to(inside / "one.md")
    (inside / "gone.md").symlink_to(inside / "nothing.md")
    finding = find([str(inside)], [], [])
    assert names(finding, inside) == ["one.md", "sub/two.md"]
    assert finding.skipped == {LINK: 3}


def test_skips_empty_files_of_folders_but_not_those_that_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.md").touch()
    assert find([str(tmp_path)], [], []).skipped == {EMPTY: 1}
    named = find([str(tmp_path / "empty.md")], [], [])
    assert [item.named for item in named.items] == [True]


def test_skips_what_is_no_file(tmp_path: Path) -> None:
    make(tmp_path, "one.md")
    os.mkfifo(tmp_path / "pipe.md")
    finding = find([str(tmp_path)], [], [])
    assert names(finding, tmp_path) == ["one.md"]
    assert finding.skipped == {SPECIAL: 1}


def test_refuses_what_is_no_file_where_it_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    for name in (str(tmp_path / "pipe.md"), "/dev/null"):
        with pytest.raises(InvalidRequest, match="no file or folder, but a pipe, socket or device"):
            find([name], [], [])


def test_takes_each_document_once_and_what_is_named_as_named(tmp_path: Path) -> None:
    make(tmp_path, "one.md", "two.md")
    found = find([str(tmp_path), str(tmp_path / "one.md"), "https://a.test/x", "https://a.test/x"], [], [])
    assert [(item.uri.rpartition("/")[2], item.named) for item in found.items] == [
        ("one.md", True),
        ("two.md", False),
        ("x", True),
    ]


def test_names_documents_by_the_path_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "r1/sub/a page.md")
    (tmp_path / "current").symlink_to("r1")
    called = (tmp_path / "current" / "sub" / "a page.md").as_uri()
    monkeypatch.chdir(tmp_path)
    for source in (tmp_path / "current" / "sub" / ".." / "sub", "current", "./current//sub/", "current/sub/a page.md"):
        (item,) = find([str(source)], [], []).items
        assert (item.uri, item.kind) == (called, ".md")
    (item,) = find(["current", "r1", str(tmp_path / "r1" / "sub" / "a page.md")], [], []).items
    assert (item.uri, item.named) == ((tmp_path / "r1" / "sub" / "a page.md").as_uri(), True)


def test_what_is_above_a_link_is_where_it_leads(tmp_path: Path) -> None:
    make(tmp_path, "far/away/one.md", "far/two.md", "two.md")
    (tmp_path / "link").symlink_to("far/away")
    (item,) = find([str(tmp_path / "link" / ".." / "two.md")], [], []).items
    assert item.source == tmp_path / "far" / "two.md"


def test_names_what_links_lead_to_by_the_links_unless_it_is_taken_itself(tmp_path: Path) -> None:
    make(tmp_path, ".v1/p.md", ".v1/sub/q.md", "z.md", "real/r.md")
    (tmp_path / ".data").symlink_to(".v1")
    for name, to in {"p.md": ".data/p.md", "sub": ".data/sub", "a.md": "z.md", "b": "real"}.items():
        (tmp_path / name).symlink_to(to)
    (tmp_path / "p2.md").symlink_to(".v1/p.md")
    (tmp_path / "self").symlink_to("self")
    finding = find([str(tmp_path)], [], [])
    assert names(finding, tmp_path) == ["p.md", "real/r.md", "sub/q.md", "z.md"]
    assert finding.skipped == {LINK: 1}
    assert names(find([str(tmp_path)], ["a.*", "r.*"], []), tmp_path) == ["a.md", "real/r.md"]
    assert names(find([str(tmp_path)], [], ["real", "p.md", "sub"]), tmp_path) == ["b/r.md", "p2.md", "z.md"]


def test_a_folder_may_be_as_deep_as_it_likes(tmp_path: Path) -> None:
    deepest = tmp_path.joinpath(*"d" * 1100)
    folders = [deepest, *deepest.parents[:1099]]
    for each in reversed(folders):
        each.mkdir()
    (deepest / "one.md").write_text("deep")
    try:
        (item,) = find([str(tmp_path)], [], []).items
        assert item.source == deepest / "one.md"
    finally:  # what tidies up after a run goes no deeper than Python's stack
        (deepest / "one.md").unlink()
        for each in folders:
            each.rmdir()


@pytest.mark.parametrize("refused", ["sub", "sub/one.md"])
def test_what_may_be_there_and_cannot_be_seen_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    """A folder may be closed, or its names be readable and nothing else."""
    make(tmp_path, "sub/one.md", "two.md")
    scandir = os.scandir

    class Closed:
        def __init__(self, entry: "os.DirEntry[str]") -> None:
            self.name = entry.name
            self.is_symlink = entry.is_symlink

        def stat(self, *, follow_symlinks: bool) -> os.stat_result:
            raise PermissionError(13, "Permission denied")

    class Listed:
        def __init__(self, path: Path) -> None:
            if path == tmp_path / refused:
                raise PermissionError(13, "Permission denied")
            self.entries = scandir(path)

        def __enter__(self) -> list[object]:
            return [Closed(each) if each.path == str(tmp_path / refused) else each for each in self.entries]

        def __exit__(self, *_: object) -> None:
            self.entries.close()

    monkeypatch.setattr(os, "scandir", Listed)
    finding = find([str(tmp_path)], [], [])
    assert names(finding, tmp_path) == ["two.md"]
    assert finding.skipped == {UNREADABLE: 1}


@pytest.mark.parametrize(
    ("number", "inside", "outside"),
    [(errno.EACCES, UNREADABLE, LINK), (errno.ESTALE, UNREADABLE, LINK), (errno.ENOENT, LINK, LINK)],
)
def test_a_link_whose_end_cannot_be_seen_is_not_taken_for_one_that_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, inside: str, outside: str
) -> None:
    make(tmp_path, "docs/.store/one.txt", "elsewhere/two.txt")
    (tmp_path / "docs" / "one.txt").symlink_to(".store/one.txt")
    (tmp_path / "docs" / "two.txt").symlink_to(tmp_path / "elsewhere" / "two.txt")
    look = os.lstat

    def closed(path: "os.PathLike[str] | str", *arguments: object, **named: object) -> os.stat_result:
        if os.fspath(path).endswith((".store/one.txt", "elsewhere/two.txt")):
            raise OSError(number, os.strerror(number))
        return look(path)

    monkeypatch.setattr(os, "lstat", closed)
    finding = find([str(tmp_path / "docs")], [], [])
    assert finding.items == []
    assert finding.skipped == Counter([inside, outside])


def test_links_that_lead_nowhere_or_in_a_ring_hide_nothing(tmp_path: Path) -> None:
    make(tmp_path, "one.md")
    (tmp_path / "gone.md").symlink_to("nothing.md")
    (tmp_path / "through-a-file.md").symlink_to("one.md/two.md")
    (tmp_path / "ring.md").symlink_to("ring.md")
    (tmp_path / "long.md").symlink_to("x" * 300)
    finding = find([str(tmp_path)], [], [])
    assert names(finding, tmp_path) == ["one.md"]
    assert finding.skipped == {LINK: 4}


def test_what_is_empty_since_a_moment_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.md").touch()
    os.utime(tmp_path / "one.md", (1, 1))  # as old as it says, it was made just now
    finding = find([str(tmp_path)], [], [])
    assert (finding.skipped, finding.held) == ({EMPTY: 1}, [tmp_path / "one.md"])
    monkeypatch.setattr("ragstone.cli.files.YOUNG_SECONDS", 0.0)
    finding = find([str(tmp_path)], [], [])
    assert (finding.skipped, finding.held) == ({EMPTY: 1}, [])


def test_nobody_waits_for_it_any_more(tmp_path: Path) -> None:
    make(tmp_path, "one.md")
    errand = Errand()
    assert names(find([str(tmp_path)], [], [], errand), tmp_path) == ["one.md"]
    errand.call_off()
    with pytest.raises(NotWanted):
        find([str(tmp_path)], [], [], errand)


@pytest.mark.parametrize("source", ["/nothing/here", "", "a\0b"])
def test_a_source_that_is_not_there(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not source:
        monkeypatch.chdir(tmp_path)
        assert find([source], [], []).items == []
        return
    with pytest.raises(InvalidRequest, match="no file or folder"):
        find([source], [], [])


def test_a_url_that_carries_credentials_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidRequest) as raised:
        find(["https://me:secret@docs.test/x"], [], [])
    assert "secret" not in str(raised.value)


def test_names_that_are_no_utf8_can_be_shown(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.md")).write_text("x")
    (item,) = find([str(tmp_path)], [], []).items
    assert item.uri.endswith("/caf%E9.md")
    assert printable(Path(item.source).name) == "caf\ufffd.md"
