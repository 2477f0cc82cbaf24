"""The limits of a schema; what real engines make of it is tested in `tests/hostile/test_schemas`."""

import re
import time
from typing import Any

import pytest

from viewfinder.core.config import Limits
from viewfinder.core.errors import BadRequest
from viewfinder.wire.keywords import MAX_NAME_CHARS, MAX_OPTIONAL
from viewfinder.wire.schema_cost import MAX_ALTERNATIVES, MAX_REFERENCES, Costs
from viewfinder.wire.schemas import MAX_BYTES, MAX_BYTES_TOGETHER, MAX_SCHEMA_DEPTH, check_schemas

PARAM = "tools[0].function.parameters"
TEXT = {"type": "string"}


def check(schema: dict[str, Any], **limits: int) -> None:
    check_schemas([(schema, PARAM)], Limits(**limits))


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels - 1):
        schema = {"items": schema}
    return schema


def named(count: int) -> dict[str, Any]:
    return {f"p{number}": TEXT for number in range(count)}


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        (nested(MAX_SCHEMA_DEPTH + 1), "nested deeper"),
        ({"enum": ["x" * 100] * (MAX_BYTES // 100)}, "larger than 64 KiB"),
        ({"type": "array", "maxItems": 10**9}, "maxItems above 1,000,000"),
        ({"properties": {"a": {"type": "string", "minLength": 1e9}}}, "minLength above 2,000"),
        ({"type": "array", "minItems": 1.5}, "minItems that is no count"),
        ({"type": "array", "minItems": -1}, "minItems that is no count"),
        ({"type": "array", "minItems": True}, "minItems that is no count"),
        ({"type": "array", "minItems": 7, "maxItems": 2}, "maxItems below its minItems"),
        ({"type": "string", "minLength": 7, "maxLength": 2}, "maxLength below its minLength"),
        ({"type": ["object"] * 9}, "type twice"),
        ({"pattern": "(a+)+" * 300}, "pattern of more than"),
        ({"prefixItems": [{"pattern": "a" * 1000}] * 9}, "characters of patterns"),
        ({"anyOf": [{"$ref": "http://169.254.169.254/x"}]}, "to another document"),
        ({"$ref": "file:///etc/passwd"}, "to another document"),
        ({"$ref": "#/$defs/a"}, "a part that it does not have"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, "nothing but itself"),
        ({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}}, "itself"),
        ({"anyOf": [{"$ref": "#"}, TEXT]}, "nothing but itself"),
        ({"properties": {"x" * (MAX_NAME_CHARS + 1): TEXT}}, "whose name has more than"),
        ({"$ref": "#/$defs/" + "x" * MAX_NAME_CHARS}, "a reference of more than"),
        ({"properties": named(MAX_OPTIONAL + 1)}, "optional properties"),
        ({"anyOf": [TEXT] * (MAX_ALTERNATIVES + 1)}, "alternatives in one place"),
        (
            {
                "prefixItems": [{"$ref": f"#/$defs/{number}"} for number in range(MAX_REFERENCES + 1)],
                "$defs": {str(number): TEXT for number in range(MAX_REFERENCES + 1)},
            },
            "different references",
        ),
        ({"properties": named(9), "enum": ["x" * 60_000]}, "60,0"),
    ],
)
def test_refused(schema: dict[str, Any], fault: str) -> None:
    with pytest.raises(BadRequest, match=re.escape(fault)) as caught:
        check(schema)
    assert caught.value.reason == "invalid_schema"
    assert caught.value.param == PARAM
    assert caught.value.hint


@pytest.mark.parametrize(
    "schema",
    [
        {},
        nested(MAX_SCHEMA_DEPTH),
        {"$defs": {"a": {}}, "$ref": "#/$defs/a"},
        {"properties": {"$ref": TEXT, "maxItems": {"type": "integer"}, "pattern": {}, "minItems": TEXT}},
        {"type": "array", "minItems": 2, "maxItems": 20, "items": {"type": "string", "pattern": "^[a-z]+$"}},
        {"properties": named(MAX_OPTIONAL)},
        {"properties": {"next": {"$ref": "#"}}},
        {"type": "string", "maxLength": 4000},
        {"properties": {"a": {"$defs": {"b": TEXT}, "$ref": "#/$defs/b"}}},  # as llama.cpp finds it
        {"type": "object", "properties": [], "required": 7, "enum": 1, "anyOf": {}, "type ": []},
    ],
)
def test_taken(schema: dict[str, Any]) -> None:
    check(schema)


