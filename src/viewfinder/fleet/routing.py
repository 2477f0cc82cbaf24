"""Which model answers a request to an `auto:` name, and why the others do not; pure, called by the gateway.

    best       right answers to images, then time, as the guide's first sentence
    fast       the time of an image request
    text       right answers to questions without an image
    smallest   memory
    own        right answers to the user's own questions

The order of the models is measured (`MeasuredOrder`, made by api): groups of models that cannot be told
apart, the best first. Of what fits a request, the first of these differences decides:

    known      measured here before not measured; what knows photographs before what does not
    healthy    before one that failed just now, or is in quarantine or backoff
    group      a better one first
    tools      where the request has some: a template with a place for them
    loaded     ready before starting before stopped
    last       the one that was chosen last, so that equal models do not swap
    place      its place in the group
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from viewfinder.catalog.auto_names import AutoUse
from viewfinder.fleet.process.states import State

COOL_DOWN_S = 60.0
"""For this long after a failure, a model comes after those that did not fail."""
MOST_EQUALS_NAMED = 3
_UP: Mapping[State, int] = {"ready": 0, "starting": 1}
ILL_STATES: tuple[State, ...] = ("quarantined", "backoff")


@dataclass(frozen=True, slots=True)
class MeasuredPlace:
    """A measured variant. `reason` is its figure in words, with interval and date; `sees` and `reads` say
    whether it passed known questions with and without an image."""

    model: str
    variant: str
    reason: str
    sees: bool = True
    reads: bool = True


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A measured variant that is recommended for no request of a use, and why."""

    model: str
    variant: str
    why: str


@dataclass(frozen=True, slots=True)
class MeasuredOrder:
    """The measured variants for one use: groups that cannot be told apart, the best first."""

    groups: tuple[tuple[MeasuredPlace, ...], ...] = ()
    left_out: tuple[LeftOut, ...] = ()


MeasuredOrders = Mapping[AutoUse, MeasuredOrder]


@dataclass(frozen=True, slots=True)
class ModelNow:
    """A model that is here, with the variant that would answer now. None: not known.

    `trouble` says why it cannot run, `limits` what its card says that it does not know.
    """

    model: str
    variant: str
    engine: str = ""
    state: State = "stopped"
    vision: bool = True
    text: bool = True
    images: int | None = None
    context: int | None = None
    tools: bool | None = None
    size_bytes: int | None = None
    limits: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class RequestNeeds:
    """What a request needs: `tokens` is the least number of those of its text."""

    images: int = 0
    tokens: int = 0
    tools: bool = False


