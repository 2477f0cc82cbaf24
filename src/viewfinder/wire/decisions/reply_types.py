"""What a client gets for a request for decisions, as types: OpenAI's fields, and ours in `viewfinder`."""

from typing import Annotated, Literal

from pydantic import Field

from viewfinder.wire.reply_types import Sent

Likelihood = Annotated[float, Field(ge=0, le=1)]


class CalibrationSource(Sent):
    """`questions` about drawn scenes, or the user's own; `samples` is the number of them, or null."""

    questions: Literal["scenes", "own"]
    samples: int | None


class DecisionDetails(Sent):
    """How a decision was made, and by which `model`; of a cascade, `chosen_because` says why by that one.

    `raw` is the probability of a predicate, or of the answer that was chosen, as the model gives it, and
    `calibrated` as it turned out on this machine; one of them is null, with the reason in `not_calibrated`,
    or both are there. `calibrated_by` tells what was asked for that. `mass` is what the named answers had
    together of all that the model could say: with little, the question was not understood.
    `order_difference` says by how much the probability of an answer differs between the two orders in which
    the answers were named, at most. `requests` counts those to the engine.
    """

    model: str
    chosen_because: str | None
    raw: Likelihood
    calibrated: Likelihood | None
    not_calibrated: str | None
    calibrated_by: CalibrationSource | None
    mass: Likelihood
    order_difference: Likelihood
    method: Literal["first token", "whole answers", "decision head"]
    requests: int


class PredicateAnswer(Sent):
    type: Literal["predicate"]
    name: str | None
    probability: Likelihood
    viewfinder: DecisionDetails


class ChoiceProbability(Sent):
    value: str | bool
    probability: Likelihood


class ChoiceAnswer(Sent):
    type: Literal["choice"]
    name: str | None
    choice: str | bool
    confidence: Likelihood
    probabilities: list[ChoiceProbability]
    viewfinder: DecisionDetails


class LevelProbability(Sent):
    """`value` counts the levels from 0."""

    label: str
    value: int
    probability: Likelihood


class ScoreAnswer(Sent):
    """`score` is the mean of the levels' values by their probabilities."""

    type: Literal["score"]
    name: str | None
    score: float
    confidence: Likelihood
    probabilities: list[LevelProbability]
    viewfinder: DecisionDetails


class RefusedAnswer(Sent):
    """Nothing is surer than the request's `threshold`."""

    type: Literal["refusal"]
    name: str | None
    viewfinder: DecisionDetails


AnyDecision = Annotated[
    PredicateAnswer | ChoiceAnswer | ScoreAnswer | RefusedAnswer, Field(discriminator="type")
]


class DecisionInputDetails(Sent):
    cached_tokens: int
    cache_write_tokens: int


class DecisionOutputDetails(Sent):
    reasoning_tokens: int


class DecisionUsage(Sent):
    """The sum over all requests to the engine."""

    input_tokens: int
    input_tokens_details: DecisionInputDetails
    output_tokens: int
    output_tokens_details: DecisionOutputDetails
    total_tokens: int


class DecisionReply(Sent):
    id: str
    model: str
    answers: list[AnyDecision]
    usage: DecisionUsage
