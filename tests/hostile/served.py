"""`viewfinder serve` in its own process, with figures of it; its arguments are the settings and the models of
the faulty engine, each with its fault, as JSON.

Prints its address as one line of JSON, then for each line that it reads one with `block_ms` (the longest
block of its event loop since the last line), `rss_mb` and `descriptors`.
"""

import asyncio
import json
import os
import sys
import threading

import psutil

from tests.hostile.loop_watch import LoopWatch
from viewfinder.api import serving
from viewfinder.core import paths
from viewfinder.core.config import Settings


def main() -> None:
    settings = Settings.model_validate({"port": 0, **json.loads(sys.argv[1])})
    if len(sys.argv) > 2 and (faults := json.loads(sys.argv[2])):
        from tests.faults.gateway import FaultyCatalog  # it takes memory, so only where it is needed

        catalog = FaultyCatalog(faults, paths.home() / "faulty")
        serving.open_catalog = lambda settings: catalog
    serving.serve(settings=settings, on_ready=ready)


def ready(served: serving.Serving) -> None:
    loop = asyncio.get_running_loop()
    threading.Thread(target=report, args=(loop,), daemon=True).start()
    print(json.dumps({"url": served.url}), flush=True)


def report(loop: asyncio.AbstractEventLoop) -> None:
    process = psutil.Process()
    watch = LoopWatch(loop)
    watch.start()
    for _ in sys.stdin:
        block_s, watch.longest_s = watch.longest_s, 0.0
        figures = {
            "block_ms": round(1000 * block_s, 1),
            "rss_mb": round(process.memory_info().rss / 2**20, 1),
            "descriptors": process.num_fds(),
        }
        print(json.dumps(figures), flush=True)
    os._exit(0)  # the test has gone


if __name__ == "__main__":
    main()
