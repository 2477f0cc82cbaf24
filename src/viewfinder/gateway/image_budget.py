"""The image budget of one request with images, and the header that says which was applied and why; called by
`chat`. Requests without images never come here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.core.config import Settings
from viewfinder.engines.registry import engines
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.record.image_budgets import StoredBudget, StoredBudgets
from viewfinder.media.intake import LOW_DETAIL_EDGE
from viewfinder.wire.media_refs import ImageRef

BUDGET_HEADER = "x-viewfinder-image-budget"
"""Which image budget was applied, and why; absent where none was measured."""
AT_START = 'it is an option of the engine\'s start, so `detail: high` needs images.budget = "full"'


@dataclass(frozen=True, slots=True)
class AppliedBudget:
    """`longest_px` is the longest edge of the pictures that are sent, None: as large as the model can use;
    images of `detail: high` are never smaller for it. `says` is for the header; empty: nothing was
    measured."""

    longest_px: int | None = None
    says: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {BUDGET_HEADER: self.says.encode("ascii", "replace").decode()} if self.says else {}

    def edge_for(self, detail: str) -> int | None:
        """The longest edge of an image; None: no limit. `low` is the caller's own, and applied elsewhere."""
        return self.longest_px if detail == "auto" else None


NO_BUDGET = AppliedBudget()


def budget_for(
    fleet: Fleet, settings: Settings, model: str, variant: Variant, refs: Sequence[ImageRef]
) -> AppliedBudget:
    """The budget of a request to `model` with these images."""
    card = fleet.card(model)
    measured = measured_budgets(fleet, model, variant)
    if isinstance(measured, str):
        return NO_BUDGET
    if variant.image_lever == "image_tokens":
        return _of_the_engine(started_tokens(fleet, model, variant), settings, card, measured, refs)
    if settings.images.budget != "measured":
        return AppliedBudget(says="full (the setting images.budget)")
    chosen = measured.chosen
    if chosen is None or chosen.longest_px is None:
        return AppliedBudget(says=f"full ({measured.evidence})")
    return AppliedBudget(chosen.longest_px, _said(refs, _with_evidence(chosen, measured), "full"))


def measured_budgets(fleet: Fleet, model: str, variant: Variant) -> StoredBudgets | str:
    """What was measured of the variant with the engine that answers; a str: why nothing holds."""
    server = fleet.server_of(model)
    version = server.engine_version if server is not None else ""
    if not version and (engine := engines().get(variant.engine)) is not None:
        version = engine.installed_version()
    found = fleet.image_budgets.of(fleet.card(model).name, variant.name, version)
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


def _of_the_engine(
    tokens: int, settings: Settings, card: ModelCard, measured: StoredBudgets, refs: Sequence[ImageRef]
) -> AppliedBudget:
    own = settings.engine_of(card.name).image_tokens
    name = f"{tokens} tokens" if tokens else "all tokens"
    if own:
        return AppliedBudget(says=f"{name} (the setting engine.image_tokens)")
    if not tokens:
        why = "the setting images.budget" if settings.images.budget != "measured" else measured.evidence
        return AppliedBudget(says=f"full ({why})")
    budget = measured.named(name) or StoredBudget(name=name)
    return AppliedBudget(says=_said(refs, _with_evidence(budget, measured), f"{name}: {AT_START}"))


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
