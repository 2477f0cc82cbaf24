"""Events on disk: one JSON object a line, whatever the details and the disk."""

import json
from pathlib import Path

from viewfinder.fleet.record.events import Events
from viewfinder.host.output import Output


def test_each_event_is_a_line(tmp_path: Path) -> None:
    log = Output(tmp_path / "events.jsonl")
    events = Events()
    events.write_to(log)
    events.emit("load", "glimpse", engine="llama.cpp")
    events.emit("death", "glimpse", explanation="two\nlines", post_mortem=tmp_path / "death.json")
    log.close()
    first, second = map(json.loads, (tmp_path / "events.jsonl").read_text().splitlines())
    assert (first["kind"], first["model"], first["details"]) == ("load", "glimpse", {"engine": "llama.cpp"})
    assert second["details"] == {"explanation": "two\nlines", "post_mortem": str(tmp_path / "death.json")}
    assert second["at_s"] >= first["at_s"]


def test_a_full_disk_costs_the_file_and_no_event() -> None:
    events = Events()
    events.write_to(Output(Path("/dev/full")))
    events.emit("load", "glimpse")
    events.emit("load", "glimpse")
    assert events.counts["load", "glimpse"] == 2
