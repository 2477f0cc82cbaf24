"""GET /props, as clients of llama.cpp's server read it; mounted by `app`. It loads nothing."""

from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viewfinder.core.config import Settings
from viewfinder.fleet.fleet import Fleet
from viewfinder.gateway.facts import ModelFacts, facts_of
from viewfinder.wire.reply_types import Sent


class GenerationSettings(Sent):
    """`n_ctx` is what a request and its answer may have together, 0 where that is not known; `params` are the
    defaults of the card and of the settings."""

    n_ctx: int
    params: dict[str, Any]


class Modalities(Sent):
    vision: bool
    audio: Literal[False] = False
    video: Literal[False] = False


class TemplateCapabilities(Sent):
    supports_tools: bool | None


class Props(Sent):
    """One model; `role` is "router" where several are meant, as that of llama.cpp's router says it.

    `model_path` is a name, never a path. `is_sleeping`: the next request loads it.
    """

    role: Literal["model", "router"]
    default_generation_settings: GenerationSettings
    total_slots: int
    model_alias: str
    model_path: str
    modalities: Modalities
    chat_template_caps: TemplateCapabilities
    build_info: str
    is_sleeping: bool


class PropsPage:
    """The properties of a model of one gateway."""

    def __init__(self, fleet: Fleet, settings: Settings, version: str) -> None:
        self.fleet, self.settings, self.build = fleet, settings, f"viewfinder {version}"

    async def page(self, request: Request) -> Response:
        """Of the model that `?model=` names; else of the only one that is up, or that is here; else those of
        a router. Raises UnknownModel."""
        name = request.query_params.get("model") or self._only_one()
        facts = facts_of(self.fleet, self.settings, name) if name else None
        props = self._of_model(facts) if facts else self._of_router()
        return JSONResponse(props.model_dump())

    def _only_one(self) -> str | None:
        here = [card.name for card in self.fleet.cards()]
        up = [name for name in here if self.fleet.state_of(name) == "ready"]
        return next((names[0] for names in (up, here) if len(names) == 1), None)

    def _of_model(self, facts: ModelFacts) -> Props:
        return Props(
            role="model",
            default_generation_settings=GenerationSettings(
                n_ctx=facts.context or 0, params=facts.defaults.given()
            ),
            total_slots=facts.slots or 0,
            model_alias=facts.name,
            model_path=facts.name,
            modalities=Modalities(vision=facts.variant is not None and facts.variant.vision),
            chat_template_caps=TemplateCapabilities(supports_tools=facts.tools),
            build_info=self.build,
            is_sleeping=facts.state != "ready",
        )

    def _of_router(self) -> Props:
        every = [facts_of(self.fleet, self.settings, card.name) for card in self.fleet.cards()]
        return Props(
            role="router",
            default_generation_settings=GenerationSettings(n_ctx=0, params={}),
            total_slots=0,
            model_alias="viewfinder",
            model_path="none",
            modalities=Modalities(vision=any(facts.variant and facts.variant.vision for facts in every)),
            chat_template_caps=TemplateCapabilities(supports_tools=None),
            build_info=self.build,
            is_sleeping=False,
        )
