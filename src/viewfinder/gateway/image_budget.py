"""The image budget of one request with images, and the header that says which was applied and why; called by
`chat`. Requests without images never come here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.full_images import FULL_IMAGES, base_name
from viewfinder.core import paths
from viewfinder.core.config import Settings
from viewfinder.core.errors import BadRequest
from viewfinder.engines.registry import engines
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.health.profile import PROFILES, Profile, Profiles
from viewfinder.fleet.record.image_budgets import StoredBudget, StoredBudgets
from viewfinder.fleet.record.measured_costs import LATENCY_COSTS
from viewfinder.gateway.prediction import MeasuredCosts, RequestSize, fitting, predicted
from viewfinder.media.intake import LOW_DETAIL_EDGE
from viewfinder.wire.chat import ChatRequest
from viewfinder.wire.media_refs import ImageRef
from viewfinder.wire.messages import texts_of

BUDGET_HEADER = "x-viewfinder-image-budget"
"""Which image budget was applied, and why; absent where none was measured."""

HOW_TO_MEASURE = "viewfinder bench {model} --suite standard"


@dataclass(frozen=True, slots=True)
class AppliedBudget:
    """`longest_px` is the longest edge of the pictures that are sent, None: as large as the model can use;
    images of `detail: high` are never smaller for it. `says` is for the header; empty: nothing was
    measured."""

    longest_px: int | None = None
    says: str = ""
    is_of_another_start: bool = False
    """The engine gets its budget at its start, and the request wants another one: the model is asked under
    its name with full images."""

    @property
    def headers(self) -> dict[str, str]:
        return {BUDGET_HEADER: self.says.encode("ascii", "replace").decode()} if self.says else {}

    def model_for(self, name: str) -> str:
        """The name under which the model of a request is asked."""
        return f"{base_name(name)}{FULL_IMAGES}" if self.is_of_another_start else name

    def edge_for(self, detail: str) -> int | None:
        """The longest edge of an image; None: no limit. `low` is the caller's own, and applied elsewhere."""
        return self.longest_px if detail == "auto" else None


NO_BUDGET = AppliedBudget()


def budget_for(
    fleet: Fleet, settings: Settings, request: ChatRequest, variant: Variant, refs: Sequence[ImageRef]
) -> AppliedBudget:
    """The budget of a request with these images.

    Raises BadRequest (`max_wait_too_short`) where the request says how long it may take, and no budget of the
    variant fits.
    """
    measured = measured_budgets(fleet, request.model, variant)
    if isinstance(measured, str):
        return NO_BUDGET if request.max_wait is None else _no_effect(measured, fleet, request)
    if variant.image_lever == "image_tokens" and _wants_another_start(fleet, request, variant, refs):
        applied = AppliedBudget(says="full (detail: high)", is_of_another_start=True)
        budgets: Sequence[StoredBudget] = [measured.reference]
    elif variant.image_lever == "image_tokens":
        tokens = started_tokens(fleet, request.model, variant)
        applied = _of_the_engine(tokens, settings, fleet.card(request.model), measured)
        name = f"{tokens} tokens" if tokens else measured.reference.name
        budgets = [one for one in measured.budgets if one.name == name]
    else:
        applied, budgets = _of_the_pictures(settings, measured, refs)
    if request.max_wait is None:
        return applied
    return _in_time(request.max_wait, applied, budgets, fleet, request, variant)


def _of_the_pictures(
    settings: Settings, measured: StoredBudgets, refs: Sequence[ImageRef]
) -> tuple[AppliedBudget, Sequence[StoredBudget]]:
    """The budget, and those that the request may be given, the smallest first."""
    chosen, name = measured.chosen, measured.reference.name
    if settings.images.budget != "measured":
        applied = AppliedBudget(says="full (the setting images.budget)")
    elif chosen is None or chosen.longest_px is None:
        applied = AppliedBudget(says=f"full ({measured.evidence})")
    else:
        applied, name = (
            AppliedBudget(chosen.longest_px, _said(refs, _with_evidence(chosen, measured), "full")),
            chosen.name,
        )
    if any(ref.detail != "auto" for ref in refs):  # these are not ours to choose
        return applied, [measured.reference]
    return applied, measured.up_to(name)


def _in_time(
    most_s: float,
    applied: AppliedBudget,
    budgets: Sequence[StoredBudget],
    fleet: Fleet,
    request: ChatRequest,
    variant: Variant,
) -> AppliedBudget:
    """The largest of the budgets with which the request is predicted to end in time."""
    costs, size = costs_of(fleet, request.model, variant), size_of(request, len(request.image_parts()))
    load_s = load_time_s(fleet, applied.model_for(request.model), variant)
    smallest = predicted(costs, size, budgets[0]).whole_s if budgets else None
    if smallest is None:
        return _no_effect("how long such an answer takes was not measured", fleet, request)
    budget = fitting(costs, size, budgets, most_s - load_s)
    if budget is None:
        loading = f", {load_s:.2g} s of them to load it" if load_s else ""
        raise BadRequest(
            f"No image budget of '{request.model}' fits a max_wait of {most_s:g} s: with the smallest it "
            f"takes about {smallest.value + load_s:.2g} s, up to {smallest.high + load_s:.2g} s{loading}.",
            hint="Raise max_wait, lower max_tokens, or leave it out. POST /v1/estimate says how long a "
            "request takes.",
            param="max_wait",
            code="max_wait_too_short",
        )
    if budget is budgets[-1]:
        return replace(applied, says=f"{applied.says}; fits max_wait")
    return AppliedBudget(budget.longest_px, f"{budget.name} (the largest that fits max_wait: {most_s:g} s)")


