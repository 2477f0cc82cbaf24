"""The JSON schema of a request for decisions: that of its types, with what `translate` does before they see
it. Called by the gateway for its OpenAPI document."""

from typing import Any

from viewfinder.core.config import Limits
from viewfinder.wire.chat import MAX_MODEL_NAME_CHARS
from viewfinder.wire.decisions.translate import IGNORED_HERE
from viewfinder.wire.request_schema import NOT_GIVEN, or_null


def add_what_is_translated(schemas: dict[str, Any], limits: Limits) -> None:
    """Change the schema of `DecisionRequest`, by name, to what is accepted."""
    request = schemas["DecisionRequest"]
    fields = request["properties"]
    request["additionalProperties"] = NOT_GIVEN
    request["description"] = (
        "Fields that are not listed are refused; null means that a field is not given. Messages of the user "
        "may have parts of the type input_json, and custom tool calls are taken, too."
    )
    for name in fields.keys() - set(request["required"]):
        fields[name] = or_null(fields[name])
    fields |= {name: {"description": "Has no effect."} for name in sorted(IGNORED_HERE)}
    fields["stream"] = {"enum": [False, None], "description": "Nothing is streamed."}
    fields["model"]["maxLength"] = MAX_MODEL_NAME_CHARS
    for kind in fields["input"]["oneOf"]:
        if kind["type"] == "array":
            kind["maxItems"] = limits.messages
            kind["items"] = {"anyOf": kind["items"]["oneOf"]}  # more fields may make an item look like two
