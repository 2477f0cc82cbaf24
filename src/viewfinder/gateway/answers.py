"""Whether an earlier answer can still be trusted: GET /v1/answers/{id}; mounted by `app`."""

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viewfinder.core.errors import UnknownAnswer
from viewfinder.fleet.fleet import Fleet


class GivenAnswers:
    """The answers that this gateway gave, by the id in each reply."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet

    async def one(self, request: Request) -> Response:
        """Raises UnknownAnswer."""
        answer_id = request.path_params["id"]
        answer = self.fleet.answers.get(answer_id)
        if answer is None:
            raise UnknownAnswer(
                f"There is no answer '{answer_id[:100]}'.",
                hint="The id is that of a reply. The newest 10,000 since the start are remembered.",
            )
        return JSONResponse({"object": "answer", **asdict(answer)})
