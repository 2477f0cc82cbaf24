"""The JSON schema of a chat request: that of its types, with what `chat` does before they see a request.

Called by the gateway for its OpenAPI document.
"""

from typing import Any

from viewfinder.core.config import Limits
from viewfinder.wire.chat import IGNORED, IGNORED_IN_MESSAGES, MAX_MODEL_NAME_CHARS
from viewfinder.wire.messages import AssistantMessage, InstructionMessage, ToolMessage, UserMessage

MESSAGES = (InstructionMessage, UserMessage, AssistantMessage, ToolMessage)


def add_what_is_ignored(schemas: dict[str, Any], limits: Limits) -> None:
    """Change the schemas of `ChatRequest` and of what it holds, by name, to what is accepted."""
    request = schemas["ChatRequest"]
    fields = request["properties"]
    request["description"] = "Fields that are not listed are refused; null means that a field is not given."
    for name in fields.keys() - set(request["required"]):
        fields[name] = or_null(fields[name])
    fields |= {name: {"description": "Has no effect."} for name in sorted(IGNORED)}
    fields["model"]["maxLength"] = MAX_MODEL_NAME_CHARS
    fields["messages"]["maxItems"] = limits.messages
    for name in ("max_tokens", "max_completion_tokens"):
        number_of(fields[name])["maximum"] = limits.output_tokens
    # `top_logprobs` needs `logprobs`
    request["if"] = {"properties": {"top_logprobs": {"type": "integer", "minimum": 1}}}
    request["if"]["required"] = ["top_logprobs"]
    request["then"] = {"properties": {"logprobs": {"const": True}}, "required": ["logprobs"]}
    schemas["ImageURL"].pop("description", None)  # about our code
    for kind in MESSAGES:
        message = schemas[kind.__name__]
        message["properties"] |= {
            name: {"description": "Has no effect."} for name in sorted(IGNORED_IN_MESSAGES)
        }
        # OpenAI's client sends every field of a reply back, old ones with null
        message["additionalProperties"] = {"type": "null"}


def or_null(field: dict[str, Any]) -> dict[str, Any]:
    """The schema of a field that may also be null, which is no default of its own."""
    kinds = field.get("anyOf", [])
    if {"type": "null"} in kinds:
        return {name: value for name, value in field.items() if (name, value) != ("default", None)}
    default = {"default": field["default"]} if "default" in field else {}
    kind = {name: value for name, value in field.items() if name != "default"}
    return {"anyOf": [kind, {"type": "null"}], **default}


def number_of(field: dict[str, Any]) -> dict[str, Any]:
    """The schema of the number that a field may be."""
    number: dict[str, Any] = next(kind for kind in field["anyOf"] if kind["type"] == "integer")
    return number
