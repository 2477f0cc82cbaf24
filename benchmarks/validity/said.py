"""What `bench` says of a model that is not as it should be, or not as another one; pure, called by `planted`.

Each sentence begins with a name that stays, so that a planted fault can be looked for by it.
"""

import math
from collections.abc import Iterator
from typing import Any

from benchmarks.validity.cells import cells, contrasts
from benchmarks.validity.running import One
from viewfinder.bench.metrics import answered
from viewfinder.bench.results.figures import Figure, Gate, Missing
from viewfinder.bench.statistics import pairs
from viewfinder.bench.statistics.contrasts import ALPHA, changed

FIRST_SLOWER = 1.5
"""How many times as long the first image must surely take to be worth a word."""


def said_of(one: One, reference: One) -> list[str]:
    """All that one run says of a model, beside a reference that ran with it."""
    return [*_alone(one), *_beside(one, reference), *_of_stages(one), *_of_context(one, reference)]


def _alone(one: One) -> Iterator[str]:
    result = one.result
    if result.status != "verified":
        yield f"status: {result.status}"
    if result.failure:
        yield f"failure: {result.failure}"
    yield from (f"issue: {issue}" for issue in result.issues)
    for name, gate in (("image", result.vision), ("text", result.text), ("follow-up", result.follow_up)):
        if isinstance(gate, Gate) and gate.answered is not None and gate.answered < gate.asked:
            yield f"unanswered: {gate.asked - gate.answered} of {gate.asked} {name} questions"


def _beside(one: One, reference: One) -> Iterator[str]:
    ours, theirs = cells(one), cells(reference)
    found = contrasts(ours, theirs)
    for name in sorted(changed(found)):
        ratio = math.exp(found[name].value)
        yield f"changed: {name} is {ratio:.2f} times that of the reference{_more(name, one, reference)}"
    try:
        contrast = pairs.compare(_right(one), _right(reference))
    except pairs.TooFew:
        return
    if contrast.p < ALPHA and not contrast.is_equivalent(pairs.NOT_INFERIOR):
        yield f"accuracy: {100 * contrast.value:+.0f} points on {contrast.n} image questions"


def _more(name: str, one: One, reference: One) -> str:
    """By how much a time to the first token differs, as the two results print it."""
    if name != "first token, image":
        return ""
    ours, theirs = one.result.ttft_image, reference.result.ttft_image
    if isinstance(ours, Figure) and isinstance(theirs, Figure):
        return f" ({1000 * (ours.value - theirs.value):+.0f} ms)"
    return ""


def _right(one: One) -> dict[pairs.Item, bool]:
    """Which of the answered image questions were right: silence and errors are said apart."""
    return {
        (asked.scene, asked.question): bool(asked.right)
        for asked in one.asked
        if asked.scenario == "vision" and answered(asked.exchange)
    }


def _of_stages(one: One) -> Iterator[str]:
    """Stability, growth, and the first image, each judged by `bench` itself."""
    stability, soak, latency = (_part(one, name) for name in ("stability", "soak", "latency"))
    if stability is not None:
        yield from (f"stability: {trouble.sentence}" for trouble in stability.troubles)
    if soak is not None:
        yield from (f"soak: {trouble.sentence}" for trouble in soak.troubles)
        if soak.growth is not None and getattr(soak.growth, "kind", "flat") not in ("flat", "unclear"):
            yield f"growth: {soak.growth.kind}, {soak.growth.slope.value:.2f} MB a request"
    if latency is not None and isinstance(latency.first_slower, Figure):
        first, later = latency.first_image, latency.later_images
        if latency.first_slower.low > FIRST_SLOWER:
            yield f"first image: {first.value - later.value:+.2f} s"


def _of_context(one: One, reference: One) -> Iterator[str]:
    ours, theirs = _part(one, "context"), _part(reference, "context")
    if ours is None or theirs is None:
        return
    kept, due, lost = ours.retention, theirs.retention, ours.first_loss
    if isinstance(kept, Figure) and isinstance(due, Figure) and kept.high < due.low:
        turn = f"; the first fact is lost in turn {lost.value:.1f}" if isinstance(lost, Figure) else ""
        yield f"context: {kept.value:.0f} % is kept where the reference keeps {due.value:.0f} %{turn}"


def _part(one: One, name: str) -> Any:
    """A stage's result; None where it is no part of the suite, or could not be had."""
    found = getattr(one.result, name, None)
    return None if isinstance(found, Missing) else found
