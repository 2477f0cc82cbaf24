"""What `bench` says of a model that is not as it should be, or not as another one; pure, called by `planted`.

Each sentence begins with a name that stays, so that a planted fault can be looked for by it.
"""

import math
from collections.abc import Iterator

from benchmarks.validity.cells import cells, contrasts
from benchmarks.validity.running import One
from viewfinder.bench.metrics import answered
from viewfinder.bench.results.figures import Figure, Gate
from viewfinder.bench.statistics import pairs
from viewfinder.bench.statistics.contrasts import ALPHA, changed


def said_of(one: One, reference: One) -> list[str]:
    """All that one run says of a model, beside a reference that ran with it."""
    return [*_alone(one), *_beside(one, reference)]


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
