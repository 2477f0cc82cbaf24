"""Whether an earlier answer can still be trusted: GET /v1/answers/{id}; mounted by `app`."""

from dataclasses import asdict
from typing import Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viewfinder.core.errors import UnknownAnswer
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.record.answers import AnswerStatus
from viewfinder.wire.refusals import quoted
from viewfinder.wire.reply_types import Sent


class GivenAnswer(Sent):
    """Of an answer that a client got; `reason` says why it is suspect."""

    object: Literal["answer"] = "answer"
    id: str
    model: str
    status: AnswerStatus
    reason: str


async def given_answer(fleet: Fleet, request: Request) -> Response:
    """An answer that this gateway gave, by the id in its reply. Raises UnknownAnswer."""
    answer_id = request.path_params["id"]
    answer = fleet.answers.get(answer_id)
    if answer is None:
        raise UnknownAnswer(
            f"There is no answer {quoted(answer_id)}.",
            hint="The id is that of a reply. The newest 10,000 since the start are remembered.",
            param="id",
        )
    return JSONResponse(GivenAnswer(**asdict(answer)).model_dump())
