"""Folders kept up with while they, their readers or other syncs change: what is found is what should be, at once."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from ragstone.api.requests import DocumentForm
from ragstone.api.schemas import Document
from ragstone.cli.client import requested
from ragstone.cli.listings import find_target
from ragstone.cli.local import LocalClient
from ragstone.cli.mirror import Mirror
from ragstone.cli.sync_summary import SyncSummary
from ragstone.container import Container
from ragstone.domain.access import LOCAL, Principal
from ragstone.domain.errors import Conflict
from ragstone.domain.queries import Scope

FILM = b"\0\0\0\x20ftypisom" + bytes(100)


def a_mirror(container: Container, folder: Path, *readers: str) -> Mirror:
    described = requested(DocumentForm, collection="mirror", **({"readers": list(readers)} if readers else {}))
    client = LocalClient(container, readers)
    return Mirror(client, find_target(str(folder), (), ()), described, allow_empty=False)


async def synced(container: Container, folder: Path, *readers: str, wait: bool = False) -> dict[str, int]:
    mirror = a_mirror(container, folder, *readers)
    return counted(await mirror.run(await mirror.look(), lambda reading: None, wait=wait))


def counted(summary: SyncSummary) -> dict[str, int]:
    names = ("added", "changed", "renamed", "deleted", "unchanged", "failed", "skipped", "unknown")
    return {name: getattr(summary, name) for name in names if getattr(summary, name)}


async def documents(container: Container, *readers: str) -> dict[str, Document]:
    """Return the documents by the names of their files, as one who holds these readers sees them."""
    page = await LocalClient(container, readers).documents(collection="mirror", state=None, cursor=None, limit=100)
    return {each.uri.rpartition("/")[2]: each for each in page.items}


async def finds(container: Container, word: str, who: Principal = LOCAL) -> bool:
    return bool((await container.lexical.search(word, Scope(who), 10)).ranked)


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        (folder / f"{name}.md").write_text(f"# {name}\n\n{text}\n")


async def test_what_is_renamed_is_kept_from_others_in_the_same_run(container: Container, tmp_path: Path) -> None:
    write(tmp_path, a="Basalt.", b="Slate.")
    await synced(container, tmp_path)
    before = await documents(container)
    (tmp_path / "a.md").rename(tmp_path / "renamed.md")
    mirror = a_mirror(container, tmp_path, "alice")
    assert counted(await mirror.preview(await mirror.look())) == {"renamed": 1, "unchanged": 1}
    assert await synced(container, tmp_path, "alice") == {"renamed": 1, "unchanged": 1}
    assert await documents(container) == {}
    after = await documents(container, "alice")
    assert {name: each.readers for name, each in after.items()} == {"renamed.md": ["alice"], "b.md": ["alice"]}
    assert after["renamed.md"].job_id == before["a.md"].job_id


async def test_what_answers_for_a_file_that_cannot_be_read_is_kept_from_others(
    container: Container, tmp_path: Path
) -> None:
    write(tmp_path, a="Basalt.")
    assert await synced(container, tmp_path, wait=True) == {"added": 1}
    (tmp_path / "a.md").write_bytes(b"%PDF-1.7\n" + b"no such thing\n" * 50)
    assert await synced(container, tmp_path, wait=True) == {"failed": 1}
    assert await finds(container, "basalt")
    assert await synced(container, tmp_path, "alice", wait=True) == {"failed": 1}
    assert not await finds(container, "basalt")
    assert await finds(container, "basalt", Principal(readers=frozenset({"alice"})))
    (document,) = (await documents(container, "alice")).values()
    assert await synced(container, tmp_path, "alice", wait=True) == {"failed": 1}
    assert (await documents(container, "alice"))["a.md"].job_id == document.job_id  # it is not tried again and again


async def test_a_file_that_became_of_a_kind_that_is_not_read_is_no_document_any_more(
    container: Container, tmp_path: Path
) -> None:
    write(tmp_path, a="Basalt.", b="Slate.")
    await synced(container, tmp_path, wait=True)
    assert await finds(container, "basalt")
    (tmp_path / "a.md").write_bytes(FILM)
    assert await synced(container, tmp_path) == {"deleted": 1, "unchanged": 1, "skipped": 1}
    assert not await finds(container, "basalt")
    assert await synced(container, tmp_path) == {"unchanged": 1, "skipped": 1}
    (tmp_path / "b.md").write_bytes(FILM)
    with pytest.raises(Conflict, match="Nothing is left"):
        await synced(container, tmp_path)


async def test_a_file_of_no_kind_that_is_not_this_syncs_fails_with_the_cause(
    container: Container, tmp_path: Path
) -> None:
    write(tmp_path, a="Basalt.", b="Slate.")
    client = LocalClient(container)
    await client.create_collection("mirror")
    by_hand = requested(DocumentForm, collection="mirror", uri=(tmp_path / "a.md").as_uri())
    await client.accept_file(tmp_path / "a.md", by_hand)
    (tmp_path / "a.md").write_bytes(FILM)
    assert await synced(container, tmp_path) == {"added": 1, "failed": 1}
    assert sorted(await documents(container)) == ["a.md", "b.md"]


async def test_what_another_sync_has_renamed_is_not_deleted(
    container: Container, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sync has planned to delete, then another finds the file elsewhere: what the first one planned is over."""
    write(tmp_path, a="Basalt.", b="Slate.")
    await synced(container, tmp_path)
    before = await documents(container)
    away = tmp_path.parent / f"{tmp_path.name}-a.md"
    (tmp_path / "a.md").rename(away)
    mirror = a_mirror(container, tmp_path)
    listing = await mirror.look()
    away.rename(tmp_path / "moved.md")
    known = mirror._client.documents

    async def then_another(**asked: object) -> object:
        found = await known(**asked)  # type: ignore[arg-type]
        if asked["limit"] != 1:
            assert await synced(container, tmp_path) == {"renamed": 1, "unchanged": 1}
        return found

    monkeypatch.setattr(mirror._client, "documents", then_another)
    assert counted(await mirror.run(listing, lambda reading: None, wait=False)) == {"unchanged": 1}
    after = await documents(container)
    assert {name: each.id for name, each in after.items()} == {"moved.md": before["a.md"].id, "b.md": before["b.md"].id}


