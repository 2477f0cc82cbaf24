"""One model's server process: a task that owns its state, and the methods that send this task requests.

    method       stopped    starting   ready      backoff    quarantined   failed
    want         start      -          -          -          -             start, with no deaths counted
    stop         -          stop       stop       stop       stop          -
    quarantine   -          -          restart    -          -             -
    kill         -          -          restart    -          -             -

Only the owner task changes the state, and only as `states.LEGAL` allows. `restart` decides what follows a
death. After a quarantine, the next process must pass the canary before it is ready.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable

from viewfinder.client.chat import ChatClient
from viewfinder.core.errors import (
    EngineDied,
    EngineError,
    EngineQuarantined,
    EngineStalled,
    ViewfinderError,
)
from viewfinder.fleet.process.life import Launcher, Life, StartPhase
from viewfinder.fleet.process.restart import Death, RestartPolicy, restart_after_s
from viewfinder.fleet.process.slot_table import SlotTable
from viewfinder.fleet.process.states import LEGAL, REST, State
from viewfinder.fleet.record.events import Events
from viewfinder.host.child import Child

_log = logging.getLogger(__name__)

Verify = Callable[[Life], Awaitable[str]]
"""Checks a new process before it is ready; returns what is wrong, or an empty string."""
WritePostMortem = Callable[[Life, float | None], object]
"""Writes a post-mortem and returns its file, or None. The number is how many seconds it was ready."""

REMEMBERED_DEATHS = 100
SENT_AHEAD = 1
"""Of requests: enough that an engine that ends one begins the next at once."""


class ServerProcess:
    """A server process of one variant; used from one event loop, by `fleet` or `bench`.

    `failure` is why it is failed, in backoff or quarantined; `ready_at_s` when it became ready, on the
    monotonic clock.
    """

    is_ours = True

    def __init__(
        self,
        launcher: Launcher,
        policy: RestartPolicy | None = None,
        *,
        events: Events | None = None,
        write_post_mortem: WritePostMortem | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.card, self.variant, self.engine = launcher.card, launcher.variant, launcher.engine
        self.settings, self.files = launcher.settings, launcher.files
        self.state: State = "stopped"
        self.failure: ViewfinderError | None = None
        self.engine_version = ""
        self.ready_at_s: float | None = None
        self.starts = 0
        self.deaths: tuple[Death, ...] = ()
        self.on_change: Callable[[], None] = lambda: None
        """Called after every change of the state."""
        self.verify: Verify | None = None
        self.is_needed: Callable[[], bool] = lambda: True
        """Whether a request uses it or waits for it."""
        self._launcher, self._policy = launcher, policy or RestartPolicy()
        self._events = events or Events()
        self._write_post_mortem = write_post_mortem
        self._rng = rng or random.Random()
        self._on_phase: Callable[[StartPhase], None] = lambda phase: None
        self._life: Life | None = None
        self._owner: asyncio.Task[None] | None = None
        self._changed, self._requested = asyncio.Event(), asyncio.Event()
        self._wanted = False
        self._grace_s: float | None = None
        self._kill_reason: EngineError | None = None
        """Why the ready process is to be killed and restarted."""
        self._must_verify = False
        self._wait_s = 0.0

    @property
    def life(self) -> Life:
        """The current process, or the last one; RuntimeError before the first start."""
        if self._life is None:
            raise RuntimeError(f"{self.card.name} was never started")
        return self._life

    @property
    def child(self) -> Child:
        return self.life.child

    @property
    def client(self) -> ChatClient:
        """The connections to the engine; RuntimeError before the first start."""
        return self.life.client

    @property
    def phases_s(self) -> dict[str, float]:
        """The seconds until each phase of the last start."""
        return self._life.phases_s if self._life else {}

    @property
    def slots(self) -> int | None:
        """The number of parallel requests; None: any."""
        return self._launcher.slots

    @property
    def slot_table(self) -> SlotTable | None:
        """What the slots of its engine hold; None: it chooses itself."""
        return self._life.slots if self._life is not None else None

    @property
    def ahead(self) -> int:
        """How many more requests may wait in the engine's own queue, so that no slot waits for us."""
        return SENT_AHEAD if self._life is not None and self._life.launch.queues_in_order else 0

    @property
    def is_ending(self) -> bool:
        """Whether the process is dead or about to be killed, although the state may still be ready."""
        return self._kill_reason is not None or (self._life is not None and self._life.child.exit is not None)

    @property
    def watched(self) -> "ServerProcess":
        """This process: it is ours, so it can be inspected and killed."""
        return self

    @property
    def pid(self) -> int | None:
        """The engine's pid; None while there is no process."""
        return self._life.child.pid if self._life and self._life.child.exit is None else None

    def pids(self) -> list[int]:
        """The pids of the engine's process tree; empty while there is no process."""
        return self._life.child.pids() if self._life else []

    def want(self) -> None:
        """Begin to start it, unless it runs; `settle` waits for the result."""
        self._wanted = True
        if self._owner is None or self._owner.done():
            self.deaths, self.failure = (), None
            self._owner = asyncio.create_task(self._own(), name=f"own {self.card.name}")
            self._to("starting")
        self._requested.set()

    async def settle(self) -> None:
        """Return when it is ready, failed or stopped."""
        while self._owner is not None and not self._owner.done() and self.state != "ready":
            await self._change(self._owner)

    async def start(self, on_phase: Callable[[StartPhase], None] = lambda phase: None) -> None:
        """Start it and return when it is ready; `on_phase` is called at each phase.

        For a server with one user, because cancelling stops it. Raises EngineMissing, EngineDied,
        EngineStalled.
        """
        self._on_phase = on_phase
        self.want()
        try:
            await self.settle()
        except asyncio.CancelledError:
            await self.stop()
            raise
        if self.state != "ready":
            raise self.failure or EngineDied(f"'{self.card.name}' was stopped while it started.")

    async def stop(self, grace_s: float | None = None) -> None:
        """Stop the engine and everything it started; a second call can shorten the grace time of the
        first."""
        self._wanted, self._grace_s = False, grace_s
        self._requested.set()
        if self.state == "stopping":
            await self.life.end(grace_s)
        while self._owner is not None and not self._owner.done() and not self._wanted:
            await self._change(self._owner)

    def quarantine(self, reason: str) -> None:
        """Kill a process whose canary failed and start a new one, which must pass before it is ready."""
        self.kill(EngineQuarantined(f"The canary of '{self.card.name}' failed: {reason}"))

    def kill(self, error: EngineError) -> None:
        """Kill a process that no longer works, without grace time, and start a new one."""
        if self.state == "ready" and not self.is_ending:
            self._kill_reason = error
            self._requested.set()

    async def _change(self, owner: asyncio.Task[None]) -> None:
        """Wait for the next change of the state, or for the end of the owner task."""
        change = asyncio.create_task(self._changed.wait())
        await asyncio.wait({change, owner}, return_when=asyncio.FIRST_COMPLETED)
        change.cancel()

    async def _own(self) -> None:
        """The owner task: runs from the request for a process until the state is stopped or failed."""
        try:
            while self.state not in REST or self._wanted:
                self._to(await self._step())
        except Exception as error:
            _log.exception("%s: the task that owns it failed", self.card.name)
            self.failure = EngineError(f"Viewfinder failed to run '{self.card.name}': {error}.")
            if self._life is not None:
                await self._life.end(0)
            self.state = "failed"
            self._notify()

    async def _step(self) -> State:
        match self.state:
            case "starting":
                return await self._starting()
            case "ready":
                return await self._ready()
            case "backoff":
                return await self._backoff()
            case "quarantined":
                return await self._quarantined()
            case "stopping":
                return await self._stopping()
            case _:  # stopped or failed, and wanted again
                return "starting"

    def _to(self, state: State) -> None:
        if state not in LEGAL[self.state]:
            raise AssertionError(f"{self.card.name}: {self.state} must not become {state}")
        self.state, self._kill_reason = state, None
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
        self.on_change()

    async def _starting(self) -> State:
        self.starts += 1
        self._events.emit("load", self.card.name, variant=self.variant.name, engine=self.engine.name)
        begun = asyncio.create_task(self._begin())
        if not await self._is_done_first(begun):
            begun.cancel()
            await asyncio.wait([begun])
            return "stopping"
        try:
            begun.result()
        except (EngineDied, EngineStalled, EngineQuarantined) as error:
            exit_ = self._life.child.exit if self._life else None
            return self._died(error, None, exit_.signal if exit_ else None)
        except ViewfinderError as error:
            self.failure = error
            return self._give_up()
        except OSError as error:  # a resource of the system was short, perhaps only now
            return self._died(EngineDied(f"'{self.card.name}' could not be started: {error}."), None, None)
        self._must_verify = False
        return "ready"

    async def _begin(self) -> None:
        def spawned(life: Life) -> None:
            self._life, self.engine_version = life, life.engine_version

        life = await self._launcher.begin(spawned, self._on_phase)
        if self._must_verify and self.verify is not None:
            wrong = await self.verify(life)
            if wrong:
                await life.end(0)
                raise EngineQuarantined(
                    f"'{self.card.name}' failed its canary again after a restart ({wrong})."
                )

    async def _ready(self) -> State:
        life = self.life
        self.failure, self.ready_at_s = None, time.monotonic()
        phases_s = {f"{phase}_s": round(after_s, 4) for phase, after_s in life.phases_s.items()}
        self._events.emit("ready", self.card.name, **phases_s)
        ended = asyncio.create_task(life.child.wait())
        await self._is_done_first(ended)
        up_s = time.monotonic() - self.ready_at_s
        reason = self._kill_reason
        if (exit_ := life.child.exit) is not None:
            await life.end(0)
            error = EngineDied(f"The engine of '{self.card.name}' ended: {exit_.explanation}")
            if exit_.for_memory and not self.is_needed():
                return self._gone_for_memory(error, up_s)
            return self._died(error, up_s, exit_.signal)
        ended.cancel()
        if not self._wanted or reason is None:
            return "stopping"
        self.failure = reason
        if isinstance(reason, EngineQuarantined):
            return "quarantined"
        await life.end(0)
        return self._died(reason, up_s, None)

    async def _quarantined(self) -> State:
        """Kill it first: none of its output may be delivered any more."""
        self._must_verify = True
        await self.life.end(0)
        if not self._wanted:
            return "stopping"
        up_s = time.monotonic() - (self.ready_at_s or 0.0)
        return self._died(self.failure or EngineQuarantined("Its canary failed."), up_s, None)

    async def _backoff(self) -> State:
        wait = asyncio.create_task(asyncio.sleep(self._wait_s))
        is_over = await self._is_done_first(wait)
        wait.cancel()
        return "starting" if is_over else "stopping"

    async def _stopping(self) -> State:
        if self._life is not None:
            await self._life.end(self._grace_s)
        self.failure = None  # it was stopped in good order
        return "stopped"

    def _gone_for_memory(self, error: ViewfinderError, up_s: float) -> State:
        """Stay down: started again while nobody asks for it, an idle model would take the memory again that
        something else here needs."""
        self.failure = error
        self._report_death(error, up_s)
        self._wanted = False
        _log.warning("%s: %s It is loaded again at the next request.", self.card.name, error.message)
        self._events.emit("unload", self.card.name, why="memory")
        return "stopping"

    def _died(self, error: ViewfinderError, up_s: float | None, signal: int | None) -> State:
        """Note a death, and return the state that follows."""
        self.failure = error
        self.deaths = (*self.deaths, Death(time.monotonic(), up_s, signal))[-REMEMBERED_DEATHS:]
        self._report_death(error, up_s)
        wait_s = restart_after_s(self.deaths, self._policy, self._rng)
        if wait_s is None:
            return self._give_up()
        _log.warning("%s: %s Starting it again in %.1f s.", self.card.name, error.message, wait_s)
        self._events.emit("restart", self.card.name, after_s=round(wait_s, 2), deaths=len(self.deaths))
        self._wait_s = wait_s
        return "backoff"

    def _report_death(self, error: ViewfinderError, up_s: float | None) -> None:
        post_mortem = (
            self._write_post_mortem(self.life, up_s) if self._write_post_mortem and self._life else None
        )
        self._events.emit(
            "death",
            self.card.name,
            explanation=error.message,
            up_s=up_s,
            post_mortem=str(post_mortem) if post_mortem else None,
        )

    def _give_up(self) -> State:
        self._wanted = False
        reason = self.failure.message if self.failure else ""
        _log.error("%s: %s It is not started again.", self.card.name, reason)
        self._events.emit("failed", self.card.name, reason=reason)
        return "failed"

    async def _is_done_first(self, work: asyncio.Task[object]) -> bool:
        """Wait for the work, or for a request to stop or kill; whether the work was done first."""
        while not work.done() and self._wanted and self._kill_reason is None:
            self._requested.clear()
            request = asyncio.create_task(self._requested.wait())
            await asyncio.wait({work, request}, return_when=asyncio.FIRST_COMPLETED)
            request.cancel()
        return work.done()
