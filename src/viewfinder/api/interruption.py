"""A run that the user stops (Ctrl-C, SIGTERM): stopped so that nothing is lost, and what is kept of it.

Called by `measuring` and the CLI.
"""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from viewfinder.core import paths
from viewfinder.core.errors import ViewfinderError
from viewfinder.measure import results
from viewfinder.measure.store.store import Store

T = TypeVar("T")

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class KeptModel:
    """What is stored of one model of a run: its finished processes, its answers, and whether it has a
    result."""

    model: str
    processes: int
    answers: int
    is_complete: bool


class Flushes(Protocol):
    """What keeps what was measured."""

    def flush(self) -> None: ...


def interruptible(main: Coroutine[Any, Any, T], store: Flushes) -> T:
    """The result of `main`, which writes to the store; raises KeyboardInterrupt when a signal stopped it.

    The first signal stores every answer and cancels `main`, which stops its engine. Further ones only store:
    a second Ctrl-C cannot tear a transaction apart. Outside the main thread signals are left to the caller.
    """
    stopped: list[bool] = []

    async def guarded() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def stop() -> None:
            with suppress(ViewfinderError):  # tried again when the store is closed, which reports it
                store.flush()
            if not stopped and task is not None:
                stopped.append(True)
                task.cancel()

        for one in SIGNALS:
            with suppress(ValueError, RuntimeError, NotImplementedError):  # not the main thread
                loop.add_signal_handler(one, stop)
        return await main

    try:
        return asyncio.run(guarded())
    except (Exception, asyncio.CancelledError):
        if stopped:
            raise KeyboardInterrupt from None
        raise


def kept(run: str) -> list[KeptModel]:
    """What is stored of each model of a run that was stopped."""
    with Store(paths.results_file(), for_reading=True) as store:
        complete = {one.model for one in results.readable(store.results_of(run))}
        return [
            KeptModel(
                model, len(store.outcomes(run, model)), len(store.samples(run, model)), model in complete
            )
            for model in store.models_of(run)
        ]
