"""Which files of a folder are taken."""

import os
from pathlib import Path

import pytest

from ragstone.cli.files import EMPTY, LINK, Finding, find, printable
from ragstone.domain.errors import InvalidRequest


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
    assert names(find([str(tmp_path)], [], []), tmp_path) == ["one.md"]


def test_takes_each_document_once_and_what_is_named_as_named(tmp_path: Path) -> None:
    make(tmp_path, "one.md", "two.md")
    found = find([str(tmp_path), str(tmp_path / "one.md"), "https://a.test/x", "https://a.test/x"], [], [])
    assert [(item.uri.rpartition("/")[2], item.named) for item in found.items] == [
        ("one.md", True),
        ("two.md", False),
        ("x", True),
    ]


def test_names_documents_by_their_resolved_path(tmp_path: Path) -> None:
    make(tmp_path, "sub/a page.md")
    (item,) = find([str(tmp_path / "sub" / ".." / "sub")], [], []).items
    assert item.uri == (tmp_path.resolve() / "sub" / "a page.md").as_uri()
    assert item.kind == ".md"


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
