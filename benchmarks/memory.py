"""How much memory does a worker take, with large files and round after round?

    python -m benchmarks.memory [--pdf 200] [--gigabytes 2] [--rounds 10] [--only FOLDER ...] [--json]

Starts a server and a worker apart, on a fresh record, and sends over HTTP: one PDF of so many MiB; then a mix of files
until so many gigabytes are in; then a smaller mix as often as asked. The mix is of ../shared/data/docs, or of some of
its folders: markitdown and pypdf_samples hold a gigabyte in a fifth of the files. Prints the most that the worker's and
the server's own processes ever held (VmHWM, MiB), and what the worker holds after each round. Linux only.
"""

import argparse
import itertools
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.e2e.house import House, house, until

DOCS = Path(__file__).resolve().parents[2] / "shared" / "data" / "docs"
_MIB = 1 << 20
_ROUND_FILES = 60


def pdf(megabytes: int) -> bytes:
    """Return a PDF of pages of text, uncompressed, of some ``megabytes`` MiB."""
    line = "(Granite is a hard stone, and slate is split by hand along its layers.) Tj T*\n"
    content = "BT /F1 10 Tf 12 TL 50 780 Td\n" + line * 60 + "ET\n"
    # Text is a small part of a large PDF: what is large in it are pictures, which are passed over.
    picture = os.urandom(_MIB)
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for _ in range(megabytes):
        stream = content.encode()
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
        objects.append(
            b"<< /Type /XObject /Subtype /Image /Width 1024 /Height 1024 /ColorSpace /DeviceGray /BitsPerComponent 8"
            b" /Length %d >>\nstream\n%s\nendstream" % (len(picture), picture)
        )
        number = len(objects)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /Font << /F1 3 0 R >>"
            b" /XObject << /I %d 0 R >> >> >>" % (number - 1, number)
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(kids))
    written, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    written += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(written)


def mixed(folders: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield files of the public collection, or of some of its folders, over and over, each time other bytes."""
    found = sorted(path for folder in folders or [""] for path in (DOCS / folder).rglob("*"))
    files = [path for path in found if path.is_file() and path.stat().st_size < 20 * _MIB]
    for turn in itertools.count():
        for path in files:
            yield path.name, path.read_bytes() + b"\n" * turn


def send(target: House, name: str, data: bytes) -> None:
    """Send a file, whatever becomes of it."""
    httpx.post(f"{target.address}/v1/documents", files={"file": (name, data)}, timeout=300, trust_env=False)


def memory(target: House, process: str, field: str) -> int:
    """Return a field of a process's status, in MiB."""
    status = Path(f"/proc/{target.processes[process].pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field)) // 1024


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pdf", type=int, default=200)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--only", nargs="*", default=[], metavar="FOLDER")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    os.environ["RAGSTONE_MAX_UPLOAD_MB"] = str(max(100, given.pdf + 10))
    result: dict[str, object] = {}
    with house() as target:
        for name in ("serve", "worker"):
            target.start(name)
        if given.pdf:
            send(target, "large.pdf", pdf(given.pdf))
            until(lambda: target.open_documents() == 0, 600)
            result["state_of_pdf"] = target.query("select state, failure from versions")
            result["worker_after_pdf"] = memory(target, "worker", "VmHWM")
        files, sent = mixed(given.only), 0
        while sent < given.gigabytes * 1e9:
            name, data = next(files)
            send(target, name, data)
            sent += len(data)
        until(lambda: target.open_documents() == 0, 7200)
        after = []
        for _ in range(given.rounds):
            for name, data in itertools.islice(files, _ROUND_FILES):
                send(target, name, data)
            until(lambda: target.open_documents() == 0, 1200)
            after.append(memory(target, "worker", "VmRSS"))
        result |= {
            "worker_most": memory(target, "worker", "VmHWM"),
            "server_most": memory(target, "serve", "VmHWM"),
            "worker_after_rounds": after,
        }
    print(json.dumps(result, default=str) if given.json else "\n".join(f"{k:<20} {v}" for k, v in result.items()))


if __name__ == "__main__":
    main()
