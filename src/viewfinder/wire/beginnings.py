"""Which alternatives of an `anyOf` begin alike, so that an engine follows them together; called by
`schema_cost`.

    alternatives           are told apart by
    of different types     their first character
    constants              their text
    objects                the name of their first required property, or its constant ("type": "circle"),
                           also behind properties that are a plain text or number in all of them
    anything else          nothing
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

_FLAT = frozenset({"string", "number", "integer", "boolean", "null"})
_TYPE_OF_KEYWORD = {
    "properties": "object",
    "additionalProperties": "object",
    "items": "array",
    "prefixItems": "array",
    "pattern": "string",
    "minLength": "string",
    "maxLength": "string",
    "format": "string",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """`ways`: how many ways through a schema an engine follows at a time; `loops`: how many of them lead back
    to a schema that this one is a part of."""

    ways: int = 1
    loops: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.ways + other.ways, self.loops + other.loops)

    def __or__(self, other: "Cost") -> "Cost":
        return Cost(max(self.ways, other.ways), max(self.loops, other.loops))


@dataclass(frozen=True, slots=True)
class Beginning:
    """How an alternative begins. Of an object, `names` are its required properties up to the one that tells
    it apart, and `value` is that one's constant."""

    kind: str
    names: tuple[str, ...] = ()
    value: str | None = None


ANYTHING = Beginning("")


def together(alternatives: Iterable[tuple[Iterable[Beginning], Cost]]) -> Cost:
    """The cost of the alternatives that an engine may have to follow together."""
    anything, objects = Cost(0), []
    kinds: defaultdict[str, Cost] = defaultdict(lambda: Cost(0))
    for beginnings, cost in alternatives:
        for beginning in beginnings:
            if beginning is ANYTHING:
                anything += cost
            elif beginning.kind == "constant":
                kinds["constant"] |= cost  # their texts part after a few characters
            elif beginning.kind == "object":
                objects.append((beginning, cost))
            else:
                kinds[beginning.kind] += cost
    worst = _objects_together(objects)
    for cost in kinds.values():
        worst |= cost
    return worst + anything


def _objects_together(objects: list[tuple[Beginning, Cost]]) -> Cost:
    by_first: defaultdict[str, list[tuple[Beginning, Cost]]] = defaultdict(list)
    for beginning, cost in objects:
        by_first["".join(beginning.names[:1])].append((beginning, cost))
    unnamed = _sum(cost for _, cost in by_first.pop("", []))
    worst = Cost(0)
    for group in by_first.values():
        are_apart = len({beginning.names for beginning, _ in group}) == 1
        values: defaultdict[str, Cost] = defaultdict(lambda: Cost(0))
        for beginning, cost in group:
            if are_apart and beginning.value is not None:
                values[beginning.value] += cost
        without = _sum(cost for beginning, cost in group if not are_apart or beginning.value is None)
        most = Cost(0)
        for cost in values.values():
            most |= cost
        worst |= most + without
    return worst + unnamed


def _sum(costs: Iterable[Cost]) -> Cost:
    total = Cost(0)
    for cost in costs:
        total += cost
    return total


def beginnings_of(schema: object, follow: Callable[[str], object]) -> Iterator[Beginning]:
    """How a schema may begin; `follow` returns what a reference points to."""
    if isinstance(schema, Mapping) and isinstance(reference := schema.get("$ref"), str):
        schema = follow(reference)
    if not isinstance(schema, Mapping) or schema.keys() & {"$ref", "anyOf", "oneOf", "allOf"}:
        yield ANYTHING
        return
    if "const" in schema or "enum" in schema:
        yield Beginning("constant")
        return
    for kind in _types_of(schema):
        if kind == "object":
            yield from _object_beginnings(schema, follow)
        else:
            yield Beginning({"integer": "number"}.get(kind, kind)) if kind else ANYTHING


def _types_of(schema: Schema) -> list[str]:
    given = schema.get("type")
    if given is None:
        return list({kind for keyword, kind in _TYPE_OF_KEYWORD.items() if keyword in schema}) or [""]
    return [kind for kind in (given if isinstance(given, list) else [given]) if isinstance(kind, str)]


def _object_beginnings(schema: Schema, follow: Callable[[str], object]) -> Iterator[Beginning]:
    """Engines write the required properties first, in the order of `properties`."""
    required, properties = schema.get("required"), schema.get("properties")
    if not isinstance(required, list) or not isinstance(properties, Mapping):
        yield Beginning("object")
        return
    wanted = {name for name in required if isinstance(name, str)}
    names: tuple[str, ...] = ()
    for name in (name for name in properties if name in wanted):
        names += (name,)
        part = properties[name]
        if isinstance(part, Mapping) and isinstance(reference := part.get("$ref"), str):
            part = follow(reference)
        constants = _constants_of(part)
        for constant in constants:
            yield Beginning("object", names, json.dumps(constant))
        if constants:
            return
        if not (isinstance(part, Mapping) and isinstance(kind := part.get("type"), str) and kind in _FLAT):
            break
    yield Beginning("object", names)


def _constants_of(schema: object) -> list[object]:
    if not isinstance(schema, Mapping):
        return []
    values = schema.get("enum")
    return [schema["const"]] if "const" in schema else values if isinstance(values, list) else []
