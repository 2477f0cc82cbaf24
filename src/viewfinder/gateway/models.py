"""Which models can be used and which are up: /v1/models and /ready; mounted by `app`."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viewfinder.catalog.card import ModelCard
from viewfinder.core.errors import EngineMissing
from viewfinder.fleet.fleet import Fleet


class Models:
    """OpenAI's list of models, with Viewfinder's own fields added."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet

    async def all(self, _request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [self._model(card) for card in self.fleet.cards()]})

    async def one(self, request: Request) -> Response:
        """Raises UnknownModel."""
        return JSONResponse(self._model(self.fleet.card(request.path_params["name"])))

    async def ready(self, _request: Request) -> Response:
        """Requests are taken; a model that is not up is loaded by its first request."""
        states = {card.name: self.fleet.state_of(card.name) for card in self.fleet.cards()}
        return JSONResponse({"status": "ready", "models": states})

    def _model(self, card: ModelCard) -> dict[str, Any]:
        return {
            "id": card.name,
            "object": "model",
            "created": 0,  # a card has no date, and OpenAI's type wants one
            "owned_by": "viewfinder",
            "title": card.title,
            "license": card.license,
            "capabilities": self._capabilities(card),
            "state": self.fleet.state_of(card.name),
        }

    def _capabilities(self, card: ModelCard) -> list[str]:
        """Those of the variant that would answer; none when no engine for it is installed."""
        try:
            variant = self.fleet.variant_of(card.name)
        except EngineMissing:
            return []
        return [name for name, can in (("text", variant.text), ("vision", variant.vision)) if can]
