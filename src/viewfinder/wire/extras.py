"""Takes what has no effect out of a request before its types see it, and names it; called by `chat`.

Only small objects are looked at, and no long value of theirs: 3 us for a question about an image.
"""

import re
from collections.abc import Iterable
from typing import Any

from viewfinder.core.errors import UnsupportedParameter
from viewfinder.wire.fields import HONORED, NOT_OF_A_MESSAGE, NOT_OF_A_PART, ROWS, is_empty
from viewfinder.wire.refusals import unsupported

MOST_IGNORED_SHOWN = 32
"""How many fields without an effect are named: they are sent back in one header."""
NAME_IN_A_HEADER = re.compile(r"[A-Za-z0-9_.\[\]$-]{1,96}")
"""What may be in a header as it is."""
REQUIRED = frozenset({"model", "messages"})
HONORED_NAMES = frozenset(field.name for field in HONORED)

_IN_MESSAGES = {
    "system": frozenset({"role", "content"}),
    "developer": frozenset({"role", "content"}),
    "user": frozenset({"role", "content"}),
    "assistant": frozenset({"role", "content", "tool_calls"}),
    "tool": frozenset({"role", "content", "tool_call_id"}),
}
_IN_PARTS = {kind: frozenset({"type", kind}) for kind in ("text", "image_url", "video_url")}
_IN_IMAGES, _IN_CLIPS = frozenset({"url", "detail"}), frozenset({"url", "frames", "choose"})
_IN_CALLS = frozenset({"id", "type", "function"})
_IN_FUNCTIONS = frozenset({"name", "arguments"})
_IN_TOOLS = frozenset({"type", "function"})
_IN_OFFERED = frozenset({"name", "description", "parameters", "strict"})
MOST_TOOLS = 128
"""More are refused, and no time is spent on the rest."""
_IN_OTHERS = {"stream_options": frozenset({"include_usage"}), "thinking": frozenset({"type"})}


