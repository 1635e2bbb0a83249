"""Kill anything in the middle of ingesting: what was accepted ends ready, once, as if nothing had happened."""

import random
import time

import pytest
from tests.e2e.house import House, Row, house, until

DOCUMENTS = 12


@pytest.fixture(scope="module")
def undisturbed() -> list[Row]:
    """What the index holds when nobody kills anything."""
    with house() as calm:
        calm.start("up")
        for number in range(DOCUMENTS):
            calm.send(number)
        until(lambda: calm.open_documents() == 0)
        return calm.snapshot()


def check(disturbed: House, undisturbed: list[Row]) -> None:
    until(lambda: disturbed.open_documents() == 0)
    snapshot = disturbed.snapshot()
    assert len(snapshot) == DOCUMENTS
    assert snapshot == undisturbed
    assert disturbed.violations() == []


@pytest.mark.slow
def test_server_and_worker_in_one_process(undisturbed: list[Row]) -> None:
    draw = random.Random(1)
    with house() as disturbed:
        disturbed.start("up")
        for number in range(DOCUMENTS):
            disturbed.send(number)
            if number % 4 == 3:
                time.sleep(draw.random())
                disturbed.kill("up")
                disturbed.start("up")
        time.sleep(0.5)
        disturbed.kill("up")
        disturbed.start("up")
        check(disturbed, undisturbed)


@pytest.mark.slow
def test_server_and_worker_apart(undisturbed: list[Row]) -> None:
    victims = iter(("worker", "serve", "worker"))
    with house() as disturbed:
        disturbed.start("serve")
        disturbed.start("worker")
        for number in range(DOCUMENTS):
            disturbed.send(number)
            if number % 4 == 3:
                victim = next(victims)
                disturbed.kill(victim)
                disturbed.start(victim)
        check(disturbed, undisturbed)


@pytest.mark.slow
def test_postgres(undisturbed: list[Row]) -> None:
    with house() as disturbed:
        disturbed.start("up")
        for number in range(DOCUMENTS):
            disturbed.send(number)
            if number % 5 == 4:
                disturbed.kill_postgres()
        check(disturbed, undisturbed)
