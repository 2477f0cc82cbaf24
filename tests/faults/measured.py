"""The records of long runs, as JSON files for docs/reliability.md.

Written by the soak tests into the folder that VIEWFINDER_MEASURED names; read by `page`.
"""

import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

FOLDER = Path(__file__).parents[2] / "docs" / "measured"
WANTED = os.environ.get("VIEWFINDER_MEASURED")


def publish(name: str, record: Any) -> None:
    """Print the record of a run, and write it to the folder of VIEWFINDER_MEASURED, if set."""
    machine = f"{psutil.cpu_count(logical=False)} cores, {round(psutil.virtual_memory().total / 2**30)} GiB"
    document = {"date": time.strftime("%Y-%m-%d"), "machine": machine, **asdict(record)}
    print(f"{name}: {json.dumps(document, indent=1)}")
    if WANTED:
        Path(WANTED).mkdir(parents=True, exist_ok=True)
        (Path(WANTED) / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")


def measured(name: str) -> dict[str, Any]:
    """The published record of this name; empty when there is none."""
    file = FOLDER / f"{name}.json"
    return json.loads(file.read_text()) if file.exists() else {}
