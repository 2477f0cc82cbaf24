"""Ctrl-C at any moment: no traceback of ours, exit code 130."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import PATIENCE_S

COMMANDS = [
    words.split()
    for words in (
        "--help",
        "ask glimpse Hi",
        "chat glimpse",
        "bench glimpse",
        "decide glimpse Hi?",
        "demo",
        "doctor",
        "events -f",
        "export",
        "guide",
        "keys",
        "load glimpse",
        "logs glimpse -f",
        "models",
        "ps",
        "pull moondream2",
        "results",
        "serve --port 0",
        "sort . --into a,b",
        "suspects",
        "tune glimpse",
        "mcp",
        "why glimpse",
    )
]
LATEST_S = 1.0


@pytest.mark.parametrize("number", range(len(COMMANDS)), ids=[words[0] for words in COMMANDS])
def test_an_early_one_ends_any_command_without_a_traceback(home: Path, number: int) -> None:
    """Whatever it was importing then was printed, 20 lines of it. Python's own start is not ours."""
    environment = {**os.environ, "VIEWFINDER_HOME": str(home), "HF_ENDPOINT": "http://127.0.0.1:9"}
    process = subprocess.Popen(
        [sys.executable, "-m", "viewfinder", *COMMANDS[number]],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(random.uniform(0.02, LATEST_S))
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=PATIENCE_S)[1]
    ours = str(Path("src", "viewfinder"))
    assert "Traceback" not in said or ours not in said, said
    assert "internal_error" not in said
    # 2: `logs` had found that there is no log yet.
    assert process.returncode in (130, -signal.SIGINT, 0, 1, 2), "130, or it had ended already"
    assert "Traceback" in said or len(said.splitlines()) <= 4
