"""Which two models a `cascade:` name stands for; pure, called by the gateway.

    cascade:small,better   these two
    cascade:               the fastest by what was measured (`auto:fast`), then the best (`auto:best`)

Both need a calibration: without one, nothing tells when the first one's answer is good enough.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from viewfinder.catalog.auto_names import CASCADE_PREFIX, AutoUse
from viewfinder.fleet.routing import (
    ILL_STATES,
    MeasuredOrder,
    MeasuredOrders,
    ModelNow,
    RequestNeeds,
    RoutedModel,
    RouteMemory,
    route,
)


@dataclass(frozen=True, slots=True)
class CascadePair:
    """The models by their order. `reason` is what was measured of them; empty where the name has them."""

    first: str
    second: str
    reason: str = ""

    @property
    def name(self) -> str:
        """The name of the cascade with both models in it."""
        return f"{CASCADE_PREFIX}{self.first},{self.second}"


@dataclass(frozen=True, slots=True)
class NoPair:
    """Why no two models make a cascade, and the way out."""

    why: str
    hint: str


def measured_pair(
    orders: MeasuredOrders,
    models: Sequence[ModelNow],
    needs: RequestNeeds | None,
    calibrated: Collection[tuple[str, str]],
) -> CascadePair | NoPair:
    """The two models for a request by what was measured; `calibrated` are models with their variants.

    A model that is in quarantine keeps its place: what is asked while it is, is the caller's.
    """
    well = [replace(one, state="stopped") if one.state in ILL_STATES else one for one in models]
    fit = [one for one in well if (one.model, one.variant) in calibrated]
    best, fast = (_chosen(use, orders, fit, needs) for use in ("best", "fast"))
    if best is None or fast is None or len(fit) < 2:
        known = ", ".join(one.model for one in fit) or "none"
        return NoPair(
            f"It takes two models that were calibrated here and can answer this, and there is {known}.",
            "Run: viewfinder bench MODEL OTHER --suite standard",
        )
    order = orders["best"]
    if fast.model == best.model or _group_of(fast, order) == _group_of(best, order):
        also = "is" if fast.model == best.model else "cannot be told apart from"
        return NoPair(
            f"Of the calibrated models here, the fastest ({fast.model}) {also} the best"
            f"{'' if fast.model == best.model else f' ({best.model})'}: nothing is saved by a cascade.",
            f"Ask {fast.model}, or name two models: {CASCADE_PREFIX}SMALL,BETTER",
        )
    return CascadePair(fast.model, best.model, f"{fast.model}: {fast.reason}; {best.model}: {best.reason}")


def _chosen(
    use: AutoUse, orders: MeasuredOrders, models: Sequence[ModelNow], needs: RequestNeeds | None
) -> RoutedModel | None:
    """The measured one for a use."""
    chosen = route(use, orders.get(use, MeasuredOrder()), models, needs, RouteMemory(), 0.0).chosen
    return chosen if chosen is not None and chosen.reason else None


def _group_of(model: RoutedModel, order: MeasuredOrder) -> int | None:
    groups = enumerate(order.groups)
    return next((at for at, group in groups if any(one.model == model.model for one in group)), None)
