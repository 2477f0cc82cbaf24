"""What a grammar holds of a schema: rewritten where it can be said otherwise, else listed with its path."""

import random
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.e2e.strict_schemas import PATTERNS, whole_of
from viewfinder.core.config import Limits
from viewfinder.core.errors import BadRequest
from viewfinder.wire.exact_patterns import rewritten
from viewfinder.wire.formats import FORMAT_PATTERNS
from viewfinder.wire.held_schemas import Held
from viewfinder.wire.pattern_cost import SchemaFault
from viewfinder.wire.schemas import EnforcedSchema, check_enforced, check_schemas

TEXT = {"type": "string"}


def text(pattern: str, **more: Any) -> dict[str, Any]:
    return {**TEXT, "pattern": pattern, **more}


@pytest.mark.parametrize(
    ("pattern", "engines"),
    [
        (r"^\d{4}$", "^[0-9]{4}$"),
        (r"^a$|^b$", "^(a|b)$"),
        (r"^(?:ab|cd)+$", "^(ab|cd)+$"),
        (r'^"$', r"^([\x5c][\x22])$"),
        (r"^\n$", r"^([\x5c]n)$"),
        (r"^[\w.]+$", r"^[\x2e0-9A-Z\x5fa-z]+$"),
        (r"^(?P<year>\d+?)$", "^[0-9]+$"),
        (r"^(a|)$", "^(a|)$"),
        (r"^[[a]$", r"^[\x5ba]$"),
        (r"^[\ud700-\udfff]$", r"^[\ud700-\udfff]$"),
    ],
)
def test_patterns_in_words_that_the_engine_reads(pattern: str, engines: str) -> None:
    assert rewritten(pattern) == engines


@pytest.mark.parametrize(
    "pattern", [r"^(?=a)a$", r"\ba", r"(?i)a", r"^(a)\1$", r"^\p{L}$", "^a(^b)$", "(", r"^[\ud800]$"]
)
def test_patterns_that_no_grammar_holds(pattern: str) -> None:
    with pytest.raises(SchemaFault):
        rewritten(pattern)


@pytest.mark.parametrize("pattern", [r"^\S+$", r"^[^\ud800]$", r"^[\ud7ff-\ue000]$", r"^\D\W.$"])
def test_no_pattern_has_half_a_character(pattern: str) -> None:
    """The body could not be written as UTF-8: a 500."""
    rewritten(pattern).encode()


def test_a_pattern_takes_its_length_in() -> None:
    assert rewritten("^[a-z]+$", 2, 9) == "^[a-z]{2,9}$"
    assert rewritten("^[a-z]{3}$", 1, 3) == "^[a-z]{3}$"
    with pytest.raises(SchemaFault):
        rewritten("^(ab)+$", 0, 3)


@given(pattern=st.sampled_from(PATTERNS), text=st.text(max_size=6))
def test_what_is_rewritten_matches_nothing_else(pattern: str, text: str) -> None:
    """On texts that JSON writes as they are; the rest is in JSON's own letters."""
    try:
        engines = rewritten(pattern)
    except SchemaFault:
        return
    if text.isprintable() and not set(text) & set('"\\') and re.fullmatch(engines[1:-1], text):
        assert re.search(pattern, text)


