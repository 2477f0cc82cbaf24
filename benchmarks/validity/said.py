"""What `bench` says of a model that is not as it should be, or not as another one; pure, called by `planted`.

Each sentence begins with a name that stays, so that a planted fault can be looked for by it.
"""

import math
from collections.abc import Iterator

from benchmarks.validity.running import One
from viewfinder.measure.compare import revisions
from viewfinder.measure.compare.revisions import Cell
from viewfinder.measure.figures import Figure, Gate
from viewfinder.measure.measures.dialogues.result import Dialogues
from viewfinder.measure.measures.latency.result import Latency
from viewfinder.measure.measures.soak.result import Growth, Soak
from viewfinder.measure.measures.stability.result import Stability

SOUND = ("verified", "production ready")
STEADY = ("flat", "unclear")
LATE_TURN = 7.0
"""Who surely loses its first fact before this turn of ten forgets early."""
SLOWER = 1.5
"""How many times as long the first image must surely take to be worth a word."""


def said_of(one: One, reference: One) -> list[str]:
    """All that one run says of a model, beside a reference that ran with it."""
    return [*_of_gates(one), *_of_stages(one), *_beside(one, reference)]


def _of_gates(one: One) -> Iterator[str]:
    result = one.result
    if result.status not in SOUND:
        yield f"status: {result.status}"
    if result.failure:
        yield f"failure: {result.failure}"
    yield from (f"issue: {issue}" for issue in result.issues)
    for name, gate in (("image", result.vision), ("text", result.text), ("follow-up", result.follow_up)):
        if isinstance(gate, Gate) and gate.answered is not None and gate.answered < gate.asked:
            yield f"unanswered: {gate.asked - gate.answered} of {gate.asked} {name} questions"


def _of_stages(one: One) -> Iterator[str]:
    result = one.result
    for stage in (result.stability, result.soak):
        if isinstance(stage, Stability | Soak):  # the grave ones are issues already
            known = " ".join(result.issues)
            yield from (f"trouble: {x.sentence}" for x in stage.troubles if x.sentence not in known)
    if isinstance(result.soak, Soak) and isinstance(result.soak.growth, Growth):
        growth = result.soak.growth
        if growth.kind not in STEADY:
            yield f"growth: {growth.kind}, {growth.slope.value:.2f} MB a request"
    if isinstance(result.latency, Latency) and isinstance(result.latency.first_slower, Figure):
        first, later = result.latency.first_image, result.latency.later_images
        surely = result.latency.first_slower.low > SLOWER
        if surely and isinstance(first, Figure) and isinstance(later, Figure):
            yield f"first image: {first.value - later.value:+.2f} s"
    if isinstance(result.context, Dialogues) and isinstance(result.context.first_loss, Figure):
        loss = result.context.first_loss
        if loss.high < LATE_TURN:
            yield f"context: the first fact is lost in turn {loss.value:.1f}"


def _beside(one: One, reference: One) -> Iterator[str]:
    for name, cell in revisions.compare(one.evidence, reference.evidence).items():
        if cell.changed:
            yield f"changed: {name} {_by(cell)}{_more(name, one, reference)}"


def _by(cell: Cell) -> str:
    if cell.is_share:
        return f"{100 * cell.contrast.value:+.0f} points"
    return f"{math.exp(cell.contrast.value):.2f} times"


def _more(name: str, one: One, reference: One) -> str:
    """By how much a time to the first token differs, as the two results print it."""
    ours, theirs = one.result.ttft_image, reference.result.ttft_image
    if name == "time to first token, image" and isinstance(ours, Figure) and isinstance(theirs, Figure):
        return f" ({1000 * (ours.value - theirs.value):+.0f} ms)"
    return ""
