"""Says so at each SIGTERM and goes on.

With `--orphan` a process of its group does that, and it itself ends; both say that they are ready.
"""

import os
import signal
import sys


def say(*_: object) -> None:
    os.write(1, b"TERM\n")


signal.signal(signal.SIGTERM, say)
if "--orphan" in sys.argv and os.fork() > 0:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
os.write(1, b"ready\n")
while True:
    signal.pause()
