"""The states of a server process and the ways between them; asserted by `server`, which alone changes one.

stopped      no process, none wanted
starting     a process is on its way to answer
ready        it answers
stopping     it is being ended, because asked, idle, or to make room
backoff      it died; the next start waits
quarantined  its canary went wrong; it is being ended, and a fresh one must pass before it may answer
failed       it died too often, or cannot run here: only a person starts it again
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
"""States that last until somebody wants something: there is no process."""
