"""Random JSON schemas with every keyword, for the test that an answer fits each, or that it is refused."""

import random
from typing import Any

PATTERNS = (
    r"^\d{4}$", r"\d{2}", r"^[A-Z]{2}-\d+$", r"^\w+@\w+\.com$", r"^a|b$", r"^.{1,5}$", r'^"[^"]"$', r"^\\n$",
    r"^(?=a)a$", r"\bx\b", r"^\S{2,4}$", r"^[^a-z\s]{3}$", r"^(ab|cd)*e?$", r"^é+$", r"^a\tb$", "^$",
    r"^[\]\-^]$",
)  # fmt: skip
FORMATS = (
    "date", "time", "date-time", "uuid", "ipv4", "email", "hostname", "uri", "ipv6", "duration", "iri",
    "int32",
)  # fmt: skip
VALUES: tuple[Any, ...] = (1, 2.5, "a", 'é"\\\n', True, None, [], [1], {"a": 1}, {})
NAMES = ("a", "b", "a b", "é")


def schema_of(rng: random.Random, levels: int = 3) -> dict[str, Any]:
    """A schema of up to this many levels; some are wrong, and some no grammar can hold."""
    makers = [_string, _string, _integer, _number, _values, _kinds]
    if levels:
        makers += [_object, _object, _array, _alternatives, _components]
    schema = rng.choice(makers)(rng, levels)
    if not rng.randrange(12):
        schema[rng.choice(("not", "if"))] = {"const": "never"}
    return schema


def whole_of(rng: random.Random) -> dict[str, Any]:
    """A schema with definitions, which its parts may refer to."""
    schema = _object(rng, 3)
    if not rng.randrange(3):
        schema["properties"]["r"] = {"$ref": rng.choice(("#/$defs/d", "#/$defs/x~1y", "#/properties/a"))}
        schema["properties"].setdefault("a", {"type": "boolean"})
        schema["$defs"] = {"d": schema_of(rng, 1), "x/y": {"const": 7}}
    return schema


def _some(rng: random.Random, **makers: Any) -> dict[str, Any]:
    return {word: make() for word, make in makers.items() if not rng.randrange(3)}


def _string(rng: random.Random, _levels: int) -> dict[str, Any]:
    least = rng.randrange(4)
    return {"type": "string"} | _some(
        rng,
        pattern=lambda: rng.choice(PATTERNS),
        format=lambda: rng.choice(FORMATS),
        minLength=lambda: least,
        maxLength=lambda: least + rng.randrange(4),
    )


def _integer(rng: random.Random, _levels: int) -> dict[str, Any]:
    low = rng.choice((-1234, -10, -1, 0, 1, 7, 99, 2500))
    return {"type": "integer"} | _some(
        rng,
        minimum=lambda: low,
        exclusiveMinimum=lambda: low - 0.5,
        maximum=lambda: low + rng.choice((0, 3, 90, 12345)),
        exclusiveMaximum=lambda: low + 5,
        multipleOf=lambda: rng.choice((1, 3, 10)),
    )


def _number(rng: random.Random, _levels: int) -> dict[str, Any]:
    low = rng.choice((0, -1, 0.25, -90))
    return {"type": "number"} | _some(
        rng,
        minimum=lambda: low,
        exclusiveMinimum=lambda: low - 0.5,
        maximum=lambda: low + rng.choice((1, 2.5, 180)),
        exclusiveMaximum=lambda: low + 1,
        multipleOf=lambda: rng.choice((1, 0.5)),
    )


def _values(rng: random.Random, _levels: int) -> dict[str, Any]:
    values = rng.sample(VALUES, rng.randrange(1, 5))
    return rng.choice(({"enum": values}, {"const": values[0]}, {"enum": [*values, "z"], "type": "string"}))


def _kinds(rng: random.Random, _levels: int) -> dict[str, Any]:
    kinds = rng.sample(("boolean", "null", "string", "integer"), rng.randrange(1, 4))
    return {"type": kinds if len(kinds) > 1 else kinds[0], "maxLength": 3}


def _object(rng: random.Random, levels: int) -> dict[str, Any]:
    names = rng.sample(NAMES, rng.randrange(0, 4))
    schema: dict[str, Any] = {"type": "object"} if rng.randrange(5) else {}
    schema["properties"] = {name: schema_of(rng, levels - 1) for name in names}
    schema["required"] = rng.sample([*names, "new"], rng.randrange(0, len(names) + 1))
    return schema | _some(
        rng,
        additionalProperties=lambda: rng.choice((False, True, {"type": "boolean"})),
        minProperties=lambda: rng.randrange(3),
        maxProperties=lambda: rng.randrange(1, 5),
        patternProperties=lambda: {} if rng.randrange(4) else {"^a": {"type": "null"}},
        dependentRequired=lambda: {} if rng.randrange(4) else {"a": ["b"]},
    )


def _array(rng: random.Random, levels: int) -> dict[str, Any]:
    least = rng.randrange(3)
    return {"type": "array"} | _some(
        rng,
        items=lambda: rng.choice((schema_of(rng, levels - 1), {"type": "integer"}, True)),
        prefixItems=lambda: [schema_of(rng, levels - 1) for _ in range(rng.randrange(1, 3))],
        minItems=lambda: least,
        maxItems=lambda: least + rng.randrange(3),
        uniqueItems=lambda: not rng.randrange(4),
        contains=lambda: rng.choice(({"const": 5}, {})),
    )


def _alternatives(rng: random.Random, levels: int) -> dict[str, Any]:
    parts = [schema_of(rng, levels - 1) for _ in range(rng.randrange(1, 4))]
    tagged = [
        {**_object(rng, 0), "properties": {"k": {"const": f"{at}"}}, "required": ["k"]} for at in range(2)
    ]
    return rng.choice(
        ({"anyOf": parts}, {"oneOf": parts}, {"oneOf": tagged}, {"anyOf": parts, "maxLength": 2})
    )


def _components(rng: random.Random, levels: int) -> dict[str, Any]:
    return {"allOf": [schema_of(rng, levels - 1) for _ in range(rng.randrange(1, 3))], "description": "x"}