@dataclass(slots=True)
class RouteMemory:
    """What earlier choices leave: the model chosen last for each use, and when a model failed (seconds of the
    caller's clock), with the reason."""

    last: dict[AutoUse, str] = field(default_factory=dict)
    failed: dict[str, tuple[float, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RoutedModel:
    """The model to ask. `reason` is what was measured, `why` also what decided between equals, and which
    better ones cannot answer now."""

    model: str
    variant: str
    reason: str
    why: str


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A model that was not chosen."""

    model: str
    variant: str
    why: str
    reason: str = ""
    """What was measured of it."""


@dataclass(frozen=True, slots=True)
class ModelRoute:
    """The model for a request, None if no model fits, and why it is none of the others, the better ones
    first."""

    chosen: RoutedModel | None
    others: tuple[PassedOver, ...]


@dataclass(frozen=True, slots=True)
class _Option:
    """A model that fits: `known` and `group` are those of the table at the top, `group` None if it was not
    measured."""

    now: ModelNow
    known: int
    group: int | None
    place: int
    reason: str
    ill: str

    @property
    def rank(self) -> tuple[int, bool, int]:
        """Equal for models that cannot be told apart."""
        return self.known, bool(self.ill), self.group or 0


def route(
    use: AutoUse,
    order: MeasuredOrder,
    models: Sequence[ModelNow],
    needs: RequestNeeds | None,
    memory: RouteMemory,
    now_s: float,
    tried: Mapping[str, str] | None = None,
) -> ModelRoute:
    """The model for a request, of those that are here; `needs` None: any request.

    `tried` are models that failed with this request, and why. `now_s` is the time of the clock that `memory`
    was written with.
    """
    places = _places(order)
    options: list[_Option] = []
    passed: list[PassedOver] = []
    for model in models:
        known = places.get((model.model, model.variant))
        reason = known[2].reason if known else ""
        if why := _why_not(use, order, model, known, needs, tried or {}):
            passed.append(PassedOver(model.model, model.variant, why, reason))
        else:
            options.append(_option(use, model, known, memory, now_s))
    passed += _elsewhere(order, models)
    if not options:
        return ModelRoute(None, tuple(passed))
    best, *others = sorted(options, key=lambda one: _key(one, needs, memory.last.get(use)))
    failed = [one for one in passed if one.model in (tried or {})]
    decided = _decided(best, others, use, memory)
    why = _explained(best, others, failed, decided)
    behind = (
        PassedOver(one.now.model, one.now.variant, _behind(one, best, decided), one.reason) for one in others
    )
    return ModelRoute(RoutedModel(best.now.model, best.now.variant, best.reason, why), (*behind, *passed))


_Known = tuple[int, int, MeasuredPlace]
"""Group, place in it, and what was measured."""


def _places(order: MeasuredOrder) -> dict[tuple[str, str], _Known]:
    return {
        (one.model, one.variant): (number, place, one)
        for number, group in enumerate(order.groups)
        for place, one in enumerate(group)
    }


def _why_not(
    use: AutoUse,
    order: MeasuredOrder,
    model: ModelNow,
    known: _Known | None,
    needs: RequestNeeds | None,
    tried: Mapping[str, str],
) -> str:
    """Why a model cannot answer; empty if it can."""
    left = (one.why for one in order.left_out if (one.model, one.variant) == (model.model, model.variant))
    if why := next(left, ""):
        return why
    if model.trouble:
        return model.trouble
    if known is None and use == "own":
        return "it was not asked about your own pictures"
    if needs is not None and (why := _unfit(model, known[2] if known else None, needs)):
        return why
    if model.state == "failed":
        return f"it was given up; viewfinder load {model.model} starts it again"
    return tried.get(model.model, "")


def _unfit(model: ModelNow, measured: MeasuredPlace | None, needs: RequestNeeds) -> str:
    """What a model lacks for the request."""
    if needs.images and not (model.vision and (measured is None or measured.sees)):
        return "it did not pass the image questions here" if model.vision else "it sees no images"
    if not needs.images and not (model.text and (measured is None or measured.reads)):
        return "it did not pass the questions without an image here" if model.text else "it needs an image"
    if model.images is not None and needs.images > model.images:
        return f"it takes {model.images} images, and the request has {needs.images}"
    if model.context is not None and needs.tokens >= model.context:
        return f"the request has at least {needs.tokens:,} tokens, and it takes {model.context:,}"
    return ""


def _option(
    use: AutoUse, model: ModelNow, known: _Known | None, memory: RouteMemory, now_s: float
) -> _Option:
    is_limited = bool(model.limits) and use != "own"
    ill = f"it is in {model.state}" if model.state in ILL_STATES else ""
    failed_s, why = memory.failed.get(model.model, (0.0, ""))
    if not ill and why and now_s - failed_s < COOL_DOWN_S:
        ill = f"it failed {max(0.0, now_s - failed_s):.0f} s ago ({why})"
    group, place, reason = (known[0], known[1], known[2].reason) if known else (None, 0, "")
    return _Option(model, 2 * is_limited + (known is None), group, place, reason, ill)


def _key(option: _Option, needs: RequestNeeds | None, last: str | None) -> tuple[object, ...]:
    """The sort key, lower is better, in the order of the table at the top of this file."""
    now = option.now
    lacks_tools = needs is not None and needs.tools and now.tools is False
    size_bytes = now.size_bytes if now.size_bytes is not None else float("inf")
    unmeasured = (not now.vision, size_bytes) if option.group is None else (False, 0)
    return (
        *option.rank,
        lacks_tools,
        _UP.get(now.state, len(_UP)),
        now.model != last,
        option.place,
        *unmeasured,
        now.model,
    )


def _explained(best: _Option, others: Sequence[_Option], failed: Sequence[PassedOver], decided: str) -> str:
    """Why the best one is chosen, in a few words."""
    if best.group is None:
        bench = f"not measured here; measure it with: viewfinder bench {best.now.model}"
        parts = [_of_unmeasured(best) if others else "the only one that fits", bench]
    else:
        parts = [best.reason]
        if equals := [one.now.model for one in others if one.rank == best.rank]:
            and_it = f", and it {decided}" if decided else ""
            parts.append(f"{_names(equals)} cannot be told apart{and_it}")
    if best.ill:
        parts.append(best.ill)
    over = [(one.model, one.why) for one in failed]
    over += [(one.now.model, one.ill) for one in others if not best.ill and _would_be_better(one, best)]
    parts += [f"{model} was passed over: {why}" for model, why in over[:MOST_EQUALS_NAMED]]
    return "; ".join(parts)


def _of_unmeasured(best: _Option) -> str:
    if best.now.state in _UP:
        return "it is loaded"
    return "the smallest that sees" if best.now.vision else "the smallest"


def _decided(best: _Option, others: Sequence[_Option], use: AutoUse, memory: RouteMemory) -> str:
    """What decided between equals, in words; empty: their places."""
    equals = [one for one in others if one.rank == best.rank]
    if best.now.state in _UP and any(one.now.state not in _UP for one in equals):
        return "is loaded"
    return "was chosen last" if equals and memory.last.get(use) == best.now.model else ""


def _would_be_better(one: _Option, best: _Option) -> bool:
    """Whether only its failure puts one behind the best."""
    if not one.ill or one.group is None or one.known > best.known:
        return False
    return best.group is None or one.group <= best.group or one.known < best.known


def _behind(one: _Option, best: _Option, decided: str) -> str:
    """What puts one behind the best."""
    if one.ill and not best.ill:
        return one.ill
    if one.known != best.known and one.now.limits:
        return f"by its card it {one.now.limits}"
    if one.group is None:
        return "it was not measured here"
    if one.rank == best.rank:
        return f"it cannot be told apart from {best.now.model}{f', which {decided}' if decided else ''}"
    return f"it comes after {best.now.model}"


def _elsewhere(order: MeasuredOrder, models: Sequence[ModelNow]) -> list[PassedOver]:
    """Measured variants that would not answer now, whatever the request."""
    variants = {one.model: one.variant for one in models}
    return [
        PassedOver(
            one.model,
            one.variant,
            f"{variants[one.model]} is the variant that would answer now"
            if one.model in variants
            else "its files are not here",
            one.reason,
        )
        for group in order.groups
        for one in group
        if variants.get(one.model) != one.variant
    ]


def _names(names: Sequence[str]) -> str:
    shown = [*names[:MOST_EQUALS_NAMED]]
    if len(names) > MOST_EQUALS_NAMED:
        shown.append(f"{len(names) - MOST_EQUALS_NAMED} more")
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else shown[0]
