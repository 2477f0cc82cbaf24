"""Schemas that are too expensive for an engine to compile."""

from typing import Any

import pytest

from viewfinder.core.errors import BadRequest
from viewfinder.wire.schemas import MAX_SCHEMA_DEPTH, check_schema


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels - 1):
        schema = {"items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        (nested(MAX_SCHEMA_DEPTH + 1), "nested deeper"),
        ({"enum": ["x" * 100] * 200}, "larger than 16 KiB"),
        ({"type": "array", "maxItems": 10**9}, "maxItems above"),
        ({"properties": {"a": {"type": "string", "minLength": 1e9}}}, "minLength above"),
        ({"pattern": "(a+)+" * 100}, "pattern"),
        ({"anyOf": [{"$ref": "http://169.254.169.254/x"}]}, "to another document"),
        ({"$ref": "file:///etc/passwd"}, "to another document"),
    ],
)
def test_refused(schema: dict[str, Any], fault: str) -> None:
    with pytest.raises(BadRequest, match=fault) as caught:
        check_schema(schema, "tools[0].function.parameters")
    assert caught.value.reason == "invalid_schema"
    assert caught.value.param == "tools[0].function.parameters"


@pytest.mark.parametrize(
    "schema",
    [
        {},
        nested(MAX_SCHEMA_DEPTH),
        {"$defs": {"a": {}}, "$ref": "#/$defs/a"},
        {"properties": {"$ref": {"type": "string"}, "maxItems": {"type": "integer"}, "pattern": {}}},
        {"type": "array", "minItems": 2, "maxItems": 20, "items": {"type": "string", "pattern": "^[a-z]+$"}},
    ],
)
def test_taken(schema: dict[str, Any]) -> None:
    check_schema(schema, "response_format.json_schema.schema")
