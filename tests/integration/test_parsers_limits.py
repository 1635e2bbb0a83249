"""The child processes of the parser: their limits, what they inherit, and how they end."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import psutil
import pytest

from ragstone.adapters.parsers.kreuzberg import KreuzbergParser, process
from ragstone.adapters.parsers.kreuzberg import parser as parser_module
from ragstone.domain.errors import ParseFailed
from ragstone.testing.parsers import parse, pdf

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and the limits are Linux's")

SLOW = ("slow.html", b"<" * 20_000_000)
PDF = ("small.pdf", pdf([["A page with text enough not to be taken for a scan."] * 4]))


@pytest.fixture
async def make() -> AsyncGenerator[Callable[..., KreuzbergParser], None]:
    """Make parsers that are closed at the end."""
    made: list[KreuzbergParser] = []

    def make(*, workers: int = 1, timeout: float = 60.0, memory_mb: int = 1024) -> KreuzbergParser:
        made.append(KreuzbergParser(workers=workers, timeout=timeout, memory_mb=memory_mb))
        return made[-1]

    yield make
    for parser in made:
        await parser.close()


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if process.CHILD_MODULE in child.cmdline()]


async def until(condition: Callable[[], bool], *, seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.fixture
def impostor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let children run other code on a request than the parser's: a defect, or a break-out."""

    def install(code: str) -> None:
        source = (
            "import os, sys, time\nfrom ragstone.adapters.parsers.kreuzberg import child\n"
            f"def read(data, media_type, filename, *, seconds):\n    {code}\nchild.read = read\nchild.main()\n"
        )
        (tmp_path / "impostor.py").write_text(source)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setattr(process, "CHILD_MODULE", "impostor")

    return install


async def test_too_slow_a_file_is_given_up_and_its_child_replaced(make: Callable[..., KreuzbergParser]) -> None:
    parser = make(timeout=0.5)
    await parse(parser, PDF[1], PDF[0])
    (before,) = children()
    began = time.monotonic()
    with pytest.raises(ParseFailed, match=r"longer than 0\.5 seconds") as caught:
        await parse(parser, SLOW[1], SLOW[0])
    assert caught.value.failure_code == "timeout"
    assert time.monotonic() - began < 3.0
    await until(lambda: not before.is_running())
    assert (await parse(parser, b"# Next", "next.md")).title == "Next"


async def test_cancelling_kills_the_child(make: Callable[..., KreuzbergParser]) -> None:
    parser = make()
    task = asyncio.create_task(parse(parser, SLOW[1], SLOW[0]))
    await until(lambda: bool(children()))
    (child,) = children()
    await until(lambda: child.cpu_times().user > 0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not child.is_running())
    assert (await parse(parser, b"# Next", "next.md")).title == "Next"


