"""To which replica a request goes: a pure function of what the replicas are like; asked by `router`.

first      the model is up and the replica has room: of these, the one that the conversation belongs to,
           whose engine may still know its images; then the others
then       there is room, but the model must be loaded: the one with the fewest models
last       all are busy: as above, up to what Serve sends to one replica
never      its files are not those of the model, unless that is so everywhere
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass


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
    fit = [one for one in replicas if model not in one.refused]
    by_home = sorted(fit or replicas, key=lambda one: _distance(one.name, conversation))
    free = [one for one in by_home if (one.requests or 0) < target_requests]
    warm = [one for one in free if model in one.models]
    cold = sorted((one for one in free if model not in one.models), key=lambda one: len(one.models))
    busy = [one for one in by_home if one not in free]
    busy_warm = [one for one in busy if model in one.models]
    ranks = [warm[:1], warm[1:], *([one] for one in cold), busy_warm or busy]
    if busy_warm and len(busy_warm) < len(busy):
        ranks.append([one for one in busy if one not in busy_warm])
    return [[one.name for one in rank] for rank in ranks if rank]


def _distance(replica: str, conversation: str) -> bytes:
    """Rendezvous hashing: when a replica goes, only its own conversations move."""
    return hashlib.blake2b(f"{conversation} {replica}".encode(), digest_size=8).digest()
