"""The fields that not every engine and template has: in the engine's words, or left out and named.

Called by `tools` for each request, once it is known which server process answers.
"""

from typing import Any

from viewfinder.client.endpoint import Endpoint

BEYOND_OPENAI = ("top_k", "min_p", "typical_p", "repeat_penalty", "ignore_eos")
"""Fields that only an engine gets which says that it takes them."""
OFF: dict[str, tuple[float, ...]] = {"top_k": (0, -1), "typical_p": (1,), "repeat_penalty": (1,)}
"""Values that change nothing, for an engine without the field, beside 0 and false."""
ANSWER_FORM = frozenset({"response_format", "tool_choice", "logprobs", "top_logprobs"})
"""What decides the form of an answer: an engine that lacks it cannot answer. The rest is ignored there."""
EFFORTS = frozenset({"none", "minimal", "low", "medium", "high", "xhigh", "max"})
SWITCHED = {"enabled": True, "disabled": False}


def fit_fields(body: dict[str, Any], endpoint: Endpoint) -> list[str]:
    """Put the fields of `body` in the words of the engine at `endpoint`, and return the names of those that
    have no effect there."""
    ignored = _fit_thinking(body, endpoint)
    lacking = [name for name in BEYOND_OPENAI if name not in endpoint.takes]
    for name in (*lacking, *(endpoint.lacks - ANSWER_FORM)):
        value = body.pop(name, None)
        if value and value not in OFF.get(name, ()):
            ignored.append(name)
    for name in BEYOND_OPENAI:
        if name in body:
            _put(body, endpoint.takes[name], body.pop(name))
    return sorted(ignored)


def _fit_thinking(body: dict[str, Any], endpoint: Endpoint) -> list[str]:
    """Thinking is turned on and off by the template, if it has a place for that."""
    effort, switch, kind = (
        body.pop(name, None) for name in ("reasoning_effort", "enable_thinking", "thinking")
    )
    template = endpoint.template
    can_switch = template is not None and template.thinking and "enable_thinking" in endpoint.takes
    has_efforts = template is not None and template.effort and "reasoning_effort" in endpoint.takes
    named = [name for name, value in (("enable_thinking", switch), ("thinking", kind)) if value is not None]
    if switch is None:
        switch = SWITCHED.get(kind or "")
    effort = effort if effort in EFFORTS or effort is None else ""
    ignored = [] if can_switch and switch is not None else named
    if has_efforts and effort and not (effort == "none" and can_switch):
        _put(body, endpoint.takes["reasoning_effort"], effort)
    elif can_switch and effort and switch is None:
        switch = effort != "none"
    elif effort is not None:
        ignored = [*ignored, "reasoning_effort"]
    if can_switch and switch is not None:
        _put(body, endpoint.takes["enable_thinking"], switch)
    return ignored


def _put(body: dict[str, Any], name: str, value: object) -> None:
    """`name` may have a point: a key within an object."""
    outer, _, inner = name.rpartition(".")
    if outer:
        body[outer] = {**body.get(outer, {}), inner: value}
    else:
        body[name] = value