async def test_cancelling_amid_a_long_reply(
    make: Callable[..., KreuzbergParser], impostor: Callable[[str], None]
) -> None:
    parser = make()
    impostor("os.write(4, bytes((0, 0, 0, 2, 9, 0, 0, 0)) + b'{}' + bytes(9_000_000)); time.sleep(60)")
    task = asyncio.create_task(parse(parser, b"text", "a.txt"))
    await until(lambda: bool([child for child in psutil.Process().children() if "impostor" in child.cmdline()]))
    await asyncio.wait([task], timeout=1.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(parser.close(), 10.0)


async def test_too_much_memory_is_given_up(make: Callable[..., KreuzbergParser]) -> None:
    parser = make(memory_mb=128)
    with pytest.raises(ParseFailed, match="128 MiB") as caught:
        await parse(parser, b"word " * 20_000_000, "large.txt")
    assert caught.value.failure_code == "out_of_memory"
    assert "RAGSTONE_PARSE_MEMORY_MB" in caught.value.remedy
    assert (await parse(parser, b"# Next", "next.md")).title == "Next"


@pytest.mark.parametrize(
    "code",
    [
        "os.abort()",
        "os._exit(3)",
        "raise ValueError('a defect')",
        "os.kill(os.getpid(), 11)",
        "os.write(4, b'\\xff' * 64); time.sleep(60)",
        "os.write(4, bytes((0, 0, 0, 2, 0, 0, 0, 0)) + b'[]'); time.sleep(60)",
    ],
)
async def test_a_crash_costs_one_file(
    make: Callable[..., KreuzbergParser], impostor: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    parser = make()
    impostor(code)
    with pytest.raises(ParseFailed) as caught:
        await parse(parser, b"text", "a.txt")
    assert caught.value.failure_code == "crashed"
    monkeypatch.undo()
    assert (await parse(parser, b"# Next", "next.md")).title == "Next"


async def test_a_child_that_does_not_start_says_so(
    make: Callable[..., KreuzbergParser], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "CHILD_MODULE", "no_such_module")
    with pytest.raises(ParseFailed) as caught:
        await parse(make(), b"text", "a.txt")
    assert (caught.value.failure_code, caught.value.retryable) == ("crashed", True)


async def test_processor_time_ends_a_child_whose_parent_does_not(
    make: Callable[..., KreuzbergParser], impostor: Callable[[str], None]
) -> None:
    parser = make(timeout=30.0)
    impostor("child._limit_processor_time(0.01)\n    while True: pass")
    with pytest.raises(ParseFailed, match="processor time") as caught:
        await parse(parser, b"text", "a.txt")
    assert caught.value.failure_code == "timeout"


async def test_what_native_code_prints_does_not_reach_the_frames(
    make: Callable[..., KreuzbergParser], impostor: Callable[[str], None]
) -> None:
    parser = make()
    impostor(
        "os.write(1, b'noise'); print('more'); sys.stdout.flush(); os.system('echo shell')\n"
        "    from ragstone.domain.documents import ParsedDocument\n"
        "    return ParsedDocument('fine', media_type, title=repr(sys.stdin.read()))"
    )
    parsed = await parse(parser, b"text", "a.txt")
    assert (parsed.content, parsed.title) == ("fine", "''")


async def test_a_child_gets_little_and_may_little(
    make: Callable[..., KreuzbergParser], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGSTONE_DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    parser = make(memory_mb=700)
    await parse(parser, PDF[1], PDF[0])
    (child,) = children()
    environment = child.environ()
    assert not [name for name in environment if name.startswith(("RAGSTONE_", "OPENAI"))]
    assert "secret" not in json.dumps(environment)
    limits = Path(f"/proc/{child.pid}/limits").read_text()
    found = {line[:26].strip(): line[26:].split()[:2] for line in limits.splitlines()}
    assert found["Max data size"] == [str(700 * 2**20)] * 2
    assert found["Max core file size"] == ["0", "0"]
    assert found["Max file size"][0] != "unlimited"
    assert found["Max cpu time"][0] != "unlimited"
    directory = Path(child.cwd())
    assert directory != Path.cwd()
    assert os.getsid(child.pid) == child.pid
    await parser.close()
    assert not child.is_running()
    assert not directory.exists()


async def test_children_are_reused_then_recycled(
    make: Callable[..., KreuzbergParser], impostor: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parser_module, "_FILES_PER_CHILD", 3)
    impostor(
        "from ragstone.domain.documents import ParsedDocument\n    return ParsedDocument(str(os.getpid()), media_type)"
    )
    parser = make()
    pids = [(await parse(parser, b"text", "a.txt")).content for _ in range(7)]
    assert [pids.index(pid) for pid in pids] == [0, 0, 0, 3, 3, 3, 6]


async def test_a_child_that_died_while_idle_is_replaced(make: Callable[..., KreuzbergParser]) -> None:
    parser = make()
    await parse(parser, b"# One", "a.md")
    (child,) = children()
    child.kill()
    await until(lambda: not child.is_running())
    assert (await parse(parser, b"# Two", "b.md")).title == "Two"


async def test_idle_children_end(make: Callable[..., KreuzbergParser], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser_module, "_IDLE_SECONDS", 0.5)
    parser = make(workers=2)
    await asyncio.gather(parse(parser, b"# One", "a.md"), parse(parser, b"# Two", "b.md"))
    assert children()
    await until(lambda: not children())
    assert (await parse(parser, b"# Three", "c.md")).title == "Three"


async def test_no_more_children_than_workers(make: Callable[..., KreuzbergParser]) -> None:
    parser = make(workers=2)
    tasks = [asyncio.create_task(parse(parser, PDF[1], PDF[0])) for _ in range(8)]
    most = 0
    while not all(task.done() for task in tasks):
        most = max(most, len(children()))
        await asyncio.sleep(0.01)
    await asyncio.gather(*tasks)
    assert most == 2


PARENT = """
import asyncio, sys
from ragstone.adapters.parsers.kreuzberg import KreuzbergParser

async def main():
    parser = KreuzbergParser(workers=2, timeout=60.0, memory_mb=1024)
    await parser.parse(b"# Text", "text/markdown", "a.md")
    busy = asyncio.create_task(parser.parse(b"<" * 20_000_000, "text/html", "slow.html"))
    await asyncio.sleep(0.3)
    print("ready", flush=True)
    await busy

asyncio.run(main())
"""


async def test_children_die_with_a_parent_that_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE)
    try:
        assert parent.stdout is not None
        assert await asyncio.to_thread(parent.stdout.readline) == b"ready\n"
        orphans = psutil.Process(parent.pid).children(recursive=True)
        assert orphans
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.communicate()
    _, alive = await asyncio.to_thread(psutil.wait_procs, orphans, 10)
    assert alive == []


def test_the_parent_does_not_load_kreuzberg() -> None:
    code = (
        "import sys, ragstone.adapters.parsers.kreuzberg\n"
        "print([name for name in sys.modules if name.startswith(('kreuzberg', 'charset_normalizer'))])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"[]\n"
