"""The playground: pictures, a question, answers side by side; mounted by `app`.

The page asks /v1/chat/completions itself, as every client does. Here is only which models it offers.
"""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from viewfinder.core.config import Limits
from viewfinder.core.errors import EngineMissing
from viewfinder.dashboard.backing import Backing
from viewfinder.dashboard.render import page
from viewfinder.fleet.fleet import Fleet

PICTURES = "pictures"
"""The use for which `FirstChoice.uses` names a model that sees."""
SIDE_BY_SIDE = 3
TEXT_BYTES = 64 * 1024
"""What a request has beside its picture: more than a few questions and answers."""


@dataclass(frozen=True, slots=True)
class Offered:
    """A model that can be asked; `is_up`: without waiting until it is loaded."""

    name: str
    title: str
    sees: bool
    is_up: bool


class Playground:
    """`limits` are those of now: the page says before it sends a picture that it is too large."""

    def __init__(self, fleet: Fleet, backing: Backing, limits: Callable[[], Limits] = Limits) -> None:
        self.fleet, self.backing, self.limits = fleet, backing, limits

    async def page(self, request: Request) -> Response:
        """`?model=NAME` begins with that model, if it is here."""
        models, limits = offered(self.fleet), self.limits()
        seeing = [model for model in models if model.sees]
        first = next((model.name for model in seeing if model.is_up), "")
        choices = () if first else (await self.backing.models.overview()).first
        proposed = [choice for choice in choices if PICTURES in choice.uses]
        wanted = request.query_params.get("model", "")
        return page(
            request,
            "playground",
            models=models,
            sees=bool(seeing),
            chosen=chosen(models, [wanted, first, *(choice.model for choice in proposed)]),
            proposed=proposed or choices,
            limits=limits,
            most_bytes=limits.body_bytes // 4 * 3 - TEXT_BYTES,
            folder=shlex.quote((await self.backing.questions.kept()).folder),
            others=SIDE_BY_SIDE - 1,
            address=f"{request.url.scheme}://{request.url.netloc}",
        )


def offered(fleet: Fleet) -> list[Offered]:
    """The models that are here and have an engine, those that see first."""
    models = []
    for card in fleet.cards():
        try:
            variant = fleet.variant_of(card.name)
        except EngineMissing:
            continue
        is_up = fleet.state_of(card.name) == "ready"
        models.append(Offered(card.name, card.title, variant.vision, is_up))
    return sorted(models, key=lambda model: not model.sees)


def chosen(models: Sequence[Offered], proposed: Sequence[str]) -> str:
    """The model to begin with: a proposed one that is here, else the first; empty when there is none."""
    names = [model.name for model in models]
    return next((name for name in (*proposed, *names) if name in names), "")
