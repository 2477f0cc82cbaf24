"""Events as rows of a page, the newest first; made by `fleet`."""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import PurePath
from typing import Any

from viewfinder.fleet.record.events import Event
from viewfinder.fleet.record.sentences import Tone, sentence, span, tone

SHOWN_LISTED = 20
"""Of a list of details: addresses, answers, questions."""


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One event. `key` is the same at every look, `at` the local time (with the date if it is not today's),
    `moment` that for programs; `post_mortem` is a file's name, `evidence` what to fold away below it."""

    key: str
    kind: str
    model: str
    at: str
    moment: str
    ago: str
    text: str
    tone: Tone
    post_mortem: str
    evidence: tuple[str, ...]


def timeline(events: Iterable[Event], now_s: float | None = None) -> list[TimelineRow]:
    """The rows of these events, the newest first as they are; `now_s` is wall-clock time. Good checks of a
    model that follow each other are one row."""
    now_s = time.time() if now_s is None else now_s
    rows = []
    for (_, is_routine), group in groupby(events, lambda event: (event.model, _is_routine(event))):
        several = list(group)
        if is_routine and len(several) > 1:
            first = _row(several[-1], now_s)
            row = _row(several[0], now_s)
            text = f"{row.text} So it was {len(several)} times since {first.at}."
            rows.append(replace(row, text=text))
        else:
            rows += [_row(event, now_s) for event in several]
    return rows


def _is_routine(event: Event) -> bool:
    return event.kind == "canary" and bool(event.details.get("good"))


def ago(duration_s: float | None) -> str:
    """How long ago something was, as a person says it; empty when it never was."""
    if duration_s is None:
        return ""
    if duration_s < 1:
        return "just now"
    return f"{duration_s:.0f} s ago" if duration_s < 10 else f"{span(duration_s)} ago"


def local(moment: str) -> str:
    """An ISO 8601 moment in this computer's zone; as it is, where it is none."""
    with suppress(ValueError):
        return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M:%S}"
    return moment


def _row(event: Event, now_s: float) -> TimelineRow:
    at = datetime.fromtimestamp(event.at_s).astimezone()
    is_today = at.date() == datetime.fromtimestamp(now_s).date()
    return TimelineRow(
        key=f"{event.kind}-{event.at_s * 1e6:.0f}",
        kind=event.kind,
        model=event.model,
        at=f"{at:%H:%M:%S}" if is_today else f"{at:%Y-%m-%d %H:%M:%S}",
        moment=datetime.fromtimestamp(event.at_s, UTC).isoformat(timespec="milliseconds"),
        ago=ago(max(0.0, now_s - event.at_s)),
        text=sentence(event.kind, event.details) or event.kind,
        tone=tone(event.kind, event.details),
        post_mortem=PurePath(str(event.details.get("post_mortem") or "")).name,
        evidence=_evidence(event.kind, event.details),
    )


def _evidence(kind: str, details: dict[str, Any]) -> tuple[str, ...]:
    """What a person may want to see of it beside the sentence."""
    if kind == "quarantine":
        checks = [one for one in _listed(details, "evidence") if isinstance(one, dict)]
        return tuple(
            f"{one.get('question', '')} Expected: {one.get('expected', '')}. It said: {one.get('said', '')}"
            for one in checks
        )
    names = {"refused": ("peers", "From"), "suspect": ("answers", "Answer"), "reload": ("models", "Restarts")}
    if kind not in names:
        return ()
    name, word = names[kind]
    return tuple(f"{word} {one}" for one in _listed(details, name))


def _listed(details: dict[str, Any], name: str) -> list[Any]:
    value = details.get(name)
    return list(value)[:SHOWN_LISTED] if isinstance(value, list | tuple) else []