def without_extras(raw: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The fields that have an effect, and the names of those that have none.

    Raises UnsupportedParameter for fields that are refused, and for unknown ones that are not empty.
    """
    names: dict[str, None] = {}
    if not raw.keys() <= HONORED_NAMES:
        raw = {name: value for name, value in raw.items() if _counts(name, value, names)}
    # 0 and false are not empty, and a required field that is says so
    fields = {
        name: value
        for name, value in raw.items()
        if value or value == 0 or (name in REQUIRED and value is not None)
    }
    if isinstance(messages := fields.get("messages"), list):
        fields["messages"] = [
            _message(message, at, names) if isinstance(message, dict) else message
            for at, message in enumerate(messages)
        ]
    if isinstance(tools := fields.get("tools"), list):
        fields["tools"] = [
            _with_function(tool, _IN_TOOLS, _IN_OFFERED, "tools", names) for tool in tools[: MOST_TOOLS + 1]
        ]
    for name, known in _IN_OTHERS.items():
        if isinstance(value := fields.get(name), dict):
            fields[name] = _known(value, known, name, names)
    form = fields.get("response_format")
    if isinstance(form, dict) and form.get("json_schema", form) is None:
        fields["response_format"] = {name: form[name] for name in form if name != "json_schema"}
    return fields, listed(names) if names else []


def _counts(name: str, value: object, names: dict[str, None]) -> bool:
    """Whether a field may have an effect; one that has none gets into `names`, unless it is null."""
    row = ROWS.get(name)
    if row is not None and row.effect == "passed on":
        return True
    if value is None:
        return False
    if row is None and not is_empty(value):
        raise unsupported(name)
    if row is not None and row.effect == "refused" and not row.asks_for_nothing(value):
        message = f"The parameter '{name}' is not supported. {row.says}"
        raise UnsupportedParameter(message, hint=row.instead, param=name)
    names[name] = None
    return False


def listed(names: Iterable[str]) -> list[str]:
    """The names in order, as many as a header should have; one that is no plain word is shown as "?"."""
    shown = sorted({name if NAME_IN_A_HEADER.fullmatch(name) else "?" for name in names})
    more = len(shown) - MOST_IGNORED_SHOWN
    return [*shown[:MOST_IGNORED_SHOWN], f"and {more} more"] if more > 0 else shown


def _is_plain(part: Any) -> bool:
    """Whether there is nothing in a part but a text, or the URL of an image: this is all that most have."""
    if not isinstance(part, dict) or len(part) != 2 or "type" not in part:
        return False
    if "text" in part:
        return bool(part["type"] == "text")
    image = part.get("image_url")
    return isinstance(image, dict) and len(image) == 1 and "url" in image and part["type"] == "image_url"


def _message(message: dict[str, Any], at: int, names: dict[str, None]) -> dict[str, Any]:
    role = message.get("role")
    known = _IN_MESSAGES.get(role) if isinstance(role, str) else None
    if known is None:  # its type says what is wrong with it
        return message
    content = message.get("content")
    is_plain = isinstance(content, str) or (isinstance(content, list) and all(map(_is_plain, content)))
    if is_plain and content != [] and len(message) == 2:
        return message
    if not message.keys() <= known:
        _refuse_meant(message, known, NOT_OF_A_MESSAGE, f"messages[{at}]")
    kept = _known(message, known, "messages", names)
    if isinstance(content := kept.get("content"), list):
        kept["content"] = [
            _part(part, f"messages[{at}].content[{number}]", names) if isinstance(part, dict) else part
            for number, part in enumerate(content)
        ]
    return _assistants(kept, names) if role == "assistant" else kept


def _assistants(message: dict[str, Any], names: dict[str, None]) -> dict[str, Any]:
    """The message of an assistant without empty lists: it has words or calls."""
    kept = {name: value for name, value in message.items() if value != []}
    if isinstance(calls := kept.get("tool_calls"), list):
        path = "messages.tool_calls"
        kept["tool_calls"] = [_with_function(call, _IN_CALLS, _IN_FUNCTIONS, path, names) for call in calls]
    return kept


def _part(part: dict[str, Any], path: str, names: dict[str, None]) -> dict[str, Any]:
    kind = part.get("type")
    known = _IN_PARTS.get(kind) if isinstance(kind, str) else None
    if known is None:
        return part
    if part.keys() != known:
        _refuse_meant(part, known, NOT_OF_A_PART, path)
        part = _known(part, known, "messages.content", names)
    image = part.get("image_url")
    if isinstance(image, dict) and image.keys() != {"url"}:
        image = _known(image, _IN_IMAGES, "messages.content.image_url", names)
        if is_empty(image.get("detail", "auto")):
            del image["detail"]
        return {**part, "image_url": image}
    if isinstance(clip := part.get("video_url"), dict):
        return {**part, "video_url": _known(clip, _IN_CLIPS, "messages.content.video_url", names)}
    return part


def _with_function(
    value: Any, known: frozenset[str], of_function: frozenset[str], path: str, names: dict[str, None]
) -> Any:
    """A tool or a call, whose keys are `known`."""
    if not isinstance(value, dict):
        return value
    kept = _known(value, known, path, names)
    if isinstance(function := kept.get("function"), dict):
        kept["function"] = _known(function, of_function, f"{path}.function", names)
    return kept


def _known(value: dict[str, Any], known: frozenset[str], path: str, names: dict[str, None]) -> dict[str, Any]:
    """Those of the keys that are known and not null."""
    if not value.keys() <= known:
        for name in value.keys() - known:
            if not is_empty(value[name]):
                names[f"{path}.{name}"] = None
    return {name: item for name, item in value.items() if name in known and item is not None}


def _refuse_meant(value: dict[str, Any], known: frozenset[str], refused: dict[str, str], path: str) -> None:
    """Raise UnsupportedParameter for a key without which the answer would be another."""
    for name in sorted(value.keys() & refused.keys() - known):
        if not is_empty(value[name]):
            path = f"{path}.{name}"
            raise UnsupportedParameter(
                f"The parameter '{path}' is not supported.", hint=refused[name], param=path
            )
