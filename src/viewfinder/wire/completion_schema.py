"""The JSON schema of a request for a completion: the fields of a chat request that mean the same, and others.

Called by the gateway for its OpenAPI document, after the schema of `ChatRequest` is what is accepted.
"""

from typing import Any

from viewfinder.wire.completion_types import DEFAULT_TOKENS
from viewfinder.wire.completions import OF_CHAT_ONLY
from viewfinder.wire.request_schema import or_null


def add_fields_of_chat(schemas: dict[str, Any]) -> None:
    """Change the schema of `CompletionRequest`, by name, to what is accepted."""
    request, chat = schemas["CompletionRequest"], schemas["ChatRequest"]["properties"]
    request["description"] = "Fields that are not listed are refused, unless they are empty."
    request["additionalProperties"] = schemas["ChatRequest"]["additionalProperties"]
    own = {
        name: field if name in request["required"] else or_null(field)
        for name, field in request["properties"].items()
    }
    shared = {name: field for name, field in chat.items() if name not in OF_CHAT_ONLY}
    request["properties"] = {**shared, **own, "model": chat["model"]}
    request["properties"]["max_tokens"] = {**shared["max_tokens"], "default": DEFAULT_TOKENS}
