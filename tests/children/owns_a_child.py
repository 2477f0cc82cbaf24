"""Starts the program it is given as Viewfinder starts an engine, says which processes there are, and waits.

To be killed by a test. With FORK in its environment, a fork of it keeps all its files open and outlives it.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from viewfinder.core.paths import run_folder
from viewfinder.host.child import Child, ChildSpec
from viewfinder.host.ownership import claim


async def main(folder: str, *argv: str) -> None:
    run = run_folder()
    claim(run)
    log = Path(folder) / "child.log"
    child = await Child.start(ChildSpec(argv, dict(os.environ), log, record=run / "1.json", runs="a test"))
    while "ready" not in child.tail():  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    fork = 0
    if os.environ.get("FORK"):
        fork = os.fork()
        if fork == 0:
            while True:
                signal.pause()
    print(json.dumps({"tree": [child.warden_pid, *child.pids()], "fork": fork}), flush=True)
    await child.wait()


asyncio.run(main(*sys.argv[1:]))
