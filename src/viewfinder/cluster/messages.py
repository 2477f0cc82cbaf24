"""What the gateway and the replicas send each other, as plain data; imports nothing of Ray.

An error travels as data, too: Ray would wrap it, and not every error of ours can be pickled.
"""

from dataclasses import dataclass, field
from typing import Any

from viewfinder.core import errors
from viewfinder.core.errors import EngineError, ViewfinderError
from viewfinder.fleet.record.request_shape import RequestShape


@dataclass(frozen=True, slots=True)
class KnownFiles:
    """What the gateway knows of a model's files: the hash of a variant's (`catalog/hashes`)."""

    variant: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ReplicaRequest:
    """One request to an engine. `call_id` is its name until its answer has an id, `conversation` the same for
    requests that begin alike, `body` JSON, and `client` whose turn it is. `avoid` are replicas that refused
    it because of their files."""

    model: str
    call_id: str
    conversation: str
    body: bytes
    path: str
    stream: bool
    client: str = ""
    shape: RequestShape = field(default_factory=RequestShape)
    files: KnownFiles | None = None
    avoid: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """An error on a replica. `unfit` names it when only its files are to blame: others may answer."""

    kind: str
    message: str
    fields: dict[str, Any]
    unfit: str = ""

    @classmethod
    def of(cls, error: ViewfinderError, unfit: str = "") -> "Failed":
        return cls(type(error).__name__, error.message, dict(error.__dict__), unfit)

    def error(self) -> ViewfinderError:
        """The same error here; of a class that this version does not know, an EngineError."""
        kind = getattr(errors, self.kind, EngineError)
        if not (isinstance(kind, type) and issubclass(kind, ViewfinderError)):
            kind = EngineError
        made = kind.__new__(kind)
        Exception.__init__(made, self.message)
        made.__dict__.update(self.fields)
        return made


@dataclass(frozen=True, slots=True)
class Opened:
    """A model that is up on a replica. `takes` to `decision_path` are those of its engine's `Endpoint`."""

    variant: str
    engine_version: str
    phases_s: dict[str, float]
    lacks: frozenset[str]
    takes: dict[str, str]
    template: Any
    count_path: str
    completion_path: str
    decision_path: str


@dataclass(frozen=True, slots=True)
class News:
    """What the canary said of an answer: `call_id` is that of its request."""

    call_id: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class NodeReport:
    """What a replica says of itself, twice a second. `number` counts the events that it has had; `events` are
    the newest of them, oldest first, as plain dictionaries. `refused` are the models that its files do not
    allow, with the reasons."""

    replica: str
    node: str
    host: str
    view: dict[str, Any]
    number: int = 0
    events: tuple[dict[str, Any], ...] = ()
    news: tuple[News, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReplicaOrder:
    """What every replica is to do: `verb` is "unload", "pin" or "unpin"."""

    number: int
    verb: str
    model: str