def one(*values: Any, **more: Any) -> dict[str, Any]:
    """An object with these constants as `kind`, and more properties, all of them required."""
    properties = {**more, "kind": {"enum": list(values)}} if values else more
    return {"type": "object", "properties": properties, "required": list(properties)}


@pytest.mark.parametrize(
    ("alternatives", "ways"),
    [
        ([TEXT, {"type": "number"}, {"type": "null"}, {"type": "array"}], 1),
        ([{"const": "a"}, {"const": "b"}, {"enum": ["c", "d"]}], 1),
        ([TEXT, TEXT, TEXT], 3),
        ([one(a=TEXT), one(b=TEXT), one(c=TEXT)], 1),  # the names differ
        ([one(a=TEXT), one(a={"type": "array"}), one(b=TEXT)], 2),
        ([one("x", "y"), one("z"), one("w")], 1),  # the kinds differ
        ([one("x"), one("x"), one("z")], 2),
        ([one("x", id=TEXT), one("y", id=TEXT)], 1),  # behind a text that both have
        ([one("x", id={"type": "array"}), one("y", id={"type": "array"})], 2),  # behind what may be long
        ([one("x"), one("y"), {}], 2),  # {} may begin with anything
        ([{"$ref": "#/$defs/x"}, {"$ref": "#/$defs/x"}], 2),
        ([{"anyOf": [TEXT, TEXT]}, {"type": "null"}], 3),
        ([{"type": ["string", "null"]}, TEXT], 2),
    ],
)
def test_alternatives_that_begin_alike_add_up(alternatives: list[Any], ways: int) -> None:
    schema = {"anyOf": alternatives, "$defs": {"x": one("x")}}
    assert Costs(schema).of(schema).ways == ways


@pytest.mark.parametrize("values", [0, 4000])
def test_what_many_alternatives_share_is_read_once(values: int) -> None:
    """Each of 256 references read all 4,000 values again: 37 KB took 2.7 s, and a request can hold 14 such
    schemas. Without values, it was the names of 1,500 properties."""
    shared = (
        one(*map(str, range(values)))
        if values
        else one(**{f"{at:x}": {"type": "null"} for at in range(1500)})
    )
    schema = {"anyOf": [{"$ref": "#/$defs/a"}] * 256, "$defs": {"a": shared}}
    began_s = time.thread_time()
    with pytest.raises(BadRequest):
        check(schema)
    assert time.thread_time() - began_s < 0.5


def test_references_to_references_multiply() -> None:
    levels = {f"d{at}": {"oneOf": [{"$ref": f"#/$defs/d{at + 1}"}] * 10} for at in range(12)}
    schema = {"$ref": "#/$defs/d0", "$defs": {**levels, "d12": TEXT}}
    costs = Costs(schema)
    assert costs.of(schema).ways == 10**12
    assert costs.states < 1000  # no part was counted twice
    with pytest.raises(BadRequest, match="more than a billion ways"):
        check(schema)


def test_what_contains_itself_twice_and_begins_alike_is_refused() -> None:
    """Each level of the answer would double the ways: a schema has no bound for that."""
    tree = {"anyOf": [one(left={"$ref": "#"}, right={"$ref": "#"}), one(left={"$ref": "#"}), TEXT]}
    with pytest.raises(BadRequest, match="contain themselves and begin alike"):
        check(tree)
    tree["anyOf"] = [one("sum", left={"$ref": "#"}), one("not", inner={"$ref": "#"}), TEXT]
    check(tree)


def test_the_limits_are_the_users() -> None:
    schema = {"type": "string", "pattern": "^(a?){80}$"}
    with pytest.raises(BadRequest, match=r"limits\.schema_ways"):
        check(schema)
    check(schema, schema_ways=3240)
    with pytest.raises(BadRequest, match=r"limits\.schema_states"):
        check(schema, schema_ways=3240, schema_states=80)


def test_the_schemas_of_a_request_count_together() -> None:
    schema = {"type": "array", "items": {"type": "string", "maxLength": 1000}}
    check_schemas([(schema, PARAM)] * 49, Limits())
    with pytest.raises(BadRequest, match="50,1"):
        check_schemas([(schema, PARAM)] * 50, Limits())
    large = {"description": "x" * (MAX_BYTES - 100)}
    with pytest.raises(BadRequest, match="512 KiB"):
        check_schemas([(large, PARAM)] * (MAX_BYTES_TOGETHER // MAX_BYTES + 1), Limits())