async def test_a_document_that_is_renamed_while_it_is_looked_up_is_planned_once(
    container: Container, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, a="Basalt.", b="Slate.")
    await synced(container, tmp_path)
    (tmp_path / "a.md").rename(tmp_path / "moved.md")
    mirror = a_mirror(container, tmp_path)
    listing = await mirror.look()
    listed = mirror._documents_of_source

    async def then_another() -> Sequence[Document]:
        found = await listed()
        await synced(container, tmp_path)
        return found

    monkeypatch.setattr(mirror, "_documents_of_source", then_another)
    assert counted(await mirror.run(listing, lambda reading: None, wait=False)) == {"unchanged": 2}
    assert sorted(await documents(container)) == ["b.md", "moved.md"]


async def test_two_syncs_at_once_end_as_one(container: Container, tmp_path: Path) -> None:
    write(tmp_path, **{f"p{number}": f"Stone {number}." for number in range(12)})
    await synced(container, tmp_path)
    before = await documents(container)
    for number in range(8):
        (tmp_path / f"p{number}.md").rename(tmp_path / f"moved-{number}.md")
    (tmp_path / "p8.md").unlink()
    await asyncio.gather(*(synced(container, tmp_path) for _ in range(3)))
    after = await documents(container)
    assert sorted(after) == sorted(each.name for each in tmp_path.iterdir())
    assert {after[f"moved-{number}.md"].id for number in range(8)} == {
        before[f"p{number}.md"].id for number in range(8)
    }


async def test_a_file_that_is_empty_since_a_moment_keeps_its_document(
    container: Container, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, a="Basalt.", b="Slate.")
    await synced(container, tmp_path, wait=True)
    (tmp_path / "a.md").write_text("")
    assert await synced(container, tmp_path) == {"unchanged": 1, "skipped": 1}
    assert await finds(container, "basalt")
    monkeypatch.setattr("ragstone.cli.files.YOUNG_SECONDS", 0.0)  # time goes by
    assert await synced(container, tmp_path) == {"deleted": 1, "unchanged": 1, "skipped": 1}
    assert not await finds(container, "basalt")
