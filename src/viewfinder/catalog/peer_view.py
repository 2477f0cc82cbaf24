"""What is known of another gateway; made by `peers`, and shown by `ps`, which loads no catalog for it."""

from dataclasses import dataclass
from typing import Literal

PeerState = Literal["not seen", "reachable", "unreachable", "refused"]


@dataclass(frozen=True, slots=True)
class PeerView:
    """Another gateway, as it was seen last; `reason` says why it is not used, `news` whether its events
    arrive here."""

    name: str
    url: str
    state: PeerState = "not seen"
    version: str = ""
    reason: str = ""
    models: tuple[str, ...] = ()
    news: bool = False
