"""A running server, for tests of several rooms."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from viewfinder.catalog.catalog import Catalog
from viewfinder.engines.cores import SHARES_CORES

CHILD = Path(__file__).parent / "children" / "serves_on_a_port.py"
MODEL = "someone/else"
"""Its name for glimpse."""


@contextmanager
def running_server(log: Path, *, sees: bool = True) -> Iterator[str]:
    """llama.cpp with glimpse on its own port, with its projector if it `sees`; yields its address."""
    files = Catalog().resolve(Catalog().get("glimpse").variant())
    with log.open("w") as words:
        process = subprocess.Popen(
            [sys.executable, str(CHILD), str(files.model), str(files.mmproj) if sees else ""],
            env={**os.environ, **SHARES_CORES},
            stdout=subprocess.PIPE,
            stderr=words,
            text=True,
        )
        assert process.stdout is not None
        try:
            yield next(line.strip() for line in process.stdout if line.startswith("http"))
            assert process.poll() is None, "it is not ours to stop"
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
