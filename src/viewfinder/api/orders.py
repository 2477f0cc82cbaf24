"""The measured order of the models, for requests to `auto:` names; read again when the results change.

Called by what serves. The ranking is done by a process of its own (this module, run by `python -m`): the
statistics take 80 MB and half a second, and no request to a model that is named may wait for them.
"""

import asyncio
import logging
import sqlite3
import subprocess
import sys
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from viewfinder.catalog.auto_names import AutoUse
from viewfinder.core import paths
from viewfinder.core.errors import ViewfinderError
from viewfinder.fleet.routing import MeasuredOrder, MeasuredOrders
from viewfinder.host.hardware import this_machine
from viewfinder.measure.store.store import Store

READING_S = 120.0
"""A reading that takes longer is given up."""
_FORM: TypeAdapter[dict[AutoUse, MeasuredOrder]] = TypeAdapter(dict[AutoUse, MeasuredOrder])
_UNREADABLE = (ViewfinderError, OSError, sqlite3.Error, subprocess.SubprocessError, ValidationError)
_log = logging.getLogger(__name__)

_FileState = tuple[int, int] | None


class OrdersHere:
    """The order by what is stored in the results file now; one for a `serve`.

    What cannot be read is as good as nothing measured, with a line in the log: nothing must fail for it.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file or paths.results_file()
        self._orders: MeasuredOrders = {}
        self._seen: tuple[_FileState, ...] = (None, None)
        self._newest = (0, 0)
        self._reading: asyncio.Task[None] | None = None

    async def __call__(self) -> MeasuredOrders:
        """The order; waits while it is read for the first time, or again."""
        seen = self._states()
        if seen != self._seen:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read(seen), name="read the measured order")
            await asyncio.shield(self._reading)
        return self._orders

    def _states(self) -> tuple[_FileState, ...]:
        """Those of the file and of what SQLite has not moved into it yet."""
        return _state(self._file), _state(self._file.with_name(f"{self._file.name}-wal"))

    async def _read(self, seen: tuple[_FileState, ...]) -> None:
        try:
            newest = await asyncio.to_thread(self._newest_result) if seen[0] else (0, 0)
            if newest != self._newest:
                self._orders = await asyncio.to_thread(read_apart) if newest[1] else {}
                self._newest = newest
        except (
            ViewfinderError,
            OSError,
            sqlite3.Error,
            subprocess.SubprocessError,
            ValidationError,
        ) as error:
            _log.warning("What was measured here cannot be read, so `auto:` names go without it: %s", error)
        self._seen = seen

    def _newest_result(self) -> tuple[int, int]:
        with Store(self._file, for_reading=True) as store:
            return store.newest_result()


def read_apart() -> dict[AutoUse, MeasuredOrder]:
    """`orders_here`, found by a process of its own. Raises ViewfinderError, OSError, SubprocessError,
    ValidationError."""
    argv = [sys.executable, "-P", "-m", __name__]
    done = subprocess.run(argv, capture_output=True, timeout=READING_S, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise ViewfinderError(f"the reading process ended with {done.returncode}: {''.join(last)}")
    return _FORM.validate_json(done.stdout)


def orders_here() -> dict[AutoUse, MeasuredOrder]:
    """The order of what was measured on this machine, by the newest result of each variant."""
    from viewfinder.api.histories import evidence_for, histories
    from viewfinder.report.document import newest
    from viewfinder.report.orders import measured_orders

    machine = this_machine()
    with Store(paths.results_file(), for_reading=True) as store:
        found = [
            history
            for history in histories(store)
            if (history[0].machine.cpu, history[0].machine.gpu) == (machine.cpu, machine.gpu)
        ]
        latest = newest([history[0] for history in found])
        dates = {run.run: run.started_at for run in store.runs()}
        return measured_orders(latest, evidence_for(store, latest), dates)


def _state(file: Path) -> _FileState:
    try:
        seen = file.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size


if __name__ == "__main__":
    sys.stdout.buffer.write(_FORM.dump_json(orders_here()))
