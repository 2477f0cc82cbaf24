"""A `viewfinder` command in a process of its own, with what it tells of its progress; used by the rest of
this folder.

Its warden ends it with us, however we end. It runs as it would at a terminal: with our environment, and with
the settings that are written now.
"""

import itertools
import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viewfinder.core import paths
from viewfinder.host.child import Child, ChildSpec, Exit
from viewfinder.host.output import visible

Tell = Callable[[str, Mapping[str, Any]], None]
"""Gets each line of `--progress json`: its kind, and what it says."""
SAID_LINES = 6
"""The last lines, among which its error stands."""
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Failing:
    """Why a command failed, as the command line says it."""

    message: str
    hint: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command ended; `failing` is None when it did its work or was stopped."""

    exit: Exit
    failing: Failing | None = None


class OwnCommand:
    """A command that runs; make it with `start`."""

    def __init__(self, child: Child, tell: Tell) -> None:
        self._child, self._tell = child, tell
        self._error: Failing | None = None
        child.keep_only(self._heard)

    @classmethod
    async def start(cls, words: Sequence[str], tell: Tell = lambda kind, fields: None) -> "OwnCommand":
        """Start `viewfinder WORDS`. Raises EngineError when the system refuses."""
        file = paths.run_folder() / f"command-{next(_numbers)}"
        spec = ChildSpec(
            argv=(sys.executable, "-P", "-m", "viewfinder", *words),
            env=dict(os.environ),
            log_file=file.with_suffix(".log"),
            record=file.with_suffix(".json"),
            runs=f"viewfinder {words[0]}",
        )
        return cls(await Child.start(spec), tell)

    async def wait(self) -> Ending:
        """Until it has ended by itself, or by `stop`."""
        return self._ended(await self._child.wait())

    async def stop(self, grace_s: float) -> Ending:
        """Stop it as Ctrl-C would; it has this long to put everything in order."""
        return self._ended(await self._child.stop(grace_s))

    def _heard(self, line: str) -> str:
        """Takes lines for programs, and keeps those for people."""
        if not line.startswith('{"'):
            return line
        # It may be cut short, or of a version that was installed since we started.
        with suppress(ValueError, AttributeError, TypeError, KeyError):
            for kind, fields in json.loads(line).items():
                if kind == "error":
                    self._error = Failing(fields["message"], fields["hint"], fields["code"])
                self._tell(kind, fields)
        return ""

    def _ended(self, end: Exit) -> Ending:
        for name in (self._child.spec.log_file, Path(f"{self._child.spec.log_file}.1")):
            name.unlink(missing_ok=True)
        if end.stopped or end.code == 0:
            return Ending(end)
        return Ending(end, self._error or self._told_in_words() or Failing(end.explanation))

    def _told_in_words(self) -> Failing | None:
        """The error as `cli/main` prints it for a person: code and message, then the hint."""
        lines = [visible(line).strip() for line in self._child.tail(SAID_LINES).splitlines()]
        for place, line in enumerate(lines):
            if found := re.fullmatch(r"error \((\w+)\) (.*)", line):
                return Failing(found[2], " ".join(lines[place + 1 :]), found[1])
        return None
