"""One fresh server process under measurement: started, asked and stopped here; made by `session`, asked by
the measures.

A running server is asked in the same way, and not stopped. Answers that an earlier process gave before a run
was interrupted can be handed in: those questions are not asked again.

Memory is that of the server's process tree, read between requests and never inside a timed one. Every sample
goes to the store as it is taken.
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
from viewfinder.fleet.process.servers import Server
from viewfinder.measure.deadline import Deadline
from viewfinder.measure.disturbance import Disturbance
from viewfinder.measure.figures import Memory, Phase
from viewfinder.measure.progress import Steps
from viewfinder.measure.prompts import Prompt, body
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.store.store import Store
from viewfinder.measure.tree_memory import Peak, read

LEFT = "client_left: The client disconnected in the middle of the answer, on purpose."
_OBITUARY_S = 2.0
"""How long the end of an engine may come after its broken connection."""


class Subject:
    """A server process from its start to its end; an async context manager.

    `process` is its number within the run and model. `memory` fills phase by phase; `starts` is more than one
    when the engine failed to start and was started again. `noted` are series that a measure fills as it asks,
    so that they survive the engine's death. `answered` are this process's samples from before an
    interruption: questions that any process can be asked (never timed ones); `set_aside` is the number of its
    other samples, which do not count. `files` are the model's files and folders. `limits` are those of
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
        answered: Sequence[Sample] = (),
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
        self.disturbance = Disturbance()
        self._answered = {(asked.scenario, asked.place): asked for asked in answered}
        self._places: Counter[str] = Counter()
        self._spared_s = 0.0
        self._set_aside = set_aside
        self._deadline = deadline
        self.run = run
        self._store, self._steps, self._timeout_s = store, steps, timeout_s

    async def __aenter__(self) -> Self:
        await self.server.start(self._reached)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pids = self.server.pids() if self.server.is_ours else []
        await self.server.stop()
        if pids and error is None:
            self.memory["unloaded"] = read(pids)  # 0 bytes, unless something was left behind

    async def restart(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Stop the process and start another; `meanwhile` is called, in a thread, between the two."""
        await self.server.stop()
        await asyncio.to_thread(meanwhile)
        self.starts -= 1  # this one was no failure
        await self.server.start(self._reached)

    def topic(self, scenario: str) -> str:
        """The seed of a scenario's prompts: a running server, which is not restarted, must never see an image
        twice."""
        if self.server.is_ours:
            return scenario
        again = f"/{self._set_aside}" if self._set_aside else ""
        return f"{scenario}/{self.run}/{self.process}{again}"

    def clock(self) -> float:
        """Monotonic seconds, as if the questions answered before an interruption had been asked now."""
        return time.monotonic() + self._spared_s

    def skip_to(self, scenario: str, place: int) -> None:
        """Give the scenario's next sample this place: another process was asked those before it."""
        self._places[scenario] = place

    def begin(self, doing: str, steps: int) -> None:
        """Show that the next phase begins, of at most so many requests."""
        self._steps.begin(self.server.card.name, doing, steps)

    def watched(self) -> AbstractContextManager[None]:
        """Watch within the block how much of the processors other programs use."""
        return self.disturbance.watch(self.server.pids)

    def note_memory(self, phase: Phase) -> None:
        """Read the tree's memory now and keep it under this phase; a running server's cannot be read.

        "peak" keeps the highest reading so far.
        """
        if not self.server.is_ours:
            return
        now = read(self.server.pids(), look_around=phase == "steady")
        self._peak.take(now)
        if phase == "peak" and self._peak.highest is not None:
            now = self._peak.highest.model_copy(update={"kernel_peak_bytes": now.kernel_peak_bytes})
        self.memory[phase] = now

    def look_for_peak(self) -> None:
        """Read the memory if it grew; call it between two requests, when none is in flight."""
        if self.server.is_ours:
            self._peak.look()

    def overlapping(self) -> AbstractContextManager[None]:
        """Allow several requests at once within the block; their samples reach the disk after it.

        Samples are numbered by when their requests were sent, not by when they were answered.
        """
        return self._store.held()

    async def ask(self, scenario: str, prompt: Prompt) -> Sample:
        """Send a prompt, store the exchange and return it with its grade (an error is wrong).

        A request that the engine refuses becomes a sample with an error. Raises EngineDied when the engine is
        gone and EngineStalled when it gave no complete answer in time: then nothing more can be measured.
        Raises TimeIsUp when the run's time is spent.
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

    async def ask_and_disconnect(self, scenario: str, prompt: Prompt) -> Sample:
        """Send a prompt and disconnect at the answer's first words, as an impatient client does.

        The sample has the error `client_left`, unless the engine had one of its own. Raises as `ask` does.
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
            error = f"timeout: No part of an answer came within {self._timeout_s:g} s."
        exchange = Exchange(started_s, time.monotonic(), text=text, error=error)
        return await self._keep(scenario, place, prompt, exchange)

    async def _keep(self, scenario: str, place: int, prompt: Prompt, exchange: Exchange) -> Sample:
        grade = prompt.is_right
        sample = Sample(
            run=self.run,
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
        self._store.add(sample)
        self._steps.step()
        if exchange.error:
            await self._check(exchange, prompt.question)
        return sample

    def _remembered(self, earlier: Sample, prompt: Prompt) -> Sample:
        if (earlier.question, earlier.scene) != (prompt.question, prompt.scene):
            raise ViewfinderError(
                f"This run cannot be resumed: it asked '{earlier.question}' where this version asks "
                f"'{prompt.question}'.",
                hint="Its measurements are kept. Start a new run.",
                code="resume_differs",
            )
        self._spared_s += earlier.exchange.e2e_s
        self._steps.step()
        return earlier

    async def _check(self, exchange: Exchange, question: str) -> None:
        """Raise when the error means that the server process can answer no more."""
        if exchange.error.startswith(("timeout", EngineStalled.code)):
            raise EngineStalled(
                f"The engine gave no complete answer to '{question}' within {self._timeout_s:g} s."
            )
        if not exchange.error.startswith(EngineDied.code):
            return
        if (process := self.server.watched) is None:
            raise EngineDied(f"The server broke the connection at '{question}'.")
        child = process.child
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
            self.note_memory("spawned")
        elif phase == "ready":
            self.note_memory("ready")


def _words_of(chunk: dict[str, Any]) -> str:
    choice: dict[str, Any] = next(iter(chunk.get("choices") or ()), {})
    return (choice.get("delta") or {}).get("content") or ""
