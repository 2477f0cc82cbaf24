"""`viewfinder logs MODEL` and `viewfinder events`: the log files, also while nothing runs."""

import contextlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import typer

from viewfinder.cli.console import errors, say
from viewfinder.fleet.record.sentences import sentence

LINES = typer.Option("--lines", "-n", min=0, help="Number of lines to show.")
FOLLOW = typer.Option("--follow", "-f", help="Keep printing new lines.")


def logs(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model's name or id.")],
    last: Annotated[int, LINES] = 50,
    follow: Annotated[bool, FOLLOW] = False,
) -> None:
    """Show the output of a model's engine; control characters are spelled out."""
    from viewfinder.api.logs import lines, log_file

    _print(lines(log_file(model), last, follow=follow))


def events(
    last: Annotated[int, LINES] = 50,
    follow: Annotated[bool, FOLLOW] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """Show the events of `serve`: loads, deaths, refusals, reloads and others."""
    from viewfinder.api.logs import lines
    from viewfinder.core.paths import event_file

    if not follow and not event_file().exists():
        errors.print("There are no events yet: `viewfinder serve` writes them.")
        return
    shown = lines(event_file(), last, follow=follow)
    _print(shown if as_json else map(_sentence, shown))


def _print(lines: Iterable[str]) -> None:
    """Print lines as they are, neither wrapped nor coloured, until Ctrl-C."""
    with contextlib.suppress(KeyboardInterrupt):
        for line in lines:
            say(f"{line}\n")


def _sentence(line: str) -> str:
    """An event on one line; a line that is not an event (cut by a full disk, for example) stays as it is."""
    try:
        event = json.loads(line)
        kind, details = event["kind"], event["details"]
        at = datetime.fromtimestamp(event["at_s"]).astimezone()
        said = sentence(kind, details) or " ".join(f"{name}={value}" for name, value in details.items())
        file = details.get("post_mortem")
        words = (event["model"], said, f"Post-mortem: {file}" if file else "")  # a reload is of no model
        return "  ".join((f"{at:%Y-%m-%d %H:%M:%S}", kind.ljust(10), *filter(None, words)))
    except (ValueError, KeyError, TypeError, AttributeError):
        return line
