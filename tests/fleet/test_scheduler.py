"""Who gets what, who waits and who goes: tables of cases, and what holds for any fleet and any queue."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewfinder.fleet.health.eviction import ModelSnapshot
from viewfinder.fleet.process.states import State
from viewfinder.fleet.scheduler import Action, QueueItem, decide

A, B = QueueItem("a"), QueueItem("b")
UP = QueueItem("a", wants_lease=False)
LOAD_A, EVICT_B = Action("load", "a"), Action("evict", "b")


def model(name: str, state: State = "stopped", leases: int = 0, **more: object) -> ModelSnapshot:
    given = {"slots": 2, "holds_bytes": 6, **more}
    return ModelSnapshot(name, state, leases, **given)  # type: ignore[arg-type]


def grant(name: str, number: int) -> Action:
    return Action("grant", name, number)


def refuse(name: str, number: int) -> Action:
    return Action("refuse", name, number)


CASES: dict[str, tuple[list[ModelSnapshot], list[QueueItem], list[Action]]] = {
    "nobody waits, nothing is done": ([model("a")], [], []),
    "one load for all who wait": ([model("a")], [A, A, UP], [LOAD_A]),
    "who waits for a start waits": ([model("a", "starting")], [A, UP], []),
    "as many leases as slots": ([model("a", "ready", 1)], [A, A], [grant("a", 0)]),
    "one ahead, where the engine queues": (
        [model("a", "ready", 1, slots=1, ahead=1)], [A, A], [grant("a", 0)],
    ),
    "no bound where there are no slots": (
        [model("a", "ready", 9, slots=None)], [A, A], [grant("a", 0), grant("a", 1)],
    ),
    "during a canary check nothing is leased, but it is up": (
        [model("a", "ready", is_held=True)], [A, UP], [grant("a", 1)],
    ),
    "a failed one is refused, and a person starts it again": (
        [model("a", "failed")], [A, UP, A], [refuse("a", 0), LOAD_A, refuse("a", 2)],
    ),
    "an idle one makes room": ([model("a"), model("b", "ready")], [A], [EVICT_B]),
    "one in use is drained: nobody comes in, it is not ended yet": (
        [model("a"), model("b", "ready", 1)], [A, B], [],
    ),
    "who came before the newcomer is still served": (
        [model("a"), model("b", "ready", 1)], [B, A, B], [grant("b", 0)],
    ),
    "a pinned one stays, so the newcomer is refused": (
        [model("a"), model("b", "ready", is_pinned=True)], [A, B], [refuse("a", 0), grant("b", 1)],
    ),
    "larger than the budget alone": ([model("a", holds_bytes=11)], [A], [refuse("a", 0)]),
    "what is starting is not interrupted": ([model("a"), model("b", "starting")], [A], []),
    "what is being ended is waited for": ([model("a"), model("b", "stopping")], [A], []),
    "in backoff and in quarantine it holds its memory": (
        [model("a"), model("b", "backoff"), model("c", "quarantined", holds_bytes=1)], [A], [],
    ),
    "both fit": (
        [model("a", holds_bytes=5), model("b", holds_bytes=5)], [A, B], [LOAD_A, Action("load", "b")],
    ),
    "of two that do not fit together the first comes first": (
        [model("a"), model("b")], [B, A], [Action("load", "b")],
    ),
    "the longest idle for what its reload costs goes": (
        [
            model("a"),
            model("b", "ready", holds_bytes=4, idle_s=60, reload_s=30),
            model("c", "ready", holds_bytes=4, idle_s=10, reload_s=1),
        ],
        [A],
        [Action("evict", "c")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("models", "queue", "actions"), CASES.values(), ids=CASES)
def test_decisions(models: list[ModelSnapshot], queue: list[QueueItem], actions: list[Action]) -> None:
    assert decide({one.name: one for one in models}, queue, 10) == actions


names = st.sampled_from("abcd")
states = st.sampled_from(("stopped", "starting", "ready", "ready", "stopping", "backoff", "failed"))


@st.composite
def fleets(draw: st.DrawFn) -> dict[str, ModelSnapshot]:
    """Within the budget of 10, as every fleet is that was scheduled so far."""
    models: dict[str, ModelSnapshot] = {}
    for name in "abcd":
        state = draw(states)
        slots = draw(st.none() | st.integers(1, 3))
        one = model(
            name,
            state,
            draw(st.integers(0, slots or 3)) if state == "ready" else 0,
            slots=slots,
            holds_bytes=draw(st.integers(0, 12)),
            is_held=draw(st.booleans()),
            is_pinned=draw(st.booleans()),
            idle_s=draw(st.sampled_from((0.0, 1.0, 50.0))),
            reload_s=draw(st.sampled_from((0.0, 1.0, 9.0))),
            ahead=draw(st.integers(0, 1)),
        )
        if one.is_up and planned(models) + one.holds_bytes > 10:
            one = replace(one, state="stopped", leases=0)
        models[name] = one
    return models


queues = st.lists(st.builds(QueueItem, names, st.booleans()), max_size=12)


def planned(models: dict[str, ModelSnapshot]) -> int:
    return sum(one.holds_bytes for one in models.values() if one.is_up)


@given(fleets(), queues)
def test_any_decision_is_within_its_rights(models: dict[str, ModelSnapshot], queue: list[QueueItem]) -> None:
    actions = decide(models, queue, 10)
    done = [action.item for action in actions if action.item >= 0]
    assert len(done) == len(set(done))
    loads = [action.model for action in actions if action.verb == "load"]
    assert len(loads) == len(set(loads))
    assert planned(models) + sum(models[name].holds_bytes for name in loads) <= 10
    for action in actions:
        one = models[action.model]
        match action.verb:
            case "evict":
                assert (one.state, one.leases, one.is_pinned) == ("ready", 0, False)
                assert not [other for other in actions if other.verb == "grant" and other.model == one.name
                            and queue[other.item].wants_lease]  # fmt: skip
            case "load":
                assert not one.is_up
                assert one.state == "stopped" or QueueItem(one.name, wants_lease=False) in queue
            case "grant":
                assert one.state == "ready"
                assert not (one.is_held and queue[action.item].wants_lease)
            case "refuse":
                assert one.state == "failed" or one.holds_bytes > 10 - sum(
                    other.holds_bytes for other in models.values() if other.is_pinned and other.is_up
                )
    for name, one in models.items():
        granted = sum(s.verb == "grant" and s.model == name and queue[s.item].wants_lease for s in actions)
        assert one.slots is None or not granted or one.leases + granted <= one.slots + one.ahead


@given(fleets(), queues)
def test_nobody_waits_for_ever(models: dict[str, ModelSnapshot], queue: list[QueueItem]) -> None:
    """Do what is decided, let every start and end come about and every answer end: everybody is served."""
    left = list(queue)
    models = {name: replace(one, is_held=False) for name, one in models.items()}
    for _ in range(4 * len(queue) + 8):
        actions = decide(models, left, 10)
        for action in actions:
            one = models[action.model]
            match action.verb:
                case "load":
                    models[action.model] = replace(one, state="starting")
                case "evict":
                    models[action.model] = replace(one, state="stopping")
                case "grant" if left[action.item].wants_lease:
                    models[action.model] = replace(one, leases=one.leases + 1, idle_s=0.0)
        assert planned(models) <= 10
        served = {action.item for action in actions}
        left = [item for number, item in enumerate(left) if number not in served]
        if not left:
            return
        if not actions:  # something comes about
            after: dict[State, State] = {"starting": "ready", "backoff": "starting", "stopping": "stopped"}
            models = {
                name: replace(one, state=after.get(one.state, one.state), leases=0)
                for name, one in models.items()
            }
    raise AssertionError(f"still waiting: {left} for {models}")
