"""In the place of a repository's own Python code: running it ends the engine at once.

So a test that gets an answer has proven that no code from a model's repository was run.
"""

from pathlib import Path

TRAP = 'raise SystemExit("Code from a model\'s repository was run.")\n'


def write_trap(folder: Path, *names: str) -> None:
    """A trap under each name; SystemExit passes the `except Exception` around such loading."""
    for name in names:
        (folder / name).write_text(TRAP, encoding="utf-8")
