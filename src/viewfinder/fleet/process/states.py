"""The states of a server process and the legal transitions, which `server` asserts; nothing else changes one.

stopped      no process, and none is wanted
starting     the process loads
ready        it answers
stopping     it is being stopped: on request, because it is idle, or to make room
backoff      it died, and waits for its next start
quarantined  its canary failed: it is being stopped, and the next process must pass before it is ready
failed       it died too often, or cannot run here: only `viewfinder load` starts it again
"""

from typing import Literal

State = Literal["stopped", "starting", "ready", "stopping", "backoff", "quarantined", "failed"]

LEGAL: dict[State, frozenset[State]] = {
    "stopped": frozenset({"starting"}),
    "starting": frozenset({"ready", "backoff", "stopping", "failed", "quarantined"}),
    "ready": frozenset({"stopping", "backoff", "quarantined", "failed"}),
    "stopping": frozenset({"stopped"}),
    "backoff": frozenset({"starting", "stopping", "failed"}),
    "quarantined": frozenset({"starting", "stopping", "backoff", "failed"}),
    "failed": frozenset({"starting"}),
}

REST: tuple[State, ...] = ("stopped", "failed")
"""The states without a process; they last until the model is wanted."""
