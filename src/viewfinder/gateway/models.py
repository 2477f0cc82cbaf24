"""Which models can be used and which are up: /v1/models and /ready; mounted by `app`.

A model is listed with what clients of OpenAI, OpenRouter (`context_length`, `architecture`), vLLM
(`max_model_len`) and llama.cpp (`meta`) read; nothing is loaded for it.
"""

from contextlib import suppress
from typing import Any, Literal

from starlette.convertors import PathConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viewfinder.catalog.auto_names import CASCADE_PREFIX, OWN_PREFIXES
from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import is_here
from viewfinder.catalog.peers import is_elsewhere
from viewfinder.core.config import Settings
from viewfinder.core.errors import BadRequest, NoModelFits
from viewfinder.core.gateway_id import GATEWAY_ID, VIA_HEADER
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.process.states import State
from viewfinder.gateway.auto import AutoModels
from viewfinder.gateway.facts import facts_of
from viewfinder.gateway.peer_errors import is_from_a_gateway
from viewfinder.wire.reply_types import Sent

Capability = Literal["text", "vision"]


class ModelName(PathConvertor):
    """In a path, with slashes or with %2F: the id of a repository, or an alias."""

    regex = ".+"


register_url_convertor("model", ModelName())


class Architecture(Sent):
    input_modalities: list[Literal["text", "image"]]
    output_modalities: list[Literal["text"]]


class Meta(Sent):
    """The context of a request now, and what the model was trained for; null: not known."""

    n_ctx: int | None
    n_ctx_train: int | None


class ListedModel(Sent):
    """OpenAI's fields, what other clients read, and Viewfinder's own.

    `context_length`, `max_model_len` and `meta.n_ctx` are one number: what a request and its answer may have
    together. null: it is not known.
    """

    id: str
    object: Literal["model"] = "model"
    variant: str | None
    """The variant that answers now; null: no engine for the model is installed."""
    created: int
    """When its files were written, in seconds of Unix time; 0: they are not here."""
    owned_by: Literal["viewfinder"] = "viewfinder"
    title: str
    license: str
    capabilities: list[Capability]
    state: State
    loaded: bool
    context_length: int | None
    max_model_len: int | None
    meta: Meta
    architecture: Architecture
    supports_tools: bool | None
    """Whether its chat template has a place for tools; null: not known before it is loaded."""
    defaults: dict[str, Any]
    """What a request gets where it says nothing."""
    aliases: list[str]
    alias_of: str | None
    """For another name (an alias, the id of a repository, `auto:best`), the model that it stands for; for an
    `auto:` name, that of a request now, null where there is none; for a `cascade:` name, both."""
    chosen_because: str | None
    """For an `auto:` or `cascade:` name, why it: what was measured, and when."""


class ModelList(Sent):
    object: Literal["list"] = "list"
    data: list[ListedModel]


class Ready(Sent):
    """A model that is not up is loaded by its first request."""

    status: Literal["ready"] = "ready"
    models: dict[str, State]


