"""Pulls what `hf:` and the repository argv[1] stand for, records it in argv[2], and tells each step."""

import sys
from pathlib import Path

from viewfinder.catalog.pull import PullProgress, fetch, plan, wanted_of_repository
from viewfinder.catalog.remote import Hub
from viewfinder.core.errors import ViewfinderError


def tell(step: PullProgress) -> None:
    print(step.doing, step.file, step.done_bytes, flush=True)


try:
    hub = Hub()
    fetch(
        plan(wanted_of_repository(sys.argv[1], ""), hub), hub, lock_file=Path(sys.argv[2]), on_progress=tell
    )
except ViewfinderError as error:
    print(error.reason, error, file=sys.stderr)
    sys.exit(error.exit_code)
