"""What a node of `bench --ray` does: measures one model at a time, and hands over what it writes and how far
it is. Made by `bench_nodes` in a process of the node; knows nothing of Ray.
"""

import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from viewfinder.cluster.messages import Failed, KnownFiles
from viewfinder.core.config import Settings
from viewfinder.core.errors import ModelFilesError, ViewfinderError
from viewfinder.core.version import VERSION
from viewfinder.host.hardware import Machine, this_machine
from viewfinder.measure.progress import Progress
from viewfinder.measure.store.rows import RunRequest
from viewfinder.measure.store.sent import RunRows, StoreWrite

OF_RAY = ("OMP_NUM_THREADS",)
"""Variables that Ray sets for its own programs, and with which an engine would run otherwise than it does."""


@dataclass(frozen=True, slots=True)
class BenchJob:
    """One model to be measured: `name` as it was typed, the `suite` as a run stores it, what is known of the
    model's `files`, and the `rows` of the run that is to be continued, if one is."""

    name: str
    suite: dict[str, Any]
    settings: Settings
    request: RunRequest
    files: KnownFiles | None = None
    rows: RunRows | None = None


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What a node is."""

    host: str
    machine: Machine
    viewfinder: str


MeasureJob = Callable[[BenchJob, Callable[[StoreWrite], None], Callable[[Progress], None]], None]
"""Measures a job to its end, and says what it writes and how far it is."""


class NodeBench:
    """`measure` is called in the thread of `run`; `news` may be called from another one meanwhile."""

    def __init__(self, measure: MeasureJob) -> None:
        self._measure, self._lock = measure, threading.Lock()
        self._writes: list[StoreWrite] = []
        self._progress: Progress | None = None
        for name in OF_RAY:
            os.environ.pop(name, None)

    def facts(self) -> NodeFacts:
        return NodeFacts(socket.gethostname(), this_machine(), VERSION)

    def run(self, job: BenchJob) -> Failed | None:
        """Measure a job; returns why it could not be. `unfit` of that: the node's files are to blame."""
        self._progress = None
        try:
            self._measure(job, self._wrote, self._told)
        except ViewfinderError as error:
            return Failed.of(error, unfit="files" if isinstance(error, ModelFilesError) else "")
        return None

    def news(self) -> tuple[list[StoreWrite], Progress | None]:
        """What was written since the last call, and how far the job is."""
        with self._lock:
            writes, self._writes = self._writes, []
        return writes, self._progress

    def _wrote(self, write: StoreWrite) -> None:
        with self._lock:
            self._writes.append(write)

    def _told(self, progress: Progress) -> None:
        self._progress = progress