class Models:
    """OpenAI's list of models, with the fields of other servers and Viewfinder's own."""

    def __init__(self, fleet: Fleet, settings: Settings, auto: AutoModels | None = None) -> None:
        self.fleet, self.settings, self.auto = fleet, settings, auto or AutoModels()

    async def all(self, request: Request) -> Response:
        """Every model that is here, then their aliases, then the `auto:` names for which one was measured."""
        if request.headers.get(VIA_HEADER) == GATEWAY_ID:
            raise BadRequest("This gateway is named under its own [endpoints].", code="own_peer")
        cards = {card.name: card for card in self.fleet.cards()}
        others = self.fleet.catalog.other_names()
        if is_from_a_gateway(request.scope):  # which names others itself, if it wants them
            cards = {name: card for name, card in cards.items() if any(map(_is_ours, card.variants))}
            others = {}
        listed = [self._model(card) for card in cards.values()]
        listed += [
            self._model(self.fleet.card(alias), alias) for alias, name in others.items() if name in cards
        ]
        chosen = [await self._auto(name) for name in await self.auto.measured()]
        listed += [one for one in chosen if one.alias_of]
        with suppress(NoModelFits):
            listed.append(await self._cascade(CASCADE_PREFIX))
        return JSONResponse(ModelList(data=listed).model_dump())

    async def one(self, request: Request) -> Response:
        """By any name that a request may have: also an alias, the id of a repository, or an `auto:` name.
        Raises UnknownModel."""
        name = request.path_params["name"]
        if (meant := self.fleet.catalog.meant(name)).startswith(OWN_PREFIXES):
            own = self._cascade if meant.startswith(CASCADE_PREFIX) else self._auto
            return JSONResponse((await own(meant)).model_dump())
        card = self.fleet.card(name)
        return JSONResponse(self._model(card, name if name != card.name else None).model_dump())

    async def ready(self, _request: Request) -> Response:
        """Requests are taken; a model that is not up is loaded by its first request."""
        states = {card.name: self.fleet.state_of(card.name) for card in self.fleet.cards()}
        return JSONResponse(Ready(models=states).model_dump())

    async def _auto(self, name: str) -> ListedModel:
        """An `auto:` name, as the model that a request gets now."""
        chosen = (await self.auto.now(self.fleet, self.settings, name)).route.chosen
        if chosen is None:
            return _of_nothing(name)
        model = self._model(self.fleet.card(chosen.model), chosen.model)
        title = f"{name}, now {model.title}"
        return model.model_copy(
            update={"id": name, "title": title, "aliases": [], "chosen_because": chosen.why}
        )

    async def _cascade(self, name: str) -> ListedModel:
        """A `cascade:` name: what both of its models can do. Raises what `AutoModels.pair` raises."""
        pair = await self.auto.pair(self.fleet, self.settings, name)
        first, second = (self._model(self.fleet.card(one), one) for one in (pair.first, pair.second))
        contexts = [one.context_length for one in (first, second) if one.context_length is not None]
        context = min(contexts, default=None)
        inputs = [
            one for one in first.architecture.input_modalities if one in second.architecture.input_modalities
        ]
        return second.model_copy(
            update={
                "id": name,
                "title": f"{first.title}, then {second.title} where it is not sure; only for /v1/decisions",
                "capabilities": [one for one in first.capabilities if one in second.capabilities],
                "architecture": Architecture(input_modalities=inputs, output_modalities=["text"]),
                "context_length": context,
                "max_model_len": context,
                "meta": Meta(n_ctx=context, n_ctx_train=None),
                "supports_tools": False,
                "state": first.state,
                "loaded": first.loaded and second.loaded,
                "aliases": [],
                "alias_of": pair.name,
                "chosen_because": pair.reason or None,
            }
        )

    def _model(self, card: ModelCard, alias: str | None = None) -> ListedModel:
        """The model, by one of its other names, if any, which may stand for some of its variants only."""
        facts = facts_of(self.fleet, self.settings, alias or card.name)
        variant = facts.variant
        can: dict[Capability, bool] = {
            "text": variant is not None and variant.text,
            "vision": variant is not None and variant.vision,
        }
        others = self.fleet.catalog.other_names().items()
        return ListedModel(
            id=alias or card.name,
            variant=variant.name if variant else None,
            created=facts.written_s or 0,
            title=card.title,
            license=card.license,
            capabilities=[name for name in can if can[name]],
            state=facts.state,
            loaded=facts.state == "ready",
            context_length=facts.context,
            max_model_len=facts.context,
            meta=Meta(n_ctx=facts.context, n_ctx_train=variant.context_tokens if variant else None),
            architecture=Architecture(
                input_modalities=["text", "image"] if can["vision"] else ["text"],
                output_modalities=["text"],
            ),
            supports_tools=facts.tools,
            defaults=facts.defaults.given(),
            aliases=[other for other, name in others if name == card.name],
            alias_of=card.name if alias else None,
            chosen_because=None,
        )


def _is_ours(variant: Variant) -> bool:
    return is_here(variant) and not is_elsewhere(variant)


def _of_nothing(name: str) -> ListedModel:
    """An `auto:` name for which there is no model now."""
    return ListedModel(
        id=name,
        variant=None,
        created=0,
        title=f"{name}, now no model",
        license="",
        capabilities=[],
        state="stopped",
        loaded=False,
        context_length=None,
        max_model_len=None,
        meta=Meta(n_ctx=None, n_ctx_train=None),
        architecture=Architecture(input_modalities=["text"], output_modalities=["text"]),
        supports_tools=None,
        defaults={},
        aliases=[],
        alias_of=None,
        chosen_because=None,
    )