@pytest.mark.parametrize(
    ("schema", "held"),
    [
        ({"type": "integer", "minimum": 5, "exclusiveMaximum": 7}, {"enum": [5, 6]}),
        ({"type": "integer", "multipleOf": 5, "minimum": 1, "maximum": 12}, {"enum": [5, 10]}),
        ({"type": "number", "multipleOf": 5, "minimum": 1, "maximum": 12}, {"enum": [5, 10]}),
        ({"type": "number", "minimum": 0, "exclusiveMaximum": 0.03}, {"enum": [0, 0.01, 0.02]}),
        ({"minimum": 0.29, "maximum": 0.31}, {"enum": [0.29, 0.3, 0.31]}),
        (
            {"type": "number", "exclusiveMinimum": 1, "maximum": 3.25},
            {"enum": [1.01, *(at / 10 for at in range(11, 33)), 3.25]},
        ),
        ({"type": ["string", "null"], "enum": ["a", None, 1]}, {"enum": ["a", None]}),
        ({"allOf": [TEXT, {"enum": ["x", 1]}]}, {"enum": ["x"]}),
        (
            {"type": ["string", "null"], "maxLength": 2},
            {"anyOf": [{**TEXT, "maxLength": 2}, {"type": "null"}]},
        ),
        ({"minLength": 2, "title": "T"}, {**TEXT, "minLength": 2}),
        (
            {"type": "object", "required": ["a"]},
            {"type": "object", "properties": {"a": {}}, "required": ["a"]},
        ),
        (
            {"properties": {"a": TEXT, "b": TEXT}, "minProperties": 1},
            {"type": "object", "properties": {"a": TEXT, "b": TEXT}, "required": ["a"]},
        ),
        (
            {"properties": {"a": TEXT}, "maxProperties": 2},
            {"type": "object", "properties": {"a": TEXT}, "additionalProperties": False},
        ),
        (
            {"$ref": "#/$defs/x~1y", "$defs": {"x/y": TEXT}},
            {"$ref": "#/$defs/d0", "$defs": {"d0": TEXT}},
        ),
    ],
)
def test_rewritten(schema: dict[str, Any], held: dict[str, Any]) -> None:
    found = Held(schema)
    assert (found.schema, found.unheld) == (held, [])


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        (text("(?=a)"), ".pattern"),
        (text("^(ab)+$", maxLength=3), ".maxLength"),
        ({**TEXT, "format": "iri"}, ".format"),
        ({"type": "number", "maximum": 1e308, "minimum": -1e308}, [".maximum", ".minimum"]),
        ({"type": "number", "minimum": -90, "maximum": 90}, [".maximum", ".minimum"]),
        ({"type": "number", "minimum": 1, "exclusiveMaximum": 1}, [".exclusiveMaximum", ".minimum"]),
        (
            {"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.1},
            [".maximum", ".minimum", ".multipleOf"],
        ),
        ({"type": "number", "minimum": 0}, ".minimum"),
        ({"type": "integer", "multipleOf": 7}, ".multipleOf"),
        ({"type": "array", "uniqueItems": True}, ".uniqueItems"),
        ({"type": "array", "contains": TEXT}, ".contains"),
        ({"prefixItems": [TEXT], "minItems": 2}, ".minItems"),
        ({"properties": {"a": TEXT, "b": TEXT}, "maxProperties": 1}, ".maxProperties"),
        ({"additionalProperties": TEXT, "maxProperties": 1}, ".maxProperties"),
        ({"not": TEXT}, ".not"),
        ({"if": TEXT, "then": TEXT}, ".if"),
        ({"patternProperties": {"^a": TEXT}}, ".patternProperties"),
        ({"properties": {"a": {"oneOf": [TEXT, TEXT]}}}, ".properties.a.oneOf"),
        ({"anyOf": [TEXT], "maxLength": 2}, ".maxLength"),
        ({"enum": ["a"], "maxLength": 2}, ".maxLength"),
        ({"items": {"$ref": "#/$defs/d", "maxLength": 1}, "$defs": {"d": TEXT}}, ".items.maxLength"),
        ({"allOf": [{"minLength": 1}, {"minLength": 2}]}, ".allOf"),
        ({"properties": {}, "required": ["a"], "additionalProperties": False}, ".required"),
        ({"type": "frog"}, ".type"),
        ({"enum": [1], "type": "string"}, ".enum"),
    ],
)
def test_listed(schema: dict[str, Any], path: str | list[str]) -> None:
    paths = [path] if isinstance(path, str) else path
    assert Held(schema).unheld == paths
    with pytest.raises(BadRequest) as caught:
        check_enforced([EnforcedSchema(schema, "x", is_strict=True)], Limits())
    assert (caught.value.param, caught.value.reason) == (f"x{paths[0]}", "invalid_schema")
    assert check_enforced([EnforcedSchema(schema, "x", is_strict=False)], Limits()) == [
        f"x{path}" for path in paths
    ]


@pytest.mark.parametrize("name", sorted(FORMAT_PATTERNS))
def test_formats_are_patterns_that_an_engine_can_bear(name: str) -> None:
    check_enforced([EnforcedSchema({**TEXT, "format": name}, "x", is_strict=True)], Limits())


def test_a_header_holds_no_name_of_the_client_as_it_is() -> None:
    schema = {"properties": {"a\r\nb: é": {"not": {}}}}
    assert check_enforced([EnforcedSchema(schema, "x", is_strict=False)], Limits()) == [
        "x.properties.a??b:??.not"
    ]


def test_what_is_required_a_thousand_times_is_rewritten_once() -> None:
    schema: dict[str, Any] = TEXT
    for _ in range(10):
        schema = {
            "type": "object",
            "required": [f"n{at}" for at in range(50)],
            "additionalProperties": schema,
        }
    started_s = time.process_time()
    Held(schema)
    assert time.process_time() - started_s < 0.5


@pytest.mark.parametrize("seed", range(60))
def test_anything_is_rewritten_or_refused(seed: int) -> None:
    schema = whole_of(random.Random(seed))
    refused = ""
    try:
        check_schemas([(schema, "x")], Limits())
        check_enforced([EnforcedSchema(schema, "x", is_strict=False)], Limits())
    except BadRequest as error:
        refused = error.reason
    assert refused in ("", "invalid_schema")
