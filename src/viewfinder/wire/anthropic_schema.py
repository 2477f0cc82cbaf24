"""The JSON schema of a request of Anthropic's API: that of its types, with what `anthropic` and `chat` do
before and after they see it.

Called by the gateway for its OpenAPI document.
"""

from typing import Any

from viewfinder.core.config import Limits
from viewfinder.wire.anthropic import without_effect_on
from viewfinder.wire.anthropic_request import CountRequest
from viewfinder.wire.chat import MAX_MODEL_NAME_CHARS
from viewfinder.wire.request_schema import NOT_GIVEN, or_null


def add_what_is_ignored(schemas: dict[str, Any], limits: Limits, kind: type[CountRequest]) -> None:
    """Change the schema of the request of this kind, and of what it holds, to what is accepted."""
    request = schemas[kind.__name__]
    fields = request["properties"]
    request["additionalProperties"] = NOT_GIVEN
    request["description"] = "Fields that are not listed are refused; null means that a field is not given."
    for name in fields.keys() - set(request["required"]):
        fields[name] = or_null(fields[name])
    fields |= {name: {"description": "Has no effect."} for name in sorted(without_effect_on(kind))}
    fields["model"]["maxLength"] = MAX_MODEL_NAME_CHARS
    fields["messages"]["maxItems"] = limits.messages
    for name in ("Base64Source", "UrlSource"):
        schemas[name].pop("description", None)  # about our code
