"""What `bench` reports of a model that is faulty or differs from a reference; pure, called by `planted`.

Each report begins with a stable name, so that a planted fault can be searched for.
"""

import math
from collections.abc import Iterator

from benchmarks.validity.running import MeasuredModel
from viewfinder.measure.compare import revisions
from viewfinder.measure.compare.revisions import Change
from viewfinder.measure.figures import Figure, Gate
from viewfinder.measure.measures.dialogues.find import LATE_TURN
from viewfinder.measure.measures.dialogues.result import Dialogues
from viewfinder.measure.measures.latency.find import MUCH_SLOWER
from viewfinder.measure.measures.latency.result import Latency
from viewfinder.measure.measures.soak.result import Growth, Soak
from viewfinder.measure.measures.stability.result import Stability

SOUND = ("verified", "production ready")
STEADY = ("flat", "unclear")


def reports_of(one: MeasuredModel, reference: MeasuredModel) -> list[str]:
    """Everything that one run reports of a model, beside the reference of that run."""
    return [*_of_gates(one), *_of_measures(one), *_beside(one, reference)]


def _of_gates(one: MeasuredModel) -> Iterator[str]:
    result, gates = one.result, one.result.facts.gates
    if result.status not in SOUND:
        yield f"status: {result.status}"
    if result.failure:
        yield f"failure: {result.failure}"
    yield from (f"issue: {issue}" for issue in result.issues)
    for name, title in (("vision", "image"), ("text", "text"), ("follow_up", "follow-up")):
        gate = gates[name]
        if isinstance(gate, Gate) and gate.answered is not None and gate.answered < gate.asked:
            yield f"unanswered: {gate.asked - gate.answered} of {gate.asked} {title} questions"


def _of_measures(one: MeasuredModel) -> Iterator[str]:
    found = one.result.found
    stability, soak, dialogues = (found.get(name) for name in ("stability", "soak", "dialogues"))
    for stable in (stability, soak):
        if isinstance(stable, Stability | Soak):  # the serious ones are issues already
            known = " ".join(one.result.issues)
            yield from (f"trouble: {x.sentence}" for x in stable.troubles if x.sentence not in known)
    if isinstance(soak, Soak) and isinstance(soak.growth, Growth) and soak.growth.kind not in STEADY:
        yield f"growth: {soak.growth.kind}, {soak.growth.slope.value:.2f} MB a request"
    latency = found.get("latency")
    if isinstance(latency, Latency) and isinstance(latency.first_slower, Figure):
        first, later = latency.first_image, latency.later_images
        surely = latency.first_slower.low > MUCH_SLOWER
        if surely and isinstance(first, Figure) and isinstance(later, Figure):
            yield f"first image: {first.value - later.value:+.2f} s"
        yield from _of_pauses(latency)
    loss = dialogues.first_loss if isinstance(dialogues, Dialogues) else None
    if isinstance(loss, Figure) and loss.high < LATE_TURN:
        yield f"context: the first fact is lost in turn {loss.value:.1f}"


def _of_pauses(latency: Latency) -> Iterator[str]:
    for one in latency.paused:
        waited, later = one.ttft.p50, latency.later_images
        surely = isinstance(one.slower, Figure) and one.slower.low > MUCH_SLOWER
        if surely and isinstance(waited, Figure) and isinstance(later, Figure):
            yield f"after a pause of {one.pause_s:g} s: {1000 * (waited.value - later.value):+.0f} ms"


def _beside(one: MeasuredModel, reference: MeasuredModel) -> Iterator[str]:
    for name, change in revisions.compare(one.evidence, reference.evidence).items():
        if change.changed:
            yield f"changed: {name} {_by(change)}{_more(name, one, reference)}"


def _by(change: Change) -> str:
    if change.is_share:
        return f"{100 * change.contrast.value:+.0f} points"
    return f"{math.exp(change.contrast.value):.2f} times"


def _more(name: str, one: MeasuredModel, reference: MeasuredModel) -> str:
    """The difference of the two times to the first token, as the results print them."""
    if name != "time to first token, image":
        return ""
    ours, theirs = (each.result.figures[name] for each in (one, reference))
    if isinstance(ours, Figure) and isinstance(theirs, Figure):
        return f" ({ours.value - theirs.value:+.0f} ms)"
    return ""
