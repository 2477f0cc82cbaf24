"""From a request for a response to a chat request; called by the gateway's dialect.

What is OpenAI's own (tools on its servers, files, prompts, conversations) is refused by its name.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from viewfinder.core.config import Limits
from viewfinder.core.errors import BadRequest, UnsupportedParameter
from viewfinder.wire.chat import MAX_PARTS
from viewfinder.wire.outline import Place
from viewfinder.wire.refusals import RESPONSES, quoted, refusal, require_own_fields, unsupported
from viewfinder.wire.responses.conversation import Conversation, Placed, conversation, kept_item
from viewfinder.wire.responses.request import (
    FlatPlainFormat,
    FlatSchemaFormat,
    ReasoningItem,
    ReferenceItem,
    ResponseRequest,
    kind_of,
)

LOGPROBS = "message.output_text.logprobs"
"""What `include` must name for the log probabilities of tokens."""
OF_NO_EFFECT = frozenset(
    {
        "user",
        "safety_identifier",
        "service_tier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "prompt_cache_options",
        "max_tool_calls",
        "stream_options",
        "moderation",
    }
)
OPENAIS_OWN = {
    "background": "Responses are not made in the background.",
    "conversation": "Conversations are kept by their last response only.",
    "prompt": "There are no stored prompts.",
}
WAYS_INSTEAD = {
    "background": "Leave it out, and wait for the answer or stream it.",
    "conversation": "Use 'previous_response_id'.",
    "prompt": "Send the text itself in 'instructions' and 'input'.",
}
AS_DATA_URL = "Send the image itself in 'image_url', as data:image/png;base64,<the file in base64>."


@dataclass(frozen=True, slots=True)
class TranslatedResponse:
    """A request, and what it becomes: `items` are those that it adds to the conversation."""

    request: ResponseRequest
    items: list[dict[str, Any]]
    fields: dict[str, Any]
    ignored: tuple[str, ...]
    where: Callable[[str], str]


def image_places(value: Any) -> list[Place]:
    """The places of images in a body: input[].content[].image_url and input[].output[].image_url."""
    items = value.get("input") if isinstance(value, dict) else None
    contents = [item.get(name) for item in _objects(items) for name in ("content", "output")]
    return [(part, "image_url") for content in contents for part in _objects(content) if "image_url" in part]


def read_request(raw: dict[str, Any], limits: Limits) -> tuple[ResponseRequest, list[str]]:
    """The request, and the names of its fields that have no effect. Raises BadRequest."""
    fields = {name: value for name, value in raw.items() if value is not None}
    require_own_fields(fields, RESPONSES)
    ignored = sorted(OF_NO_EFFECT & fields.keys())
    for name, sentence in OPENAIS_OWN.items():
        if fields.get(name):
            raise UnsupportedParameter(sentence, hint=WAYS_INSTEAD[name], param=name)
    known = {name: value for name, value in fields.items() if name not in OF_NO_EFFECT | OPENAIS_OWN.keys()}
    for name in known:
        if name not in ResponseRequest.model_fields:
            raise unsupported(name)
    _refuse_what_is_elsewhere(known, limits)
    try:
        request = ResponseRequest.model_validate(known)
    except ValidationError as error:
        raise refusal(error, known) from None
    text = known.get("text")
    if isinstance(text, dict) and text.get("verbosity") is not None:
        ignored.append("text.verbosity")
    reasoning = known.get("reasoning") or {}
    ignored += [
        f"reasoning.{quoted(name)[1:-1]}" for name in reasoning if name != "effort" and reasoning[name]
    ]
    if request.truncation == "auto":
        ignored.append("truncation")
    if request.top_logprobs and LOGPROBS not in (request.include or ()):
        ignored.append("top_logprobs")
    ignored += [f"include.{quoted(name)[1:-1]}" for name in request.include or () if name != LOGPROBS]
    return request, [
        name if name.isascii() and name.isprintable() else name.partition(".")[0] for name in ignored
    ]


def _refuse_what_is_elsewhere(fields: dict[str, Any], limits: Limits) -> None:
    """Refuse too many items and parts before any object is made of them, and by its name what only OpenAI's
    servers have."""
    items = fields.get("input")
    if isinstance(items, list):
        _require_at_most(limits.messages, len(items), "items", "too_many_messages")
        parts = [
            (f"input[{at}].{name}[{nth}]", part)
            for at, item in _numbered(items)
            for name in ("content", "output")
            for nth, part in _numbered(item.get(name))
        ]
        _require_at_most(MAX_PARTS, len(parts), "content parts", "too_many_parts")
        for at, item in _numbered(items):
            kind = item.get("type")
            if isinstance(kind, str) and kind_of(item) is None and kind != "message":
                raise UnsupportedParameter(
                    f"Items of the type {quoted(kind)} are not supported.",
                    hint="Leave it out: it belongs to a tool on OpenAI's servers.",
                    param=f"input[{at}].type",
                )
        for path, part in parts:
            _refuse_part(path, part, fields["input"])
    for at, tool in _numbered(fields.get("tools")):
        kind = tool.get("type")
        if isinstance(kind, str) and kind != "function":
            raise UnsupportedParameter(
                f"The tool {quoted(kind)} runs on OpenAI's servers, or is not one of functions.",
                hint="Offer a tool of the type 'function', and run it yourself.",
                param=f"tools[{at}].type",
            )


def _refuse_part(path: str, part: dict[str, Any], items: list[Any]) -> None:
    kind = part.get("type")
    if kind == "input_video":
        raise UnsupportedParameter(
            "The Responses API has no parts with clips.",
            hint="Send it to POST /v1/chat/completions in a part of the type 'video_url'.",
            param=f"{path}.type",
        )
    if kind in ("input_file", "input_audio"):
        raise UnsupportedParameter(
            f"Parts of the type '{kind}' are not supported.",
            hint="Send pages as images, and words as text.",
            param=f"{path}.type",
        )
    if kind != "input_image":
        return
    if part.get("file_id") is not None:
        raise UnsupportedParameter("There are no stored files.", hint=AS_DATA_URL, param=f"{path}.file_id")
    item = items[int(path[len("input[") : path.index("]")])]
    if item.get("role") != "user":
        role = quoted(str(item.get("role")))
        whose = "the result of a function" if "output" in item else f"a message of the role {role}"
        raise UnsupportedParameter(
            f"An image cannot be in {whose}: models take images from the user only.",
            hint="Send it in a message of the role 'user' after it.",
            param=path,
        )


def placed_items(
    request: ResponseRequest, resolve: Callable[[str, str], dict[str, Any]]
) -> tuple[list[Placed], bool]:
    """The items of the request's input, and whether thoughts were left out; `resolve` gets the item with an
    id, and the path to name if there is none."""
    if isinstance(request.input, str):
        words = {"type": "message", "role": "user", "content": request.input}
        return [Placed(words, "input")], False
    placed, thought = list[Placed](), False
    for at, item in enumerate(request.input):
        path = f"input[{at}]"
        if isinstance(item, ReferenceItem):
            kept = resolve(item.id, f"{path}.id")
            thought |= kept["type"] == "reasoning"
            placed.append(Placed(kept, path, is_kept=True))
        elif isinstance(item, ReasoningItem):
            thought = True
        else:
            placed.append(Placed(kept_item(item), path))
    return [one for one in placed if one.item["type"] != "reasoning"], thought


def translated(
    request: ResponseRequest, ignored: Sequence[str], kept: Sequence[Placed], new: Sequence[Placed]
) -> TranslatedResponse:
    """The chat request for a conversation: instructions, what is kept of it, what is new."""
    first = []
    if request.instructions is not None:
        item = {"type": "message", "role": "system", "content": request.instructions}
        first.append(Placed(item, "instructions"))
    made = conversation([*first, *kept, *new])
    if not made.messages:
        raise BadRequest("'input' has nothing to answer.", hint="Add a message.", param="input")
    fields = {
        "model": request.model,
        "messages": made.messages,
        "max_completion_tokens": request.max_output_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "tools": _tools(request),
        "tool_choice": _tool_choice(request),
        "response_format": _response_format(request),
        "reasoning_effort": request.reasoning.effort if request.reasoning else None,
    }
    if request.stream:
        fields |= {"stream": True, "stream_options": {"include_usage": True}}
    if LOGPROBS in (request.include or ()):
        fields |= {"logprobs": True, "top_logprobs": request.top_logprobs or 0}
    if request.tools and request.parallel_tool_calls is not None:
        fields["parallel_tool_calls"] = request.parallel_tool_calls
    return TranslatedResponse(
        request,
        [one.item for one in new],
        {name: value for name, value in fields.items() if value is not None},
        tuple(ignored),
        where_in(made),
    )


def where_in(made: Conversation) -> Callable[[str], str]:
    """Turns the path of a field of the chat request into the client's own."""
    moved = (
        (r"response_format\.json_schema\b", "text.format"),
        (r"response_format\b", "text.format"),
        (r"(tools\[\d+\])\.function\b", r"\1"),
        (r"tool_choice\.function\b", "tool_choice"),
        (r"max_(completion_)?tokens\b", "max_output_tokens"),
        (r"reasoning_effort\b", "reasoning.effort"),
        (r"logprobs\b", "include"),
        (r"stream_options\b", "stream"),
    )

    def where(path: str) -> str:
        if path.startswith("messages"):
            return made.where(path)
        for pattern, own in moved:
            if re.match(pattern, path):
                return re.sub(pattern, own, path, count=1)
        return path

    return where


