"""The lines that a person types in `chat`: with a history that stays, and the tab key; or from a pipe.

The history is a private file of the state folder. Without Python's `readline`, lines are read as they are.
"""

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

from viewfinder.cli.console import errors
from viewfinder.core.errors import BadRequest
from viewfinder.core.paths import expanded

MOST_LINES = 1000
"""Of the history; older ones are dropped when the next conversation begins."""
PROMPT = "> "


class TypedLines:
    """Reads line by line; `is_interactive` says whether a person sits at a terminal."""

    def __init__(self, history: Path, commands: Sequence[str]) -> None:
        self.is_interactive = sys.stdin.isatty() and sys.stderr.isatty()
        self._history = history
        if self.is_interactive and (editor := _editor()):
            self._remember_earlier(editor)
            editor.set_completer_delims(" \t")
            editor.set_completer(_completer(editor, commands))
            editor.parse_and_bind("tab: complete")

    def next(self) -> str | None:
        """The next line, without its end; None at the end of the input. Raises KeyboardInterrupt."""
        if not self.is_interactive:
            line = sys.stdin.readline()
            return line.rstrip("\r\n") if line else None
        try:
            line = input(self._prompt())
        except EOFError:
            errors.print("")
            return None
        if line.strip():
            self._append(line)
        return line

    def _prompt(self) -> str:
        if sys.stdout.isatty():
            return PROMPT
        errors.print(PROMPT, end="")  # stdout has the answers only
        return ""

    def _remember_earlier(self, editor: ModuleType) -> None:
        with contextlib.suppress(OSError, BadRequest):
            lines = self._history.read_text(encoding="utf-8", errors="replace").splitlines()
            for line in lines[-MOST_LINES:]:
                editor.add_history(line)
            if len(lines) > 2 * MOST_LINES:
                self._history.write_text(
                    "".join(f"{line}\n" for line in lines[-MOST_LINES:]), encoding="utf-8"
                )

    def _append(self, line: str) -> None:
        """Nobody else may read it; a disk that is full or read-only is no reason to stop."""
        with contextlib.suppress(OSError, BadRequest):
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self._history, flags, 0o600)
            try:
                os.write(descriptor, f"{' '.join(line.splitlines())}\n".encode(errors="replace"))
            finally:
                os.close(descriptor)


def _editor() -> ModuleType | None:
    """What `input` edits lines with, where Python was built with it."""
    with contextlib.suppress(ImportError):
        return importlib.import_module("readline")
    return None


def _completer(editor: ModuleType, commands: Sequence[str]) -> Callable[[str, int], str | None]:
    """Of commands at the beginning of a line, and of files behind them."""

    def complete(word: str, number: int) -> str | None:
        found = (
            _paths(word) if editor.get_begidx() else [f"{one} " for one in commands if one.startswith(word)]
        )
        return found[number] if number < len(found) else None

    return complete


def _paths(begun: str) -> list[str]:
    folder, name = os.path.split(begun)
    with contextlib.suppress(OSError, BadRequest):
        inside = sorted(expanded(folder or ".").iterdir())
        return [
            os.path.join(folder, one.name) + ("/" if one.is_dir() else "")  # noqa: PTH118 - as it was begun
            for one in inside
            if one.name.startswith(name) and (name or not one.name.startswith("."))
        ]
    return []
