"""One way to run a model, and what two of them answered side by side; what the rest of `tuning` speaks of."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viewfinder.core.engine_settings import WHEEL, EngineSettings
from viewfinder.measure.figures import Frozen

IMAGE_TOKENS = "image_tokens"
LONGEST_PX = "longest_px"
"""The image budget of a model whose lever is the picture's size; no setting of an engine."""
LLAMA_SERVER = "llama_server"
BUDGETS = frozenset((IMAGE_TOKENS, LONGEST_PX))


@dataclass(frozen=True, slots=True)
class Candidate:
    """What differs from the way in which the model would be started now, by the names of settings."""

    changes: tuple[tuple[str, Any], ...] = ()

    def changed(self, name: str, value: object) -> "Candidate":
        return Candidate(tuple(sorted({**dict(self.changes), name: value}.items())))

    def settings(self, now: EngineSettings) -> EngineSettings:
        """Those of its engine, which are `now` those of the model."""
        changes = {name: value for name, value in self.changes if name != LONGEST_PX}
        if LLAMA_SERVER in changes:
            program = Path(changes[LLAMA_SERVER])
            changes[LLAMA_SERVER] = None if program == WHEEL else program
        if (micro := changes.get("micro_batch", 0)) and 0 < now.batch < micro:
            changes["batch"] = micro
        return now.model_copy(update=changes)

    @property
    def longest_px(self) -> int | None:
        """The longest edge of pictures; None: as they are."""
        return dict(self.changes).get(LONGEST_PX)

    @property
    def key(self) -> str:
        """The same for the same changes."""
        return json.dumps(self.changes)

    @property
    def title(self) -> str:
        """`threads 1, micro_batch 256`"""
        return ", ".join(f"{name} {value}" for name, value in self.changes) or "as it is now"


class TimedReply(Frozen):
    """One answer: what was asked, how long it took, and whether it was right (None: it is not graded)."""

    scene: str
    question: str
    has_image: bool
    e2e_s: float
    ttft_s: float | None = None
    text: str = ""
    right: bool | None = None
    prompt_tokens: int | None = None
    error: str = ""


class ProcessPair(Frozen):
    """What one fresh process of each answered, the same questions in turns. `failure`: why the other one
    could not answer; then it has no replies."""

    nth: int
    one: tuple[TimedReply, ...] = ()
    other: tuple[TimedReply, ...] = ()
    failure: str = ""
