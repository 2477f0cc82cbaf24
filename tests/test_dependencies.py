"""What is installed with us is known by version, and little of it; see row A40 of docs/security.md."""

import re
from importlib.metadata import requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"
PINNED = {
    canonicalize_name(name): pinned
    for name, pinned in re.findall(r"^([\w.-]+)==([^\s;]+)", CONSTRAINTS.read_text(), re.MULTILINE)
}


def needed() -> set[str]:
    """Every distribution that Viewfinder and its tests need here, down to the last one."""
    seen: set[tuple[str, str]] = set()
    """Each with the extra that asked for more, "" for none."""
    waiting = {("viewfinder", ""), ("viewfinder", "dev")}
    while waiting:
        name, extra = waiting.pop()
        seen.add((name, extra))
        for child in map(Requirement, requires(name) or ()):
            if child.marker is None or child.marker.evaluate({"extra": extra}):
                waiting |= {(str(canonicalize_name(child.name)), one) for one in ("", *child.extras)} - seen
    return {name for name, _ in seen} - {"viewfinder"}


def test_everything_that_is_needed_is_pinned_to_what_is_installed() -> None:
    names = needed()
    assert len(names) > 50
    assert {name: version(name) for name in names if PINNED.get(name) != version(name)} == {}


def test_what_was_poisoned_once_is_not_among_it() -> None:
    assert "litellm" not in {*PINNED, *needed()}
