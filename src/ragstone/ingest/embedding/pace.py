"""When the next request may leave, and how many may be on their way."""

import asyncio
from dataclasses import dataclass

_LOOK_AGAIN = 0.02
"""Seconds after which to look whether a request that is on its way was answered."""


@dataclass(slots=True)
class Sent:
    """A request that counts against the limits, until ``answered`` plus the window."""

    tokens: int
    answered: float | None = None


class Pace:
    """Never more than ``requests`` and ``tokens`` in any ``window`` seconds, 0 being no limit.

    A request counts from when it leaves until a window after its reply came. The provider saw it somewhere in between,
    so that no window of the provider's holds more, wherever it begins and however long requests travel. They also
    leave evenly, because providers enforce the limit of a minute by the second.
    """

    def __init__(self, *, requests: int, tokens: int, window: float) -> None:
        self._requests, self._tokens, self._window = requests, tokens, window
        self._sent: list[Sent] = []
        self._next = 0.0

    def wait(self, tokens: int, now: float) -> float:
        """Return the seconds until a request of so many tokens may leave, or look again; 0: now."""
        if not (self._requests or self._tokens):
            return 0.0
        self._sent = [each for each in self._sent if each.answered is None or each.answered + self._window > now]
        excess = len(self._sent) + 1 - self._requests if self._requests else 0
        # What exceeds the limit by itself leaves alone; the provider has the last word on it.
        used = sum(each.tokens for each in self._sent)
        surplus = used + min(tokens, self._tokens) - self._tokens if self._tokens else 0
        waits = [self._next - now]
        for number, each in enumerate(sorted(self._sent, key=_end), start=1):
            if number > excess and surplus <= 0:
                break
            waits.append(_LOOK_AGAIN if each.answered is None else each.answered + self._window - now)
            surplus -= each.tokens
        return max(0.0, *waits)

    def leave(self, tokens: int, now: float) -> Sent:
        """Note a request that leaves now."""
        sent = Sent(tokens)
        if self._requests or self._tokens:
            self._sent.append(sent)
        if self._requests:
            self._next = now + self._window / self._requests
        return sent


def _end(sent: Sent) -> float:
    return float("inf") if sent.answered is None else sent.answered


class Lanes:
    """How many requests may be on their way: ``most``, half as many after each that the provider found too many.

    Each that is answered lets a part of one more in again (additive increase, multiplicative decrease; Chiu and Jain,
    "Analysis of the Increase and Decrease Algorithms", 1989).
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._width = float(most)
        self._taken = 0
        self._freed = asyncio.Event()

    async def enter(self) -> None:
        """Wait for a lane and take it."""
        while self._taken >= int(self._width):
            self._freed.clear()
            await self._freed.wait()
        self._taken += 1

    def leave(self) -> None:
        """Give the lane back."""
        self._taken -= 1
        self._freed.set()

    def narrow(self) -> None:
        """Let fewer in."""
        self._width = max(1.0, self._width / 2)

    def widen(self) -> None:
        """Let more in, little by little."""
        self._width = min(float(self._most), self._width + 1 / self._width)
        self._freed.set()
