"""An event in plain words, for people; shown by `viewfinder events` and by the fleet's page.

Details come from the memory of this process or from a file that another version wrote, so every one of them
may be missing or of another kind.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

Tone = Literal["", "good", "warn", "bad"]

SAID_CHARS = 60
"""Of a wrong answer."""
_UNLOADS = {
    "asked": "Unloaded, as asked.",
    "idle": "Unloaded: nobody used it for a while.",
    "evicted": "Unloaded, to make room for another model.",
    "changed": "Unloaded: its settings changed.",
    "memory": "It stays unloaded, because this computer ran out of memory; the next request loads it again.",
}
_FAULTS = {
    "wrong": "it got a known image wrong",
    "stale": "it gave the answer about another image",
    "empty": "its answer about a known image was empty",
    "repeated": "it repeated itself about a known image",
    "error": "it failed at a known image",
}
_REFUSALS = {
    "queue_full": "the model's queue was full",
    "overloaded": "too many requests at once",
    "memory_short": "there was no room in memory",
    "model_failed": "the model is not started again",
    "invalid_api_key": "a missing or wrong API key",
    "host_not_allowed": "a host name that is not allowed",
    "origin_not_allowed": "a web page that is not allowed",
    "request_too_large": "the request was too large",
    "request_timeout": "the request came too slowly",
    "invalid_http": "no valid HTTP",
}
_RELOADS = {
    "applied": "The settings were read again, and hold",
    "unchanged": "The settings were read again, and nothing changed",
    "partly": "The settings were read again, and only some hold",
    "refused": "The settings were not read again",
}
_TONES: dict[str, Tone] = {
    "ready": "good",
    "death": "bad",
    "failed": "bad",
    "quarantine": "bad",
    "suspect": "bad",
    "stall": "bad",
    "files": "bad",
    "restart": "warn",
    "refused": "warn",
    "replay": "warn",
}


def sentence(kind: str, details: Mapping[str, Any]) -> str:
    """What happened, as one or two sentences without the model's name; empty for an unknown kind."""
    say = _SAID.get(kind)
    return say(details) if say else ""


def tone(kind: str, details: Mapping[str, Any]) -> Tone:
    """Whether it is good news, a warning, or bad; empty: neither."""
    if kind == "canary":
        return "" if details.get("good") else "bad"
    if kind == "unload":
        return "warn" if details.get("why") == "memory" else ""
    if kind == "reload":
        return "warn" if details.get("outcome") in ("partly", "refused") else ""
    if kind == "peer":
        return "" if details.get("state") == "reachable" else "warn"
    if kind == "upgrade":
        return "" if details.get("verdict") in ("as before", "faster") else "warn"
    return _TONES.get(kind, "")


def span(duration_s: object) -> str:
    """Seconds as a person says them; empty for what is no number."""
    if not isinstance(duration_s, int | float) or isinstance(duration_s, bool):
        return ""
    for unit, unit_s in (("days", 86400), ("h", 3600), ("min", 60)):
        if duration_s >= 2 * unit_s:
            return f"{duration_s / unit_s:.0f} {unit}"
    if duration_s < 1:
        return f"{max(0, duration_s) * 1000:.0f} ms"
    return f"{duration_s:.1f} s" if duration_s < 10 else f"{duration_s:.0f} s"


def _load(details: Mapping[str, Any]) -> str:
    variant, engine = _text(details, "variant"), _text(details, "engine")
    return f"Loading{f' {variant}' if variant else ''}{f' on {engine}' if engine else ''}."


def _ready(details: Mapping[str, Any]) -> str:
    took = span(details.get("ready_s"))
    return f"Ready after {took}." if took else "Ready."


def _death(details: Mapping[str, Any]) -> str:
    up = span(details.get("up_s"))
    said = _text(details, "explanation") or "Its engine ended unexpectedly."
    return f"{said} It had been ready for {up}." if up else f"{said} It had not become ready."


def _restart(details: Mapping[str, Any]) -> str:
    wait_s, deaths = details.get("after_s"), details.get("deaths")
    when = f"in {span(wait_s)}" if wait_s and span(wait_s) else "at once"
    after = f", after {_several(deaths, 'death')}" if isinstance(deaths, int) else ""
    return f"It is started again {when}{after}."


def _failed(details: Mapping[str, Any]) -> str:
    return f"Not started again, until a person loads it. {_text(details, 'reason')}".rstrip()


