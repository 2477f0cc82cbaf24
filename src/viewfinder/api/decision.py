"""One decision of a model: a question to /v1/decisions, and its answer; called by `model`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from viewfinder.api.question import AskPart, images_before
from viewfinder.wire.decisions.translate import require_different
from viewfinder.wire.refusals import DECISIONS as DECISIONS_PATH

__all__ = ["DECISIONS_PATH", "MISUNDERSTOOD", "Decision", "check_choices", "decision_in", "decision_request"]


MISUNDERSTOOD = 0.5
"""With a smaller mass of the named answers, the model would rather say something else."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The likeliest answer ("yes", "no" or a choice) and its probability; `probabilities` are of all answers.

    `raw` is the probability of that answer as the model gives it, `calibrated` what it is worth on this
    machine; None with the reason in `not_calibrated`. `calibrated_by` has the `questions` of the calibration
    ("scenes" or "own") and the number of its `samples`. `mass` is what the named answers had of all that the
    model could say, and `order_difference` by how much the order in which they are named mattered.
    `answered_by` is the model; of a cascade, `chosen_because` says why it was that one.
    """

    answer: str
    probability: float
    probabilities: Mapping[str, float]
    is_sure: bool
    raw: float
    calibrated: float | None
    not_calibrated: str | None
    mass: float
    order_difference: float
    calibrated_by: Mapping[str, Any] | None = None
    answered_by: str = ""
    chosen_because: str = ""


DecisionChoices: TypeAlias = Sequence[str] | Mapping[str, str]
"""The possible answers, or these with what each of them means."""


def decision_request(model: str, parts: Sequence[AskPart], choices: DecisionChoices) -> dict[str, Any]:
    """The body of the request. Raises BadRequest."""
    images = images_before(parts)
    shown = [{"type": "input_image", "image_url": url} for url in images]
    question: dict[str, Any] = {"type": "predicate", "instructions": parts[-1]}
    if choices:
        means = choices if isinstance(choices, Mapping) else {}
        offered = [{"value": choice, "description": means.get(choice) or None} for choice in choices]
        question |= {"type": "choice", "choices": offered}
    return {
        "model": model,
        "input": [{"type": "message", "role": "user", "content": shown or ""}],
        "questions": [question],
    }


def check_choices(choices: Sequence[str]) -> None:
    """Raise BadRequest for answers that cannot be told apart; before a model takes its time to load."""
    if choices:
        require_different(choices, "choices")


def decision_in(reply: Mapping[str, Any], threshold: float | None) -> Decision:
    """The only answer of a reply."""
    (answer,) = reply["answers"]
    told = answer["viewfinder"]
    if answer["type"] == "predicate":
        likely = {"yes": answer["probability"], "no": 1 - answer["probability"]}
    else:
        likely = {one["value"]: one["probability"] for one in answer["probabilities"]}
    best = answer.get("choice") or max(likely, key=likely.__getitem__)

    def of_best(known: float | None) -> float | None:
        return 1 - known if best == "no" and answer["type"] == "predicate" and known is not None else known

    raw = of_best(told["raw"])
    return Decision(
        answer=best,
        probability=likely[best],
        probabilities=likely,
        is_sure=threshold is None or likely[best] >= threshold,
        raw=told["raw"] if raw is None else raw,
        calibrated=of_best(told["calibrated"]),
        not_calibrated=told["not_calibrated"],
        mass=told["mass"],
        order_difference=told["order_difference"],
        calibrated_by=told.get("calibrated_by"),
        answered_by=told.get("model") or "",
        chosen_because=told.get("chosen_because") or "",
    )
