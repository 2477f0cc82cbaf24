"""The fleet under whatever happens in whatever order: what must hold, holds after every step.

The real relay, fleet and server processes on a clock of their own, above engines that fail as told (`world`).
Hypothesis chooses the steps and shrinks what fails. The same 50 each time; VIEWFINDER_MACHINE_EXAMPLES=N
asks for N others.
"""

import asyncio
import os
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from viewfinder.core.config import EngineChanges, FleetSettings, Settings
from viewfinder.core.errors import ViewfinderError
from viewfinder.core.paths import Folders
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.process.states import REST
from viewfinder.fleet.record.events import Event

from .playing import relay
from .virtual_time import VirtualLoop
from .world import FATES, GB, HOLDS, FakeChild, Fate, World

PROPER = {
    "answer", "left", "engine_died", "engine_stalled", "engine_quarantined", "engine_refused", "engine_error",
    "model_failed", "memory_short", "queue_full", "overloaded", "unloading", "stopping",
}  # fmt: skip
"""How a request may end."""
QUIET_S = 1500.0
"""So long after the last trouble everything must be over: a stuck engine may be looked at by two canaries."""

models = st.sampled_from(sorted(HOLDS))
moments = st.sampled_from((0.0, 0.0, 0.02, 0.3, 2.0, 5.0))
"""Seconds between a step and the next."""
which = st.integers(0, 1000)


@dataclass(eq=False)
class Asked:
    """A request, and what its client has got."""

    number: int
    model: str
    words: int
    stream: bool
    reads: asyncio.Event = field(default_factory=asyncio.Event)
    said: str = ""
    answer_id: str = ""
    ends: list[str] = field(default_factory=list)
    task: asyncio.Task[None] | None = None


class FleetMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory(dir="/tmp")))
        self.world = World(folder, HOLDS)
        self.stack.enter_context(self.world.below_the_fleet())
        self.loop = VirtualLoop()
        self.loop.set_exception_handler(lambda _, what: self.world.problems.append(told(what)))
        self.asked: list[Asked] = []
        self.orders: list[asyncio.Task[None]] = []
        self.to_be_killed: set[int] = set()
        self.since_good: dict[int, list[str]] = {}
        """By engine: the answers it gave since its canary was last right."""
        self.starts: Counter[str] = Counter()
        self.slots = dict.fromkeys(HOLDS, 2)
        self.budget_gb = 2.0
        self.has_grown = self.is_closed = False
        self.fleet: Fleet

    # what is done

    @initialize(budget_gb=st.sampled_from((2.0, 2.0, 3.0)), idle_unload_s=st.sampled_from((0.0, 30.0)))
    def begin(self, budget_gb: float, idle_unload_s: float) -> None:
        self.budget_gb, self.idle_unload_s = budget_gb, idle_unload_s

        async def make() -> Fleet:
            folder = self.world.folder
            entries = Folders(folder / "run", folder / "logs", folder)
            return Fleet(self.world.catalog, self.settings(), entries)

        self.fleet = self.loop.run(make())
        self.fleet.events.listen(self.heard)

    @precondition(lambda self: not self.is_closed)
    @rule(
        model=models, times=st.integers(1, 5), words=st.integers(1, 30), stream=st.booleans(), then_s=moments
    )
    def ask(self, model: str, times: int, words: int, stream: bool, then_s: float) -> None:
        for _ in range(times):
            one = Asked(len(self.asked), model, words, stream)
            one.reads.set()
            self.asked.append(one)
            one.task = self.loop.create_task(self.use(one))
        self.wait(then_s)

    @precondition(lambda self: self.going())
    @rule(number=which, then_s=moments)
    def a_client_leaves(self, number: int, then_s: float) -> None:
        going = self.going()
        task = going[number % len(going)].task
        assert task is not None
        task.cancel()
        self.wait(then_s)

    @precondition(lambda self: self.going())
    @rule(number=which, reads=st.booleans(), then_s=moments)
    def a_client_stops_to_read_or_goes_on(self, number: int, reads: bool, then_s: float) -> None:
        going = self.going()
        gate = going[number % len(going)].reads
        gate.set() if reads else gate.clear()
        self.wait(then_s)

    @rule(seconds=st.sampled_from((0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 70.0, 140.0)))
    def time_passes(self, seconds: float) -> None:
        self.wait(seconds)

    @precondition(lambda self: not self.is_closed)
    @rule(model=models)
    def a_request_on_a_good_day(self, model: str) -> None:
        self.ask(model, 1, 3, True, 5.0)

    @rule(model=models, fate=st.sampled_from(FATES))
    def its_next_engine(self, model: str, fate: Fate) -> None:
        self.world.next_fate[model] = fate

    @rule(model=models, fate=st.sampled_from(("good", *FATES)))
    def all_its_engines_to_come(self, model: str, fate: Fate) -> None:
        self.world.fates[model] = fate

    @precondition(lambda self: not self.is_closed and self.world.alive())
    @rule(number=which, what=st.sampled_from(("is_wedged", "is_corrupt", "is_corrupt", "is_sick")))
    def an_engine_changes_under_load(self, number: int, what: str) -> None:
        engine = self.engine(number)
        setattr(engine, what, True)
        engine.tell()
        self.ask(engine.spec.runs, 6, 20, True, 7.0)

    @precondition(lambda self: self.world.alive())
    @rule(number=which, signal=st.sampled_from((9, 9, 9, 11, 11, 4)), then_s=moments)
    def an_engine_dies(self, number: int, signal: int, then_s: float) -> None:
        self.engine(number).die(signal=signal)
        self.wait(then_s)

    @precondition(lambda self: self.world.alive())
    @rule(
        number=which,
        what=st.sampled_from(("is_wedged", "is_corrupt", "is_sick", "is_slow", "is_large", "is_well")),
        then_s=moments,
    )
    def an_engine_changes(self, number: int, what: str, then_s: float) -> None:
        engine = self.engine(number)
        match what:
            case "is_slow":
                engine.word_s = 1.5
            case "is_large":
                engine.memory_bytes += GB // 5
                self.has_grown = True
            case "is_well":
                engine.is_wedged = engine.is_corrupt = engine.is_sick = False
            case _:
                setattr(engine, what, True)
        engine.tell()
        self.wait(then_s)

    @precondition(lambda self: not self.is_closed)
    @rule(model=models, order=st.sampled_from(("load", "unload")), then_s=moments)
    def a_person_orders(self, model: str, order: str, then_s: float) -> None:
        self.order(self.fleet.load(model) if order == "load" else self.fleet.unload(model))
        self.wait(then_s)

    @precondition(lambda self: not self.is_closed)
    @rule(model=models, pinned=st.booleans())
    def a_person_pins(self, model: str, pinned: bool) -> None:
        async def pin() -> None:
            self.fleet.pin(model, pinned)

        self.loop.run(pin())

    @rule(model=models, number=st.integers(0, 1))
    def another_variant_is_better(self, model: str, number: int) -> None:
        self.world.choice[model] = number

    @precondition(lambda self: not self.is_closed)
    @rule(model=models, slots=st.integers(1, 3), then_s=moments)
    def the_settings_change(self, model: str, slots: int, then_s: float) -> None:
        self.slots[model] = slots
        self.order(self.fleet.reload(self.world.catalog, self.settings(), {model}))
        self.wait(then_s)

    @precondition(lambda self: not self.is_closed and len(self.asked) > 15)
    @rule(then_s=moments)
    def it_is_stopped(self, then_s: float) -> None:
        self.is_closed = True
        self.order(self.fleet.close())
        self.wait(then_s)

    # what must hold

    @invariant()
    def all_is_well(self) -> None:
        self.nothing_went_wrong_unseen()
        self.one_engine_a_model()
        self.leases_are_counted()
        self.a_request_ends_once_and_properly()
        self.events_are_what_happened()

    def nothing_went_wrong_unseen(self) -> None:
        assert not self.world.problems, "\n".join(self.world.problems)
        for task in (*self.orders, *(one.task for one in self.asked)):
            if task is not None and task.done() and not task.cancelled():
                task.result()

    def one_engine_a_model(self) -> None:
        running = Counter(child.spec.runs for child in self.world.alive())
        assert all(count == 1 for count in running.values())

    def leases_are_counted(self) -> None:
        servers = self.fleet.view().servers
        assert all(server.leases >= 0 and server.waiting >= 0 for server in servers)
        assert sum(server.leases + server.waiting for server in servers) <= len(self.going()) + len(
            self.orders
        )
        for child in self.world.children:
            assert child.most_busy <= 3

    def a_request_ends_once_and_properly(self) -> None:
        for one in self.asked:
            assert one.task is not None
            assert len(one.ends) == one.task.done()
            assert set(one.ends) <= PROPER
            if one.ends == ["answer"]:
                (pid,) = {word.split(":")[0] for word in one.said.split()}
                assert one.said == "".join(f"{pid}:{one.number}:{n} " for n in range(one.words))
                assert self.world.signed(int(pid)).spec.runs == one.model

    def events_are_what_happened(self) -> None:
        counts, states = self.fleet.events.counts, {s.model: s.state for s in self.fleet.view().servers}
        assert sum(n for (kind, _), n in counts.items() if kind == "load") == sum(self.starts.values())
        for model in HOLDS:
            begun, became = counts["load", model], counts["ready", model]
            assert became <= begun
            assert counts["restart", model] + counts["failed", model] >= counts["death", model]
            assert begun or states.get(model, "stopped") in ("stopped", "starting")
            assert counts["quarantine", model] >= counts["suspect", model]

    def teardown(self) -> None:
        try:
            if hasattr(self, "fleet"):
                self.it_becomes_quiet()
        finally:
            self.loop.end()
            self.stack.close()

    def it_becomes_quiet(self) -> None:
        """When trouble is over, everybody has their answer or their error, and nothing is left in the end."""
        self.world.fates.clear()
        self.world.next_fate.clear()
        for one in self.asked:
            one.reads.set()
        self.until(lambda: not self.going() and all(order.done() for order in self.orders))
        view = self.fleet.view()
        assert (view.waiting, sum(server.leases for server in view.servers)) == (0, 0)
        if not self.is_closed:
            self.until(lambda: {server.state for server in self.fleet.view().servers} <= {"ready", *REST})
            view = self.fleet.view()
            if not self.has_grown:
                assert view.planned_bytes <= view.budget_bytes
            self.loop.run(self.fleet.close())
        self.wait(1.0)
        self.nothing_went_wrong_unseen()
        self.a_request_ends_once_and_properly()
        self.events_are_what_happened()
        assert self.world.alive() == []
        assert {server.state for server in self.fleet.view().servers} <= set(REST)
        assert asyncio.all_tasks(self.loop) == set()

    # how

    def settings(self) -> Settings:
        return Settings(
            engine_for={
                model: EngineChanges(slots=slots, start_timeout_s=5) for model, slots in self.slots.items()
            },
            fleet=FleetSettings(
                memory_budget_gb=self.budget_gb,
                idle_unload_s=self.idle_unload_s,
                queue_per_model=6,
                queue=9,
                drain_s=3,
                deaths=3,
                canary_requests=5,
            ),
        )

    def wait(self, seconds: float) -> None:
        self.loop.run(asyncio.sleep(seconds))

    def until(self, is_over: Callable[[], bool]) -> None:
        end_s = self.loop.now_s + QUIET_S
        while not is_over():
            assert self.loop.now_s < end_s, f"{self.going()} {self.fleet.view()}"
            self.wait(5.0)

    def going(self) -> list[Asked]:
        return [one for one in self.asked if not one.ends]

    def engine(self, number: int) -> FakeChild:
        alive = self.world.alive()
        return alive[number % len(alive)]

    def order(self, work: Coroutine[Any, Any, None]) -> None:
        async def obey() -> None:
            try:
                await work
            except ViewfinderError as error:
                if error.reason not in PROPER:
                    raise

        self.orders.append(self.loop.create_task(obey()))

    async def use(self, one: Asked) -> None:
        """A client: asks once, and reads as long as it likes to."""
        request = relay(self.fleet, one.model, one.number, one.words, stream=one.stream)
        try:
            if one.stream:
                async with aclosing(request.chunks()) as chunks:
                    async for chunk in chunks:
                        self.got(one, chunk["choices"][0]["delta"].get("content"))
                        await one.reads.wait()
            else:
                self.got(one, (await request.reply())["choices"][0]["message"]["content"])
        except ViewfinderError as error:
            one.ends.append(error.reason)
        except asyncio.CancelledError:
            one.ends.append("left")
            raise
        else:
            one.ends.append("answer")
            one.answer_id = request.envelope[1]
            self.since_good.setdefault(int(one.said.split(":")[0]), []).append(one.answer_id)

    def got(self, one: Asked, text: str | None) -> None:
        """Nothing of an engine whose canary went wrong may come through."""
        if text:
            assert int(text.split(":")[0]) not in self.to_be_killed
            one.said += text

    def heard(self, event: Event) -> None:
        last = next(
            (child for child in reversed(self.world.children) if child.spec.runs == event.model), None
        )
        match event.kind:
            case "load":
                self.starts[event.model] += 1
                view = self.fleet.view()
                if not self.has_grown and view.planned_bytes > view.budget_bytes:
                    self.world.problems.append(f"more is loaded than fits: {view}")
            case "canary" if event.details["good"] and last is not None:
                self.since_good[last.pid] = []
            case "stall" if last is not None and not last.is_wedged:
                self.world.problems.append(f"a healthy engine was killed: {event.details}")
            case "quarantine" if last is not None:
                self.to_be_killed.add(last.pid)
            case "suspect" if last is not None:
                given = map(self.fleet.answers.get, self.since_good.get(last.pid, ()))
                doubted = {answer and answer.status for answer in given}
                if doubted - {"suspect"}:
                    self.world.problems.append(f"answers of a wrong engine are {doubted}")


def told(what: dict[str, Any]) -> str:
    error = what.get("exception")
    return f"{what['message']}: {''.join(traceback.format_exception(error)) if error else ''}"


ASKED_FOR = os.environ.get("VIEWFINDER_MACHINE_EXAMPLES", "")
EXAMPLES = int(ASKED_FOR or 50)
TestFleet = pytest.mark.timeout(max(120, EXAMPLES))(FleetMachine.TestCase)
TestFleet.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=40,
    deadline=None,
    derandomize=not ASKED_FOR,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
