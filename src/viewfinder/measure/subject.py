"""One fresh server process under measurement: started, asked and stopped here; called by `trial`.

A server that runs already is asked in the same way, and left running. What an earlier process answered
before a run was interrupted can be given: it is not asked again.

Memory is that of the server's process tree, sampled between requests and never inside a timed one.
Every exchange goes to the store as it is made.
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, aclosing, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from viewfinder.client.exchange import Exchange
from viewfinder.core.config import Limits
from viewfinder.core.errors import EngineDied, EngineError, EngineStalled, ViewfinderError
from viewfinder.fleet.process.server import ServerProcess
from viewfinder.fleet.process.servers import Server
from viewfinder.measure.deadline import Deadline
from viewfinder.measure.figures import Memory, Phase
from viewfinder.measure.progress import Steps
from viewfinder.measure.prompts import Prompt, body
from viewfinder.measure.store.rows import Asked
from viewfinder.measure.store.store import Store
from viewfinder.measure.tree_memory import Peak, read

LEFT = "client_left: The client left in the middle of the answer, as it was meant to."
_OBITUARY_S = 2.0
"""How long the end of an engine may come after its broken connection."""


class Subject:
    """A server process from its start to its end; an async context manager.

    `process` numbers it within the trial. `memory` fills as the phases come; `starts` is more than one
    when the engine failed to start and was started again. `noted` are series of what a stage notes as it
    goes, so that they are there when the engine is gone. `answered` are this process's exchanges of before
    an interruption: questions that can be asked of any process (never timed ones); `set_aside` is how many
    others there are that do not count. `files` are the model's files and folders. `limits` are those of
    requests to the gateway.
    """

    def __init__(
        self,
        server: Server,
        process: int,
        *,
        run: str,
        store: Store,
        steps: Steps,
        timeout_s: float,
        answered: Sequence[Asked] = (),
        set_aside: int = 0,
        files: Sequence[Path] = (),
        limits: Limits | None = None,
        deadline: Deadline | None = None,
    ) -> None:
        self.server = server
        self.limits = limits or Limits()
        self.process = process
        self.memory: dict[Phase, Memory] = {}
        self.starts = 0
        self.files = files
        self._peak = Peak(server.pids)
        self.noted: defaultdict[str, list[float]] = defaultdict(list)
        self._answered = {(asked.scenario, asked.place): asked for asked in answered}
        self._places: Counter[str] = Counter()
        self._spared_s = 0.0
        self._set_aside = set_aside
        self._deadline = deadline
        self._run, self._store, self._steps, self._timeout_s = run, store, steps, timeout_s

    async def __aenter__(self) -> Self:
        await self.server.start(self._reached)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pids = self.server.pids() if self.server.is_ours else []
        await self.server.stop()
        if pids and error is None:
            self.memory["unloaded"] = read(pids)  # nothing, unless something was left behind

    async def restart(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """End the process and start another; `meanwhile` is called, in a thread, while there is none."""
        await self.server.stop()
        await asyncio.to_thread(meanwhile)
        self.starts -= 1  # this one was asked for
        await self.server.start(self._reached)

    def topic(self, scenario: str) -> str:
        """The seed of a scenario's prompts: a server that goes on must never be shown an image twice."""
        if self.server.is_ours:
            return scenario
        again = f"/{self._set_aside}" if self._set_aside else ""
        return f"{scenario}/{self._run}/{self.process}{again}"

    def clock(self) -> float:
        """Monotonic seconds, as if what was answered before an interruption had been asked now."""
        return time.monotonic() + self._spared_s

    def skip_to(self, scenario: str, place: int) -> None:
        """The scenario's next exchange has this place: what comes before was asked of another process."""
        self._places[scenario] = place

    def sample(self, phase: Phase) -> None:
        """Note the tree's memory now; that of a server which is not ours is not ours to read.

        As "peak", the most that it came to so far.
        """
        if not self.server.is_ours:
            return
        now = read(self.server.pids(), look_around=phase == "steady")
        self._peak.take(now)
        if phase == "peak" and self._peak.highest is not None:
            now = self._peak.highest.model_copy(update={"kernel_peak_bytes": now.kernel_peak_bytes})
        self.memory[phase] = now

    def look_for_peak(self) -> None:
        """Between two requests, when none is in flight."""
        if self.server.is_ours:
            self._peak.look()

    def overlapping(self) -> AbstractContextManager[None]:
        """Requests may be asked at once within it; their exchanges reach the disk after it.

        Each has its place by when it was asked, not by when it was answered.
        """
        return self._store.held()

    async def ask(self, scenario: str, prompt: Prompt) -> Asked:
        """Put a prompt, store the exchange and return it with its grade (an error is wrong).

        A request that the engine refuses is an exchange with an error. Raises EngineDied when the engine
        is gone and EngineStalled when it gave no whole answer in time: then nothing more can be measured.
        Raises TimeIsUp when the run may not go on.
        """
        model = self.server.card.name
        place = self._places[scenario]
        self._places[scenario] += 1
        if (earlier := self._answered.get((scenario, place))) is not None:
            return self._remembered(earlier, prompt)
        if self._deadline is not None:
            self._deadline.require()
        request = body(model, prompt.messages, prompt.max_tokens)
        exchange = await self.server.client.exchange(request, timeout_s=self._timeout_s)
        return await self._keep(scenario, place, prompt, exchange)

    async def leave(self, scenario: str, prompt: Prompt) -> Asked:
        """Put a prompt and break off at the answer's first words, as a client does who has lost patience.

        The exchange has the error `client_left`, unless the engine met one of its own. Raises as `ask` does.
        """
        place = self._places[scenario]
        self._places[scenario] += 1
        request = body(self.server.card.name, prompt.messages)
        text, error, started_s = "", LEFT, time.monotonic()
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                aclosing(self.server.client.stream(request)) as chunks,
            ):
                async for chunk in chunks:
                    if text := _words_of(chunk):
                        break
        except EngineError as problem:
            error = f"{problem.reason}: {problem.message}"
        except TimeoutError:
            error = f"timeout: There was no word of an answer after {self._timeout_s:g} s."
        exchange = Exchange(started_s, time.monotonic(), text=text, error=error)
        return await self._keep(scenario, place, prompt, exchange)

    async def _keep(self, scenario: str, place: int, prompt: Prompt, exchange: Exchange) -> Asked:
        grade = prompt.is_right
        asked = Asked(
            run=self._run,
            model=self.server.card.name,
            process=self.process,
            scenario=scenario,
            question=prompt.question,
            exchange=exchange,
            scene=prompt.scene,
            expected=prompt.expected,
            right=None if grade is None else not exchange.error and grade(exchange.text),
            place=place,
        )
        self._store.add(asked)
        self._steps.step()
        if exchange.error:
            await self._check(exchange, prompt.question)
        return asked

    def _remembered(self, earlier: Asked, prompt: Prompt) -> Asked:
        if (earlier.question, earlier.scene) != (prompt.question, prompt.scene):
            raise ViewfinderError(
                f"This run cannot go on: it asked '{earlier.question}' where '{prompt.question}' is due now.",
                hint="What it measured is kept; begin a new run.",
                code="resume_differs",
            )
        self._spared_s += earlier.exchange.e2e_s
        self._steps.step()
        return earlier

    async def _check(self, exchange: Exchange, question: str) -> None:
        """Raise when the error means that the server process can answer no more."""
        if exchange.error.startswith(("timeout", EngineStalled.code)):
            raise EngineStalled(
                f"The engine gave no whole answer to '{question}' within {self._timeout_s:g} s."
            )
        if not exchange.error.startswith(EngineDied.code):
            return
        if not isinstance(self.server, ServerProcess):
            raise EngineDied(f"The server broke the connection at '{question}'.")
        child = self.server.child
        with suppress(TimeoutError):
            await asyncio.wait_for(child.wait(), _OBITUARY_S)
        if child.exit is not None:
            last = child.tail(1).strip()
            said = f' Its last words: "{last}".' if last else ""
            raise EngineDied(f"The engine died at '{question}'. {child.exit.explanation}{said}")

    def _reached(self, phase: str) -> None:
        if phase == "spawned":
            self.starts += 1
            self.memory.clear()
            self._peak = Peak(self.server.pids)
            self.sample("spawned")
        elif phase == "ready":
            self.sample("ready")


def _words_of(chunk: dict[str, Any]) -> str:
    choice: dict[str, Any] = next(iter(chunk.get("choices") or ()), {})
    return (choice.get("delta") or {}).get("content") or ""
