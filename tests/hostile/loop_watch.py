"""How long an event loop does nothing else: a thread asks the loop to run a function, again and again."""

import asyncio
import threading
import time


class LoopWatch(threading.Thread):
    """`longest_s` is the longest time in which the loop ran nothing that it was asked to run.

    Only time in which this process used the processor counts: other programs of the computer, and a loop that
    is not given a core, say nothing about our code. A thread of ours that keeps the interpreter's lock does.
    With `of_loop`, only time in which the loop's own thread used the processor counts: in a process that
    has hostile clients as well, their work is none of the gateway's.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, every_s: float = 0.002, *, of_loop: bool = False
    ) -> None:
        super().__init__(name="loop watch", daemon=True)
        self.longest_s = 0.0
        self._loop, self._every_s, self._of_loop = loop, every_s, of_loop
        self._loop_used_s: float | None = None
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(self._every_s):
            ran = threading.Event()
            before_s, began_s, used_s = self._loop_used_s, time.monotonic(), time.process_time()
            try:
                self._loop.call_soon_threadsafe(self._look, ran)
            except RuntimeError:  # the loop is closed
                return
            ran_throughout = self._loop.is_running()
            while not ran.wait(0.005):  # between two tests a loop does not run
                ran_throughout &= self._loop.is_running()
                if self._stopped.is_set():
                    return
            if not ran_throughout:
                continue
            took_s, used_s = time.monotonic() - began_s, time.process_time() - used_s
            if self._of_loop:
                used_s = (
                    0.0 if before_s is None or self._loop_used_s is None else self._loop_used_s - before_s
                )
            self.longest_s = max(self.longest_s, min(took_s, used_s))

    def _look(self, ran: threading.Event) -> None:
        self._loop_used_s = time.thread_time()
        ran.set()

    def stop(self) -> float:
        self._stopped.set()
        self.join(10)
        return self.longest_s
