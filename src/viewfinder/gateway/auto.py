"""Requests to `auto:` names: each is answered by the model that `fleet/routing` chooses for it.

Called by `chat` and `counting`. Before the first word, a model that fails gives way to the next best; what it
takes to retry with the same model stays with `relay`.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from starlette.types import Scope

from viewfinder.catalog.auto_names import AUTO_NAMES, AUTO_PREFIX, CASCADE_PREFIX, AutoUse
from viewfinder.core.config import Settings
from viewfinder.core.errors import (
    Busy,
    CapabilityMissing,
    ContextExceeded,
    EmptyAnswer,
    EngineError,
    EngineMissing,
    EngineRefused,
    MemoryShort,
    ModelFilesError,
    NoModelFits,
    UnknownModel,
    UnsupportedParameter,
    ViewfinderError,
)
from viewfinder.fleet.cascade import CascadePair
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.routing import (
    MeasuredOrder,
    MeasuredOrders,
    ModelNow,
    ModelRoute,
    RequestNeeds,
    RoutedModel,
    RouteMemory,
    route,
)
from viewfinder.gateway.answering import SCOPE_ID
from viewfinder.gateway.candidates import Candidates
from viewfinder.gateway.capability import least_tokens
from viewfinder.gateway.cascade_pairs import only_decisions, pair_of
from viewfinder.gateway.problems import CALLERS_FAULT
from viewfinder.wire.chat import ChatRequest, ParsedRequest
from viewfinder.wire.refusals import quoted

CHOSEN_HEADER = "x-viewfinder-chosen"
"""Why a model was chosen for a request to an `auto:` name."""
CHOSEN = "viewfinder.chosen"
"""Where a request's scope has the choice of its model."""
KEPT_CHOICES = 500
"""The number of choices that are remembered; the oldest are dropped first."""
MOST_TRIED = 4
"""A computer on which this many models fail has another problem."""
MOST_NAMED_HERE = 3
_NO_FAULT_OF_THE_MODEL = (EngineMissing, EmptyAnswer)
_OF_ONE_MODEL = (
    EngineError,
    MemoryShort,
    ModelFilesError,
    CapabilityMissing,
    ContextExceeded,
    UnknownModel,
    UnsupportedParameter,
)

