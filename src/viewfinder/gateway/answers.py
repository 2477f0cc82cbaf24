"""Whether an earlier answer can still be trusted, and why a model was chosen for it: GET /v1/answers/{id};
mounted by `app`."""

from dataclasses import asdict
from typing import Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viewfinder.core.errors import UnknownAnswer
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.record.answers import AnswerStatus
from viewfinder.gateway.auto import AutoModels, ModelChoice
from viewfinder.wire.refusals import quoted
from viewfinder.wire.reply_types import Sent


class OtherCandidate(Sent):
    """A model that was not chosen: `measured` is its figure in words (empty: none), `why` why it was not."""

    model: str
    variant: str
    measured: str
    why: str


class ChosenModel(Sent):
    """How the model for a request to an `auto:` name was chosen, or which it would be now. `model` is null
    where none could answer; `at` is Unix time in seconds."""

    name: str
    model: str | None
    variant: str | None
    measured: str
    why: str
    at: float
    others: list[OtherCandidate]

    @classmethod
    def of(cls, choice: ModelChoice) -> "ChosenModel":
        model = choice.route.chosen
        return cls(
            name=choice.name,
            model=model.model if model else None,
            variant=model.variant if model else None,
            measured=model.reason if model else "",
            why=model.why if model else "no model here could answer",
            at=choice.at_s,
            others=[
                OtherCandidate(model=one.model, variant=one.variant, measured=one.reason, why=one.why)
                for one in choice.route.others
            ],
        )


class GivenAnswer(Sent):
    """Of an answer that a client got; `reason` says why it is suspect, `chosen` how its model was chosen
    (null: the request named it)."""

    object: Literal["answer"] = "answer"
    id: str
    model: str
    status: AnswerStatus
    reason: str
    chosen: ChosenModel | None


async def given_answer(fleet: Fleet, auto: AutoModels, request: Request) -> Response:
    """An answer that this gateway gave, by the id in its reply. Raises UnknownAnswer."""
    answer_id = request.path_params["id"]
    answer = fleet.answers.get(answer_id)
    if answer is None:
        raise UnknownAnswer(
            f"There is no answer {quoted(answer_id)}.",
            hint="The id is that of a reply. The newest 10,000 since the start are remembered.",
            param="id",
        )
    choice = auto.choice(answer_id)
    given = GivenAnswer(**asdict(answer), chosen=ChosenModel.of(choice) if choice else None)
    return JSONResponse(given.model_dump())
