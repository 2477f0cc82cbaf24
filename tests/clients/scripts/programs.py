"""Runs a client that is a program, for the scripts that need one."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

BIN = Path(sys.executable).parent
PATIENCE_S = 150


def run(*words, **environment):
    """What the program prints, its errors included, in a folder of its own; raises when it fails."""
    done = subprocess.run(
        [BIN / words[0], *map(str, words[1:])],
        env={**os.environ, **environment},
        cwd=tempfile.mkdtemp(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"exit {done.returncode}: {done.stdout[-8000:]}")
    return done.stdout
