"""The JSON schema of a request for a response: that of its types, with what `translate` does before they see
it. Called by the gateway for its OpenAPI document."""

from typing import Any

from viewfinder.core.config import Limits
from viewfinder.wire.chat import MAX_MODEL_NAME_CHARS
from viewfinder.wire.request_schema import NOT_GIVEN, or_null
from viewfinder.wire.responses.translate import OF_NO_EFFECT, OPENAIS_OWN


def add_what_is_read(schemas: dict[str, Any], limits: Limits) -> None:
    """Change the schema of `ResponseRequest`, by name, to what is accepted."""
    request = schemas["ResponseRequest"]
    fields = request["properties"]
    request["additionalProperties"] = NOT_GIVEN
    request["description"] = "Fields that are not listed are refused; null means that a field is not given."
    for name in fields.keys() - set(request["required"]):
        fields[name] = or_null(fields[name])
    fields |= {name: {"description": "Has no effect."} for name in sorted(OF_NO_EFFECT)}
    nothing: dict[str, Any] = {"enum": [None, False, 0, "", [], {}]}
    nothing["description"] = "Nothing else is supported."
    fields |= dict.fromkeys(OPENAIS_OWN, nothing)
    fields["model"]["maxLength"] = MAX_MODEL_NAME_CHARS
    for kind in fields["input"]["oneOf"]:
        if kind["type"] == "array":
            kind["maxItems"] = limits.messages
            kind["items"] = {"anyOf": kind["items"]["oneOf"]}  # more fields may make an item look like two
    schemas["ReferenceItem"]["not"] = {"required": ["role"]}  # it would be a message
    schemas["InputImage"].pop("description", None)  # about our code
