"""What a folder lists while it changes, and how a look that nobody waits for ends."""

import asyncio
import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from ragstone.cli.client import Client
from ragstone.cli.listings import Digests, Listing, find_target, list_target
from ragstone.domain.errors import InvalidRequest

NOBODY = cast(Client, None)
"""A folder is looked at without a client."""


def lead(link: Path, to: str) -> None:
    """Let a link lead elsewhere at once, as `ln -sfn` and Kubernetes do."""
    (link.parent / "fresh").symlink_to(to)
    (link.parent / "fresh").rename(link)


async def test_a_folder_that_is_a_link_is_called_as_the_link(tmp_path: Path) -> None:
    digests = Digests()
    looks: list[tuple[Listing, dict[str, str]]] = []
    for release, text in {"r1": "one", "r2": "two"}.items():
        (tmp_path / release).mkdir()
        (tmp_path / release / "p.md").write_text(text)
        os.utime(tmp_path / release / "p.md", (1, 1))  # as old, and as long, as the other
    for release in ("r1", "r2"):
        lead(tmp_path / "current", release)
        listing = await list_target(NOBODY, find_target(str(tmp_path / "current"), [], []))
        looks.append((listing, await digests.of(listing, listing.items)))
    (first, before), (second, after) = looks
    assert first.source == second.source == (tmp_path / "current").as_uri()
    assert list(first.items) == list(second.items) == [(tmp_path / "current" / "p.md").as_uri()]
    assert before != after
    assert first != second


async def test_another_target_of_the_link_is_seen_although_its_files_look_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragstone.cli.listings._YOUNG_SECONDS", -10.0)  # all are old enough to be remembered
    await test_a_folder_that_is_a_link_is_called_as_the_link(tmp_path)


@pytest.mark.parametrize(
    ("number", "whole"), [(errno.ESTALE, False), (errno.EIO, False), (errno.EACCES, False), (errno.ENOENT, True)]
)
async def test_a_file_that_cannot_be_seen_once_it_was_found_is_not_taken_for_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, whole: bool
) -> None:
    for name in ("one.md", "two.md"):
        (tmp_path / name).write_text("x")
    stat = os.stat

    def stale(path: Any, *arguments: Any, **named: Any) -> os.stat_result:
        if str(path).endswith("two.md"):
            raise OSError(number, os.strerror(number))
        return stat(path, *arguments, **named)

    target = find_target(str(tmp_path), [], [])
    monkeypatch.setattr(os, "stat", stale)
    listing = await list_target(NOBODY, target)
    assert list(listing.items) == [(tmp_path / "one.md").as_uri()]
    assert listing.whole is whole


async def test_a_folder_that_cannot_be_seen_is_no_list_of_addresses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = find_target(str(tmp_path), [], [])

    def stale(_: Path) -> bool:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr(Path, "is_dir", stale)
    with pytest.raises(InvalidRequest, match="cannot be seen: Stale file handle"):
        await list_target(NOBODY, target)


async def test_an_empty_file_changes_the_listing_once_it_is_not_young_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.md").touch()
    target = find_target(str(tmp_path), [], [])
    young = await list_target(NOBODY, target)
    assert young.held == {(tmp_path / "one.md").as_uri()}
    monkeypatch.setattr("ragstone.cli.files.YOUNG_SECONDS", 0.0)
    assert await list_target(NOBODY, target) != young  # who watches looks at it again


def test_what_is_neither_file_nor_folder_is_no_target(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidRequest, match="pipe, socket or device"):
        find_target(str(tmp_path / "pipe"), [], [])


async def test_a_list_that_became_a_pipe_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "pages").write_text("")
    target = find_target(str(tmp_path / "pages"), [], [])
    (tmp_path / "pages").unlink()
    os.mkfifo(tmp_path / "pages")
    with pytest.raises(InvalidRequest, match="pipe, socket or device"):
        await asyncio.wait_for(list_target(NOBODY, target), 5)


async def test_a_look_at_a_big_folder_ends_when_it_is_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(200):
        (tmp_path / f"{number}").mkdir()
        (tmp_path / f"{number}" / "one.md").write_text("x")
    entered = slow_down(monkeypatch, os, "scandir")
    look = asyncio.create_task(list_target(NOBODY, find_target(str(tmp_path), [], [])))
    await ends_when_cancelled(look, entered)


async def test_to_digest_big_files_ends_when_it_is_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(200):
        (tmp_path / f"{number}.md").write_text("x")
    listing = await list_target(NOBODY, find_target(str(tmp_path), [], []))
    begun = slow_down(monkeypatch, Path, "open")
    await ends_when_cancelled(asyncio.create_task(Digests().of(listing, listing.items)), begun)


def slow_down(monkeypatch: pytest.MonkeyPatch, where: Any, name: str) -> list[object]:
    """Let each call take a while; return what was called so far."""
    called: list[object] = []
    act: Callable[..., Any] = getattr(where, name)

    def slowly(what: object, *arguments: object) -> Any:
        called.append(what)
        time.sleep(0.05)
        return act(what, *arguments)

    monkeypatch.setattr(where, name, slowly)
    return called


async def ends_when_cancelled(task: "asyncio.Task[Any]", called: list[object]) -> None:
    while len(called) < 3:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.15)
    seen = len(called)
    assert seen < 20
    await asyncio.sleep(0.3)
    assert len(called) == seen
