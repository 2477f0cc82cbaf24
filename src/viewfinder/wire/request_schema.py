"""The JSON schema of a chat request: that of its types, with what `chat` does before they see a request.

Called by the gateway for its OpenAPI document.
"""

from typing import Any

from viewfinder.core.config import Limits
from viewfinder.wire.chat import MAX_MODEL_NAME_CHARS
from viewfinder.wire.fields import EMPTY_VALUES, HONORED, IGNORED, NOT_OF_A_MESSAGE, NOT_OF_A_PART, REFUSED
from viewfinder.wire.messages import (
    AssistantMessage,
    ImagePart,
    InstructionMessage,
    TextPart,
    ToolMessage,
    UserMessage,
    VideoPart,
)

MESSAGES = (InstructionMessage, UserMessage, AssistantMessage, ToolMessage)
PARTS = (TextPart, ImagePart, VideoPart)
WITH_EXTRAS = (
    "ImageURL",
    "VideoURL",
    "ToolCall",
    "CalledFunction",
    "Tool",
    "Function",
    "StreamOptions",
    "Thinking",
)
"""Types of a chat request whose unknown keys have no effect."""
NO_EFFECT = {"description": "Has no effect."}
NOT_GIVEN = {"enum": [None]}
"""What a field that is not listed may be where null means that a field is not given."""


def add_what_is_ignored(schemas: dict[str, Any], limits: Limits) -> None:
    """Change the schemas of `ChatRequest` and of what it holds, by name, to what is accepted."""
    request = schemas["ChatRequest"]
    fields = request["properties"]
    request["description"] = (
        "Fields that are not listed are refused, unless they are empty. What is empty or null is not given."
    )
    for field in HONORED:
        fields[field.name]["description"] = field.says
        if field.name not in request["required"]:
            fields[field.name] = _or(fields[field.name], *EMPTY_VALUES)
    fields |= {field.name: {"description": field.says} for field in IGNORED}
    fields |= {
        field.name: _only(*EMPTY_VALUES, *field.nothing) | {"description": field.says} for field in REFUSED
    }
    request["additionalProperties"] = _only(*EMPTY_VALUES)
    fields["model"]["maxLength"] = MAX_MODEL_NAME_CHARS
    fields["messages"]["maxItems"] = limits.messages
    # `top_logprobs` needs `logprobs`
    request["if"] = {"properties": {"top_logprobs": {"type": "integer", "minimum": 1}}}
    request["if"]["required"] = ["top_logprobs"]
    request["then"] = {"properties": {"logprobs": {"const": True}}, "required": ["logprobs"]}
    schemas["ImageURL"].pop("description", None)  # about our code
    schemas["VideoURL"]["description"] = (
        "`frames`: how many of the clip the model is shown at most, chosen evenly over its time, or where "
        "most changes. The header `x-viewfinder-frames` tells which."
    )
    for kinds, refused in ((MESSAGES, NOT_OF_A_MESSAGE), (PARTS, NOT_OF_A_PART)):
        for kind in kinds:
            properties = schemas[kind.__name__]["properties"]
            nothing = {
                name: _only(*EMPTY_VALUES) | {"description": instead} for name, instead in refused.items()
            }
            schemas[kind.__name__]["properties"] = nothing | properties
            schemas[kind.__name__]["additionalProperties"] = NO_EFFECT
    for name in WITH_EXTRAS:
        schemas[name]["additionalProperties"] = NO_EFFECT
        for key in schemas[name]["properties"].keys() - set(schemas[name].get("required", ())):
            schemas[name]["properties"][key] = or_null(schemas[name]["properties"][key])
    said = schemas["AssistantMessage"]["properties"]
    said["content"] = _or(said["content"], None, [])
    schemas["PlainFormat"]["properties"]["json_schema"] = _only(None)
    schemas["ImageURL"]["properties"]["detail"] = _or(
        schemas["ImageURL"]["properties"]["detail"], *EMPTY_VALUES
    )


def _only(*values: Any) -> dict[str, Any]:
    return {"enum": list(values)}


def _or(field: dict[str, Any], *values: Any) -> dict[str, Any]:
    """The schema of a field that may also be one of these values, none of which is a default of its own."""
    kept = {name: field[name] for name in ("default", "description") if field.get(name) is not None}
    kind = {name: value for name, value in field.items() if name not in ("default", "description")}
    kinds = kind.pop("anyOf", None) or [kind]
    return {"anyOf": [*(one for one in kinds if one != {"type": "null"}), _only(*values)], **kept}


def or_null(field: dict[str, Any]) -> dict[str, Any]:
    """The schema of a field that may also be null, which is no default of its own."""
    kinds = field.get("anyOf", [])
    if {"type": "null"} in kinds:
        return {name: value for name, value in field.items() if (name, value) != ("default", None)}
    default = {"default": field["default"]} if "default" in field else {}
    kind = {name: value for name, value in field.items() if name != "default"}
    return {"anyOf": [kind, {"type": "null"}], **default}
