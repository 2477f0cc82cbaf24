"""What is known of a model without loading it; called by `models` and `props`."""

from dataclasses import dataclass

from viewfinder.catalog.card import Variant
from viewfinder.core.config import Settings
from viewfinder.core.errors import EngineMissing
from viewfinder.core.request_defaults import RequestDefaults
from viewfinder.engines.registry import engine_named
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.process.servers import Server
from viewfinder.fleet.process.states import State
from viewfinder.gateway.context import context_of
from viewfinder.gateway.defaults import defaults_of


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """`variant` is the one that would answer now, None when no engine for the model is installed. `context`
    and `slots` are those of a request and of its server; None, as for `tools`: not known."""

    name: str
    state: State
    defaults: RequestDefaults
    variant: Variant | None = None
    context: int | None = None
    slots: int | None = None
    tools: bool | None = None
    written_s: int | None = None


def facts_of(fleet: Fleet, settings: Settings, model: str) -> ModelFacts:
    """By any name of the model. Raises UnknownModel."""
    card = fleet.card(model)
    state, defaults = fleet.state_of(model), defaults_of(card, settings)
    try:
        variant = fleet.variant_of(model)
    except EngineMissing:
        return ModelFacts(card.name, state, defaults)
    return ModelFacts(
        name=card.name,
        state=state,
        defaults=defaults,
        variant=variant,
        context=context_of(card, variant, settings),
        slots=_slots(fleet, settings, model, variant),
        tools=_tools(fleet.server_of(model)),
        written_s=fleet.catalog.written_s(variant),
    )


def _tools(server: Server | None) -> bool | None:
    """Whether the chat template of a model that is up has a place for tools."""
    template = server.client.endpoint.template if server and server.state == "ready" else None
    return template.tools if template else None


def _slots(fleet: Fleet, settings: Settings, model: str, variant: Variant) -> int | None:
    """The number of requests that its server answers at once."""
    if server := fleet.server_of(model):
        return server.slots
    if variant.server is not None:
        return None
    # The libraries that load a folder answer one request at a time.
    is_single = engine_named(variant.engine).loads_folder
    return 1 if is_single else settings.engine_of(fleet.card(model).name).slots
