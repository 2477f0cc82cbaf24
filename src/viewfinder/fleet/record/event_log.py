"""Writes the fleet's events to a file, one JSON object a line; opened by `api/serving`, read by `events`."""

import json
from dataclasses import asdict
from pathlib import Path

from viewfinder.fleet.record.events import Event
from viewfinder.host.output import Output


class EventLog:
    """A listener of `Events`. Its file is rotated; a full disk loses lines, and nothing else fails."""

    def __init__(self, file: Path) -> None:
        self._output = Output(file)

    def __call__(self, event: Event) -> None:
        self._output.feed(json.dumps(asdict(event), default=str).encode() + b"\n")

    def close(self) -> None:
        self._output.close()