def _unload(details: Mapping[str, Any]) -> str:
    return _UNLOADS.get(_text(details, "why"), "Unloaded.")


def _quarantine(details: Mapping[str, Any]) -> str:
    evidence = details.get("evidence")
    last = evidence[-1] if isinstance(evidence, list | tuple) and evidence else None
    expected, said = (
        (_text(last, name) for name in ("expected", "said")) if isinstance(last, dict) else ("", "")
    )
    what = f" It was to say '{expected}' and said '{said[:SAID_CHARS]}'." if expected else ""
    return f"Quarantined and restarted: {_fault(details)}.{what}"


def _canary(details: Mapping[str, Any]) -> str:
    if not details.get("good"):
        return f"A check failed: {_fault(details)}."
    scenes = details.get("scenes")
    count = len(scenes) if isinstance(scenes, list | tuple) else 0
    return f"Verified: {_several(count, 'known image')} answered correctly." if count else "Verified."


def _suspect(details: Mapping[str, Any]) -> str:
    answers = details.get("answers")
    count = len(answers) if isinstance(answers, list | tuple) else 0
    if not count:
        return "No answer was given since the last good check, so none is suspect."
    return f"{_several(count, 'answer')} since the last good check can no longer be trusted."


def _replay(details: Mapping[str, Any]) -> str:
    reason = _text(details, "reason")
    return f"A request was retried{f' ({reason})' if reason else ''}; its client saw no error."


def _files(details: Mapping[str, Any]) -> str:
    return f"Not served on this node. {_text(details, 'reason')}".strip()


def _stall(details: Mapping[str, Any]) -> str:
    silent, phase = span(details.get("silent_s")) or "too long", details.get("phase")
    if phase == "abandoned":
        return f"Killed: it still computed {silent} after the client of its last request had left."
    doing = {"prefill": " while it read a request", "decode": " while it wrote an answer"}.get(str(phase), "")
    expected = span(details.get("expected_s"))
    return f"Killed: it made no progress for {silent}{doing}{f' ({expected} expected)' if expected else ''}."


def _refused(details: Mapping[str, Any]) -> str:
    code, count = _text(details, "code"), details.get("count")
    number = count if isinstance(count, int) else 1
    within = f" within {span(details.get('within_s'))}" if span(details.get("within_s")) else ""
    why = _REFUSALS.get(code, "")
    return f"{_several(number, 'request')} refused{within}: {f'{why} ({code})' if why else code}."


def _reload(details: Mapping[str, Any]) -> str:
    names = ", ".join(map(str, details.get("settings") or ()))
    said = _RELOADS.get(_text(details, "outcome"), "The settings were read again")
    reason = _text(details, "reason")
    return f"{said}{f': {names}' if names else ''}.{f' {reason}' if reason else ''}"


def _upgrade(details: Mapping[str, Any]) -> str:
    says, since, back = (_text(details, name) for name in ("says", "since", "back"))
    way = f" To go back: {back}" if back and details.get("verdict") != "as before" else ""
    return f"Compared with before: {says}{f', since {since}' if since else ''}.{way}"


def _peer(details: Mapping[str, Any]) -> str:
    name, reason = _text(details, "peer"), _text(details, "reason")
    if details.get("state") == "reachable":
        count = details.get("models")
        models = _several(count, "model") if isinstance(count, int) else "its models"
        return f"The gateway '{name}' ({_text(details, 'version')}) answers, with {models}."
    why = f": {reason.rstrip('.')}" if reason else ""
    return f"The gateway '{name}' is {_text(details, 'state') or 'not used'}{why}."


def _fault(details: Mapping[str, Any]) -> str:
    fault = _text(details, "fault")
    return _FAULTS.get(fault, f"it failed a known image ({fault})" if fault else "it failed a known image")


def _text(details: Mapping[str, Any], name: str) -> str:
    value = details.get(name)
    return value if isinstance(value, str) else ""


def _several(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


_SAID: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "load": _load,
    "ready": _ready,
    "death": _death,
    "restart": _restart,
    "failed": _failed,
    "unload": _unload,
    "quarantine": _quarantine,
    "canary": _canary,
    "suspect": _suspect,
    "replay": _replay,
    "files": _files,
    "stall": _stall,
    "refused": _refused,
    "reload": _reload,
    "upgrade": _upgrade,
    "peer": _peer,
}
