"""A real `serve` in a process of its own; called by the benchmarks that ask it."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def serving(*models: str, **environment: str) -> Iterator[str]:
    """Run a real server of these models (none: glimpse) in a state folder of its own; gives its URL."""
    with tempfile.TemporaryDirectory(prefix="vf-") as home:
        os.environ |= {"VIEWFINDER_HOME": home, **environment}
        command = [sys.executable, "-m", "viewfinder", "serve", "--json", "--port", "0"]
        command += models or ("glimpse",)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert process.stdout is not None
            document = ""
            while not document.endswith("\n}\n"):
                document += process.stdout.readline()
            yield json.loads(document)["url"]
        finally:
            process.terminate()
            process.communicate(timeout=60)