def _no_effect(why: str, fleet: Fleet, request: ChatRequest) -> AppliedBudget:
    how = HOW_TO_MEASURE.format(model=fleet.card(request.model).name)
    return AppliedBudget(says=f"full (max_wait has no effect: {why}; run: {how})")


def size_of(request: ChatRequest, images: int) -> RequestSize:
    texts = (text for message in request.messages for text in texts_of(message))
    return RequestSize(images, sum(map(len, texts)), request.output_limit)


def costs_of(fleet: Fleet, model: str, variant: Variant) -> MeasuredCosts:
    """What was measured of the variant with the engine that answers."""
    version = version_of(fleet, model, variant)
    name, budgets = base_name(fleet.card(model).name), measured_budgets(fleet, model, variant)
    return MeasuredCosts(budgets, fleet.image_budgets.costs.of(LATENCY_COSTS, name, variant.name, version))


def load_time_s(fleet: Fleet, model: str, variant: Variant) -> float:
    """How long the model's last load took here; 0 when it is up, and where that is not known."""
    if fleet.state_of(model) == "ready" or variant.server is not None:
        return 0.0
    profile = profile_of(fleet, model, variant)
    return profile.load_s if profile is not None else 0.0


def profile_of(fleet: Fleet, model: str, variant: Variant) -> Profile | None:
    """What earlier processes of the variant taught."""
    version = version_of(fleet, model, variant)
    return Profiles(paths.home() / PROFILES).get(fleet.card(model).name, variant.name, version)


def version_of(fleet: Fleet, model: str, variant: Variant) -> str:
    """That of the engine that answers now, or would be started."""
    server = fleet.server_of(model)
    if server is not None and server.engine_version:
        return server.engine_version
    engine = engines().get(variant.engine)
    return engine.installed_version() if engine is not None else ""


def measured_budgets(fleet: Fleet, model: str, variant: Variant) -> StoredBudgets | str:
    """What was measured of the variant with the engine that answers; a str: why nothing holds."""
    version = version_of(fleet, model, variant)
    found = fleet.image_budgets.of(base_name(fleet.card(model).name), variant.name, version)
    if not isinstance(found, str) and found.lever != variant.image_lever:
        return "its image budgets were measured with another lever"
    return found


def started_tokens(fleet: Fleet, model: str, variant: Variant) -> int:
    """The most tokens for one image that the engine has, or will have once it is started; 0: its default."""
    server = fleet.server_of(model)
    if server is not None and server.watched is not None:
        return server.watched.settings.image_tokens
    return fleet.image_budgets.started_with(
        fleet.card(model), variant, engines()[variant.engine]
    ).image_tokens


def _wants_another_start(
    fleet: Fleet, request: ChatRequest, variant: Variant, refs: Sequence[ImageRef]
) -> bool:
    """Whether an image is to be whole, and the engine is started with a measured budget."""
    if not any(ref.detail == "high" for ref in refs):
        return False
    card = fleet.card(request.model)
    return fleet.image_budgets.is_measured(card, variant, engines()[variant.engine])


def _of_the_engine(
    tokens: int, settings: Settings, card: ModelCard, measured: StoredBudgets
) -> AppliedBudget:
    own = settings.engine_of(base_name(card.name)).image_tokens
    name = f"{tokens} tokens" if tokens else "all tokens"
    if own:
        return AppliedBudget(says=f"{name} (the setting engine.image_tokens)")
    if not tokens:
        why = measured.evidence
        if settings.images.budget != "measured":
            why = "the setting images.budget"
        elif measured.chosen is not None:
            why = "the engine was started without its budget"
        return AppliedBudget(says=f"full ({why})")
    budget = measured.named(name) or StoredBudget(name=name)
    return AppliedBudget(says=_with_evidence(budget, measured))


def _with_evidence(budget: StoredBudget, measured: StoredBudgets) -> str:
    """`256 px (measured 2026-11-30: accuracy +0.3 points against 1024 px (-0.9 to +1.5), 400 questions)`."""
    if budget.name != measured.cheapest:  # measured again since the engine was started
        return f"{budget.name} (the engine was started with it)"
    return f"{budget.name} (measured {measured.measured_at[:10]}: {measured.evidence})"


def _said(refs: Sequence[ImageRef], auto: str, high: str) -> str:
    """What holds for each kind of detail that the request has."""
    says = {"auto": auto, "high": f"{high} (detail: high)", "low": f"{LOW_DETAIL_EDGE} px (detail: low)"}
    details = {ref.detail for ref in refs}
    return "; ".join(words for detail, words in says.items() if detail in details)
