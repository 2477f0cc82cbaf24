"""To which replica a request goes: a pure function of what the replicas are like; asked by `router`.

first      the model is up and the replica has room: of these, the one that the conversation belongs to,
           whose engine may still know its images; then the others
then       there is room, but the model must be loaded: the one with the fewest models
last       all are busy: as above, up to what Serve sends to one replica
never      its files are not those of the model, unless that is so everywhere
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

FIRST_TRIED = 3


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """`models` are up there or were just sent there; `requests` in progress, None: not known yet; `refused`
    are models that it cannot serve."""

    name: str
    models: frozenset[str]
    requests: int | None
    refused: frozenset[str] = frozenset()


def ranked(
    replicas: Sequence[ReplicaState], model: str, conversation: str, target_requests: int
) -> list[list[str]]:
    """The names of the replicas in the order in which they are tried; those of one rank, by their load."""
    fit = [one for one in replicas if model not in one.refused] or replicas
    by_home = sorted(fit, key=lambda one: _distance(one.name, conversation))
    free = [one for one in by_home if (one.requests or 0) < target_requests]
    warm = [one for one in free if model in one.models]
    cold = sorted((one for one in free if model not in one.models), key=lambda one: len(one.models))
    busy = [one for one in by_home if (one.requests or 0) >= target_requests]
    busy_warm = [one for one in busy if model in one.models]
    busy_cold = [one for one in busy if model not in one.models]
    ranks = [warm[:1], *_growing(warm[1:]), *([one] for one in cold)]
    ranks += [*_growing(busy_warm), *_growing(busy_cold)]
    return [[one.name for one in rank] for rank in ranks if rank]


def _growing(replicas: Sequence[ReplicaState]) -> Iterator[Sequence[ReplicaState]]:
    """Three, then six, then twelve and so on: Serve asks each replica of a rank whose load it does not know,
    and of a thousand it knows few."""
    size = FIRST_TRIED
    while replicas:
        yield replicas[:size]
        replicas, size = replicas[size:], 2 * size


def _distance(replica: str, conversation: str) -> bytes:
    """Rendezvous hashing: when a replica goes, only its own conversations move."""
    return hashlib.blake2b(f"{conversation} {replica}".encode(), digest_size=8).digest()
