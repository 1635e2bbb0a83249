"""How fast an ``ingest`` goes and when it will be done."""

import pytest

from ragstone.cli.display import counts, pace
from ragstone.cli.meter import Meter, Reading
from ragstone.domain.documents import State
from ragstone.ports.jobs import Progress


def read(meter: Meter, now: float, *, files: int = 10, refused: int = 0, before: int = 0, **states: int) -> Reading:
    chunks, embedded = states.pop("chunks", 0), states.pop("embedded", 0)
    progress = Progress({State(name): count for name, count in states.items()}, chunks, embedded)
    accepted = sum(states.values())
    return meter.read(now, files=files, accepted=accepted, refused=refused, progress=progress, before=before)


def test_nothing_is_known_at_first() -> None:
    reading = read(Meter(), 0.0, accepted=4)
    assert (reading.accepted, reading.searchable, reading.speed, reading.eta) == (4, 0, 0.0, None)


def test_the_rest_is_taken_to_be_like_what_is_cut_already() -> None:
    meter = Meter()
    read(meter, 0.0, accepted=10)
    reading = read(meter, 4.0, accepted=5, searchable=3, ready=2, chunks=100, embedded=40)
    assert reading.speed == pytest.approx(10)
    # 60 chunks are cut and not embedded; 5 more files of 20 chunks each are to come.
    assert reading.eta == pytest.approx(16)


def test_speed_is_of_the_last_seconds() -> None:
    meter = Meter()
    for second in range(60):
        reading = read(meter, float(second), searchable=10, chunks=10_000, embedded=100 * min(second, 30))
    assert reading.speed == 0.0
    assert reading.eta is None


def test_what_was_embedded_before_earns_no_speed() -> None:
    meter = Meter()
    read(meter, 0.0, accepted=10)
    reading = read(meter, 2.0, ready=10, chunks=500, embedded=500, before=500)
    assert reading.speed == 0.0


def test_refused_failed_and_cancelled_files_are_done() -> None:
    reading = read(Meter(), 0.0, refused=1, ready=6, failed=2, cancelled=1)
    assert (reading.ready, reading.failed, reading.ended) == (6, 4, 10)


def test_a_line_says_it_all() -> None:
    reading = Reading(
        files=1200, accepted=1100, searchable=900, ready=800, failed=3, embedded=4000, speed=51.25, eta=125.4
    )
    assert pace(reading) == "803/1,200 done · 51.2 chunks/s · ETA 2:05"
    assert counts(reading) == "1,100 accepted · 900 searchable · 800 ready · 3 failed · 4,000 chunks embedded"


def test_what_documents_wait_for_is_said() -> None:
    progress = Progress({State.SEARCHABLE: 4}, 40, 0, waiting=3, cause="The embedding endpoint refuses the key.")
    reading = Meter().read(0.0, files=4, accepted=4, refused=0, progress=progress, before=0)
    assert counts(reading).endswith("3 try again soon: The embedding endpoint refuses the key.")
