"""The two models of a `cascade:` name: those that it names, or what was measured; called by `auto`."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from viewfinder.catalog.auto_names import CASCADE_PREFIX
from viewfinder.core import paths
from viewfinder.core.errors import BadRequest, NoModelFits, UnsupportedParameter
from viewfinder.fleet.cascade import CascadePair, NoPair, measured_pair
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.record.calibrations import calibrations_of
from viewfinder.fleet.routing import MeasuredOrders, ModelNow, RequestNeeds
from viewfinder.wire.refusals import quoted

SEPARATOR = ","


async def pair_of(
    name: str,
    fleet: Fleet,
    orders: MeasuredOrders,
    models: Sequence[ModelNow],
    needs: RequestNeeds | None,
) -> CascadePair:
    """Raises BadRequest for a name that has not two models, UnknownModel, and NoModelFits where no two were
    measured."""
    if named := name.removeprefix(CASCADE_PREFIX):
        return named_pair(named, fleet)
    calibrated = await asyncio.to_thread(calibrated_among, paths.home(), models)
    found = measured_pair(orders, models, needs, calibrated)
    if isinstance(found, NoPair):
        raise NoModelFits(found.why, hint=found.hint, param="model")
    return found


def named_pair(named: str, fleet: Fleet) -> CascadePair:
    """The models of `small,better`. Raises BadRequest, UnknownModel."""
    parts = [part.strip() for part in named.split(SEPARATOR)]
    if len(parts) != 2:
        raise BadRequest(
            f"A cascade has two models, and {quoted(CASCADE_PREFIX + named)} has {len(parts)}.",
            hint=f"Write {CASCADE_PREFIX}SMALL,BETTER, or {CASCADE_PREFIX} for what was measured.",
            param="model",
        )
    first, second = (fleet.card(part).name for part in parts)
    if first == second:
        raise BadRequest(
            f"Both models of the cascade are '{first}'.", hint=f"Ask {first} itself.", param="model"
        )
    return CascadePair(first, second)


def calibrated_among(state: Path, models: Sequence[ModelNow]) -> set[tuple[str, str]]:
    """The models that were calibrated here, with the variant that would answer now."""
    return {
        (one.model, one.variant)
        for one in models
        if one.variant and calibrations_of(state, one.model, one.variant, None).right
    }


def only_decisions(name: str) -> UnsupportedParameter:
    """The refusal of a cascade for anything else than decisions."""
    return UnsupportedParameter(
        f"{quoted(name)} answers only POST /v1/decisions: nothing tells how sure a model is of a free text.",
        hint="Ask auto:fast, auto:best or one model, or decide: a yes or no, a choice, a score.",
        param="model",
        code="only_decisions",
    )
