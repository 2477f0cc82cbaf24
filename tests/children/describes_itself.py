"""Prints, as one line of JSON, what it was started with."""

import json
import os
import signal
import sys
from pathlib import Path


def is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


print(
    json.dumps(
        {
            "env": dict(os.environ),
            "cwd": str(Path.cwd()),
            "argv": sys.argv[1:],
            "stdin": os.read(0, 10).decode(),
            "files": [number for number in range(256) if is_open(number)],
            "group": os.getpgrp() == os.getpid(),
            "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
            "oom_score_adj": int(Path("/proc/self/oom_score_adj").read_text()),
        }
    ),
    flush=True,
)
