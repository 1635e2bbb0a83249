"""Clients that ask over HTTP, each a process with one connection that stays open, and as little work as can be."""

import json
import multiprocessing
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import Any


@dataclass(frozen=True, slots=True)
class Load:
    """What came of questions: milliseconds of each, all requests a second, and the uris found by the question's id."""

    milliseconds: Sequence[float]
    per_second: float
    found: Mapping[str, Sequence[str]]


def ask(port: int, questions: Mapping[str, str], clients: int, asked: Mapping[str, Any], *, rounds: int = 1) -> Load:
    """Ask all questions ``rounds`` times, shared among the clients. ``asked`` goes into each request."""
    context = multiprocessing.get_context("fork")
    requests = [
        (name, _request(port, json.dumps({"question": text, **asked}).encode())) for name, text in questions.items()
    ] * rounds
    begin: Barrier = context.Barrier(clients + 1)
    done: Queue[tuple[list[float], dict[str, bytes]]] = context.Queue()
    processes = [
        context.Process(target=_client, args=(port, requests[number::clients], begin, done))
        for number in range(clients)
    ]
    for process in processes:
        process.start()
    begin.wait(60)
    begun = time.perf_counter()
    results = [done.get(timeout=600) for _ in processes]
    seconds = time.perf_counter() - begun
    for process in processes:
        process.join(30)
    replies = {name: body for _, bodies in results for name, body in bodies.items()}
    found = {name: [hit["uri"] for hit in json.loads(body)["hits"]] for name, body in replies.items()}
    return Load([each for took, _ in results for each in took], len(requests) / seconds, found)


def _request(port: int, body: bytes) -> bytes:
    head = (
        f"POST /v1/retrieve HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _client(
    port: int,
    requests: Sequence[tuple[str, bytes]],
    begin: Barrier,
    done: "Queue[tuple[list[float], dict[str, bytes]]]",
) -> None:
    took, replies = [], {}
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begin.wait(60)
        for name, request in requests:
            begun = time.perf_counter()
            connection.sendall(request)
            replies[name] = _body(connection)
            took.append(1000 * (time.perf_counter() - begun))
    done.put((took, replies))


def _body(connection: socket.socket) -> bytes:
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += connection.recv(1 << 16)
    head = received[:end].lower()
    if not head.startswith(b"http/1.1 200"):
        raise SystemExit(received.decode(errors="replace"))
    length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
    parts, missing = [received[end + 4 :]], length - len(received) + end + 4
    while missing > 0:
        parts.append(connection.recv(1 << 16))
        missing -= len(parts[-1])
    return b"".join(parts)