Attempt = Callable[[ParsedRequest], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """How the model of one request to `name` was chosen; `ids` are those of the request and of its answer, as
    far as there are any."""

    name: str
    route: ModelRoute
    ids: tuple[str, ...] = ()
    at_s: float = field(default_factory=time.time)


async def nothing_measured() -> MeasuredOrders:
    return {}


class AutoModels:
    """What the `auto:` names of one `serve` stand for; `orders` gives what was measured."""

    def __init__(
        self,
        orders: Callable[[], Awaitable[MeasuredOrders]] = nothing_measured,
        *,
        clock: Callable[[], float] = time.monotonic,
        kept: int = KEPT_CHOICES,
    ) -> None:
        self._orders, self._clock, self._kept = orders, clock, kept
        self._memory = RouteMemory()
        self._candidates = Candidates(clock)
        self._choices: dict[str, ModelChoice] = {}

    async def answered(
        self,
        fleet: Fleet,
        settings: Settings,
        parsed: ParsedRequest,
        scope: Scope,
        attempt: Attempt,
        *,
        any_length: bool = False,
    ) -> None:
        """Answer a request by `attempt`, with the models in their order until one answers; one to a model's
        own name is attempted as it is.

        `attempt` raises only before anything was sent. Raises what it raised last, NoModelFits, and
        UnknownModel for an `auto:` name that does not exist.
        """
        name = fleet.catalog.meant(parsed.request.model)
        if name.startswith(CASCADE_PREFIX):
            raise only_decisions(name)
        if not name.startswith(AUTO_PREFIX):
            return await attempt(parsed)
        order = (await self._orders()).get(use := use_of(name), MeasuredOrder())
        tries = _Tries()
        while True:
            models = await self._candidates.now(fleet, settings)
            needs = needs_of(parsed.request, models, 0 if any_length else None, tries.least_tokens)
            found = route(use, order, models, needs, self._memory, self._clock(), tries.why)
            scope[CHOSEN] = choice = ModelChoice(name, found, (scope.get(SCOPE_ID, ""),))
            if found.chosen is None or len(tries.failures) >= MOST_TRIED:
                self._keep(choice)
                raise tries.worst or nothing_fits(name, found, needs)
            self._memory.last[use] = model = found.chosen.model
            try:
                await attempt(replace(parsed, request=parsed.request.model_copy(update={"model": model})))
            except ViewfinderError as error:
                if not _is_of_one_model(error):
                    raise
                if _is_failure(error):
                    self._memory.failed[model] = (self._clock(), error.reason)
                tries.add(next(one for one in models if one.model == model), error, models)
            else:
                self._memory.failed.pop(model, None)
                return None

    async def here(self, fleet: Fleet, settings: Settings) -> list[ModelNow]:
        """The models that are here, as they are now."""
        return await self._candidates.now(fleet, settings)

    async def pair(
        self, fleet: Fleet, settings: Settings, name: str, needs: RequestNeeds | None = None
    ) -> CascadePair:
        """The models of a `cascade:` name. Raises what `pair_of` raises."""
        models = await self._candidates.now(fleet, settings)
        return await pair_of(name, fleet, await self._orders(), models, needs)

    async def now(self, fleet: Fleet, settings: Settings, name: str) -> ModelChoice:
        """What a name stands for now, for any request. Raises UnknownModel, and for a `cascade:` name what
        `pair` raises."""
        if name.startswith(CASCADE_PREFIX):
            return cascade_now(name, await self.pair(fleet, settings, name), fleet)
        order = (await self._orders()).get(use := use_of(name), MeasuredOrder())
        models = await self._candidates.now(fleet, settings)
        return ModelChoice(name, route(use, order, models, None, self._memory, self._clock()))

    async def measured(self) -> list[str]:
        """The names for whose use a model was measured here."""
        orders = await self._orders()
        return [name for name, use in AUTO_NAMES.items() if use in orders and orders[use].groups]

    def choice(self, id: str) -> ModelChoice | None:
        """How the model was chosen, by the id of the answer or of its request; None: it was named, or the
        choice is forgotten."""
        found = (one for one in reversed(self._choices.values()) if id in one.ids)
        return self._choices.get(id) or next(found, None)

    def newest(self) -> ModelChoice | None:
        return self._choices[next(reversed(self._choices))] if self._choices else None

    def headers(self, scope: Scope, answer_id: str) -> dict[str, str]:
        """The headers of the answer with this id: why its model was chosen, if it was; the choice is
        remembered."""
        choice = scope.get(CHOSEN)
        if not isinstance(choice, ModelChoice) or choice.route.chosen is None:
            return {}
        self._keep(replace(choice, ids=(answer_id, *choice.ids[-1:])))
        return {CHOSEN_HEADER: choice.route.chosen.why.encode("ascii", "replace").decode()}

    def _keep(self, choice: ModelChoice) -> None:
        self._choices[choice.ids[0]] = choice
        if len(self._choices) > self._kept:
            del self._choices[next(iter(self._choices))]


def cascade_now(name: str, pair: CascadePair, fleet: Fleet) -> ModelChoice:
    """What a `cascade:` name stands for now."""
    variants = ", ".join(fleet.variant_of(one).name for one in (pair.first, pair.second))
    why = f"{pair.first} is asked first, {pair.second} what it is not sure of"
    return ModelChoice(name, ModelRoute(RoutedModel(pair.name, variants, pair.reason, why), ()))


class _Tries:
    """The models that failed with one request. `why` has also those that need not be tried for that, and
    `least_tokens` is what the request surely has."""

    def __init__(self) -> None:
        self.failures: list[ViewfinderError] = []
        self.why: dict[str, str] = {}
        self.least_tokens = 0

    def add(self, model: ModelNow, error: ViewfinderError, models: list[ModelNow]) -> None:
        self.failures.append(error)
        self.why[model.model] = error.reason
        if isinstance(error, UnsupportedParameter):  # what an engine lacks, it lacks with every model
            self.why |= {one.model: error.reason for one in models if one.engine == model.engine}
        if isinstance(error, ContextExceeded):
            self.least_tokens = max(self.least_tokens, error.most or model.context or 0)

    @property
    def worst(self) -> ViewfinderError | None:
        """The error to raise when every model failed: one after which a retry helps, else the last."""
        busy = [error for error in self.failures if isinstance(error, Busy)]
        return next(iter([*busy, *self.failures[::-1]]), None)


def require_use(name: str) -> None:
    """Raises UnknownModel for an `auto:` name that does not exist; the models of a `cascade:` name are looked
    up with its request."""
    if name.startswith(AUTO_PREFIX):
        use_of(name)


def use_of(name: str) -> AutoUse:
    """What an `auto:` name is for. Raises UnknownModel."""
    if name not in AUTO_NAMES:
        hint = f"There are {', '.join(AUTO_NAMES)}."
        raise UnknownModel(f"There is no model named {quoted(name)}.", hint=hint, param="model")
    return AUTO_NAMES[name]


def needs_of(request: ChatRequest, models: list[ModelNow], tokens: int | None, least: int) -> RequestNeeds:
    """What a request needs. Its text is looked at only as far as the smallest context of `models`, and not at
    all where its `tokens` are given; it has at least `least`."""
    contexts = [one.context for one in models if one.context is not None]
    if tokens is None:
        tokens = least_tokens(request, min(contexts)) if contexts else 0
    return RequestNeeds(request.least_images, max(tokens, least), bool(request.tools))


def nothing_fits(name: str, found: ModelRoute, needs: RequestNeeds) -> ViewfinderError:
    """The error where no model can answer: of what the request needs, or of what is wrong with the models."""
    if name == f"{AUTO_PREFIX}own" and not any(one.reason for one in found.others):
        return NoModelFits(
            "No model here was asked about your own pictures yet.",
            hint="Run: viewfinder bench --vqa FOLDER. Until then, ask auto:best.",
            param="model",
        )
    each = "; ".join(f"{one.model}: {one.why}" for one in found.others[:MOST_NAMED_HERE])
    hint = f"{each or 'None is here; get one: viewfinder models'}. All: viewfinder why {name}"
    if needs.images and all("image" in one.why for one in found.others):
        message = "No model here can answer about the images of this request."
        return CapabilityMissing(message, hint=hint, param="messages", code=NoModelFits.code)
    return NoModelFits(f"No model here can answer this request to '{name}'.", hint=hint, param="model")


def _is_of_one_model(error: ViewfinderError) -> bool:
    """Whether another model may answer where this error was raised."""
    if isinstance(error, EngineRefused):
        return error.status not in CALLERS_FAULT
    if isinstance(error, Busy):
        return error.reason in ("queue_full", "unloading")
    return isinstance(error, _OF_ONE_MODEL)


def _is_failure(error: ViewfinderError) -> bool:
    """Whether the model is likely to fail with the next request, too."""
    is_of_the_model = isinstance(error, (EngineError, MemoryShort, ModelFilesError))
    return is_of_the_model and not isinstance(error, _NO_FAULT_OF_THE_MODEL)
