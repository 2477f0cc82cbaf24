"""Which image is decoded next: pure decisions over the images that wait and those that are being decoded.

Called by `pool`. Small images have a decoder of their own, so they never wait behind large ones. Among images
of a kind the client comes first that has used the least decoder time of late, then the connection that has,
because all programs of one computer share its address.
"""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

SMALL_PIXELS = 2_000_000
SMALL_BYTES = 4 * 1024 * 1024
HALF_LIFE_S = 30.0
"""Decoder time counts half after this long."""
STARTED_S = 1.0
"""What an image in progress counts as: its time is known only when it is over."""
NOTICEABLE_S = 0.01
MOST_KEYS = 4096


class Client(NamedTuple):
    """Who sent an image: `name` is a key's name or an address, `connection` one of its connections."""

    name: str = ""
    connection: str = ""


NOBODY = Client()
"""For images that are not sent by anybody: those of `bench`."""


@dataclass(eq=False, slots=True)
class Job:
    """One image to decode."""

    client: Client
    pixels: int
    is_small: bool
    arrival: int = 0


AnyJob = TypeVar("AnyJob", bound=Job)


@dataclass(frozen=True, slots=True)
class Lanes:
    """`large`: decoders for large images; one more is for small ones. `pixels`: the most that may be decoded
    at once, unless one image alone is larger. `budget_s`: decoder time after which a client gets at most half
    of the decoders while others are about."""

    large: int
    pixels: int
    budget_s: float


class Spent:
    """Decoder time by key; older time counts less and less."""

    def __init__(self) -> None:
        self._spent: dict[str, tuple[float, float]] = {}

    def of(self, key: str, now_s: float) -> float:
        spent_s, at_s = self._spent.get(key, (0.0, now_s))
        return spent_s * math.exp2((at_s - now_s) / HALF_LIFE_S)

    def add(self, key: str, used_s: float, now_s: float) -> None:
        self._spent[key] = (self.of(key, now_s) + used_s, now_s)
        if len(self._spent) > MOST_KEYS:  # a stranger can open connections without end
            kept = sorted(self._spent, key=lambda key: self.of(key, now_s))[MOST_KEYS // 2 :]
            self._spent = {key: self._spent[key] for key in kept}

    def any_but(self, key: str, now_s: float) -> bool:
        """Whether another key has used a decoder of late."""
        return any(other != key and self.of(other, now_s) > NOTICEABLE_S for other in self._spent)


class Usage:
    """The decoder time of clients and of their connections."""

    def __init__(self) -> None:
        self.names = Spent()
        self.connections = Spent()

    def add(self, client: Client, used_s: float, now_s: float) -> None:
        self.names.add(client.name, used_s, now_s)
        self.connections.add(client.connection, used_s, now_s)


def is_small(pixels: int, size_bytes: int) -> bool:
    return pixels <= SMALL_PIXELS and size_bytes <= SMALL_BYTES


def next_job(
    waiting: Iterable[AnyJob], running: Collection[Job], lanes: Lanes, usage: Usage, now_s: float
) -> AnyJob | None:
    """The image to start now; None when there is no decoder for any that waits.

    Small images get the decoders of large ones only when no large image waits for them.
    """
    if len(running) > lanes.large:
        return None
    begun = [one.client for one in running]

    def rank(job: Job) -> tuple[float, float, int, int]:
        name, connection = job.client
        return (
            usage.names.of(name, now_s) + STARTED_S * sum(one.name == name for one in begun),
            usage.connections.of(connection, now_s) + STARTED_S * begun.count(job.client),
            job.pixels,
            job.arrival,
        )

    ordered = sorted(waiting, key=rank)
    small = next((job for job in ordered if job.is_small), None)
    limited = _beyond_budget({job.client.name for job in ordered}, lanes, usage, now_s)
    large = next(
        (job for job in ordered if not job.is_small and _has_room(job, running, lanes, limited)), None
    )
    if small is not None and (large is None or not any(job.is_small for job in running)):
        return small
    return large


def _beyond_budget(names: set[str], lanes: Lanes, usage: Usage, now_s: float) -> set[str]:
    """The clients that have used up their budget while others are about."""
    over = {name for name in names if usage.names.of(name, now_s) > lanes.budget_s}
    return {name for name in over if usage.names.any_but(name, now_s)}


def _has_room(job: Job, running: Collection[Job], lanes: Lanes, limited: set[str]) -> bool:
    """Whether a large image may start: it leaves a decoder to small images, and memory to the others."""
    large = [one for one in running if not one.is_small]
    if not large:
        return True
    if len(large) >= lanes.large or sum(one.pixels for one in large) + job.pixels > lanes.pixels:
        return False
    mine = sum(one.client.name == job.client.name for one in large)
    return job.client.name not in limited or mine < max(1, lanes.large // 2)