def _tools(request: ResponseRequest) -> list[dict[str, Any]] | None:
    tools = [tool.model_dump(exclude_none=True, exclude={"type"}) for tool in request.tools or ()]
    return [{"type": "function", "function": tool} for tool in tools] or None


def _tool_choice(request: ResponseRequest) -> str | dict[str, Any] | None:
    choice = request.tool_choice
    if choice is None or isinstance(choice, str):
        return choice
    return {"type": "function", "function": {"name": choice.name}}


def _response_format(request: ResponseRequest) -> dict[str, Any] | None:
    format = request.text.format if request.text else None
    if isinstance(format, FlatSchemaFormat):
        named = format.model_dump(exclude_none=True, by_alias=True, exclude={"type"})
        return {"type": "json_schema", "json_schema": named}
    return {"type": format.type} if isinstance(format, FlatPlainFormat) else None


def _require_at_most(most: int, count: int, what: str, code: str) -> None:
    if count > most:
        raise BadRequest(f"The request has {count} {what}; the most is {most}.", param="input", code=code)


def _numbered(value: Any) -> list[tuple[int, dict[str, Any]]]:
    items = value if isinstance(value, list) else []
    return [(at, item) for at, item in enumerate(items) if isinstance(item, dict)]


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for _, item in _numbered(value)]
