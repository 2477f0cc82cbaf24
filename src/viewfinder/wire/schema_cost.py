"""What a JSON schema costs an engine, with every reference followed; called by `schemas`.

An engine makes one rule of each part, however often it is used, so `states` add up. What multiplies is the
ways through a schema that it has to follow at the same time: an `anyOf` of ten references to an `anyOf` of
ten has a hundred of them, unless `beginnings` can tell its alternatives apart.
"""

import json
from collections.abc import Iterator
from typing import Any

from viewfinder.wire.beginnings import Beginning, Cost, beginnings_of, together
from viewfinder.wire.keywords import MAX_NAME_CHARS, check_keywords
from viewfinder.wire.pattern_cost import SchemaFault
from viewfinder.wire.patterns import MAX_REPEATS, cost_of

MAX_LEVELS = 64
"""Levels of nesting, with references followed."""
MAX_ALTERNATIVES = 256
MAX_BEGINNINGS = 20_000
"""Of all alternatives of a schema together: they are told apart one by one."""
MAX_REFERENCES = 256
"""Different ones: llama.cpp copies the whole schema for each."""
MAX_PATTERN_CHARS = 8192
"""Of all patterns together."""

_PARTS = ("items", "additionalProperties", "contains", "propertyNames", "not", "if", "then", "else")
_LISTS = ("prefixItems", "items")
_NAMED = ("properties", "patternProperties", "dependentSchemas")


class Costs:
    """The costs of one schema; `states` counts those of the parts that `of` has seen.

    Every method raises SchemaFault for what no engine should get.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema, self.states = schema, 0
        self._definitions: dict[str, object] | None = None
        self._known: dict[str, Cost] = {}
        self._beginnings: dict[str, tuple[Beginning, ...]] = {}
        self._begun = 0
        self._open: list[str] = []
        """The references that are being followed."""
        self._level = self._pattern_chars = 0

    def of(self, schema: object, direct: int = 0) -> Cost:
        """The cost of a part. Of the open references, those from `direct` on lead to this very place: between
        them and it, an answer gets no character."""
        if not isinstance(schema, dict):
            return Cost()
        self._level += 1
        if self._level > MAX_LEVELS:
            raise SchemaFault(f"is nested deeper than {MAX_LEVELS} levels, with its references followed")
        check_keywords(schema)
        cost = self._of_text(schema)
        if isinstance(reference := schema.get("$ref"), str):
            cost |= self._of_reference(reference, direct)
        for word in ("anyOf", "oneOf"):
            if isinstance(alternatives := schema.get(word), list):
                cost |= self._of_alternatives(alternatives, direct)
        if isinstance(components := schema.get("allOf"), list):
            for component in components:
                cost |= self.of(component, direct)
        for part in _parts_of(schema):
            cost |= self.of(part, len(self._open))
        self._level -= 1
        return cost

    def _of_text(self, schema: dict[str, Any]) -> Cost:
        """The cost of what a schema itself says, without its parts."""
        self.states += 1
        for word in ("maxLength", "maxItems", "minLength", "minItems"):
            if isinstance(count := schema.get(word), int):
                self.states += count if count <= MAX_REPEATS else 1
                break
        for word in ("enum", "const"):
            if word in schema:
                self.states += len(json.dumps(schema[word]))
        if isinstance(named := schema.get("properties"), dict):
            self.states += sum(map(len, named))
        if not isinstance(pattern := schema.get("pattern"), str):
            return Cost()
        self._pattern_chars += len(pattern)
        if self._pattern_chars > MAX_PATTERN_CHARS:
            raise SchemaFault(f"has more than {MAX_PATTERN_CHARS} characters of patterns")
        piece = cost_of(pattern)
        self.states += piece.states
        return Cost(piece.ways)

    def _of_reference(self, reference: str, direct: int) -> Cost:
        if reference in self._open[direct:]:
            raise SchemaFault("has a reference that leads to nothing but itself")
        if reference in self._open:
            return Cost(1, 1)
        if reference not in self._known:
            if len(self._known) + len(self._open) >= MAX_REFERENCES:
                raise SchemaFault(f"has more than {MAX_REFERENCES} different references")
            self._open.append(reference)
            cost = self.of(self.target(reference), direct)
            self._open.pop()
            self._known[reference] = cost
        return self._known[reference]

    def _of_alternatives(self, alternatives: list[Any], direct: int) -> Cost:
        if len(alternatives) > MAX_ALTERNATIVES:
            raise SchemaFault(f"has more than {MAX_ALTERNATIVES} alternatives in one place")
        costs = [self.of(one, direct) for one in alternatives]
        cost = together((self._begin(one), cost) for one, cost in zip(alternatives, costs, strict=True))
        if cost.loops > 1:
            raise SchemaFault("has alternatives that contain themselves and begin alike")
        return cost

    def _begin(self, alternative: object) -> tuple[Beginning, ...]:
        """How an alternative may begin. What many refer to is read once."""
        reference = alternative.get("$ref") if isinstance(alternative, dict) else None
        if isinstance(reference, str) and reference in self._beginnings:
            found = self._beginnings[reference]
        else:
            found = tuple(beginnings_of(alternative, self.target))
            if isinstance(reference, str):
                self._beginnings[reference] = found
        self._begun += len(found)
        if self._begun > MAX_BEGINNINGS:
            raise SchemaFault(f"has alternatives that begin in more than {MAX_BEGINNINGS:,} ways")
        return found

    def target(self, reference: str) -> object:
        """What a reference points to in this schema."""
        if not reference.startswith("#"):
            raise SchemaFault("has a reference to another document; only '#...' references are followed")
        if len(reference) > MAX_NAME_CHARS:
            raise SchemaFault(f"has a reference of more than {MAX_NAME_CHARS} characters")
        here: object = self.schema
        steps = [step.replace("~1", "/").replace("~0", "~") for step in reference[1:].split("/")[1:]]
        for step in steps:
            if isinstance(here, dict) and step in here:
                here = here[step]
            elif isinstance(here, list) and step.isdecimal() and int(step[:9]) < len(here):
                here = here[int(step[:9])]
            else:
                return self._hoisted(steps)
        return here

    def _hoisted(self, steps: list[str]) -> object:
        """llama.cpp takes `$defs` at any depth for those of the whole schema."""
        if self._definitions is None:
            self._definitions = dict(_definitions(self.schema))
        if len(steps) == 2 and steps[0] == "$defs" and steps[1] in self._definitions:
            return self._definitions[steps[1]]
        raise SchemaFault("has a reference to a part that it does not have")


def _parts_of(schema: dict[str, Any]) -> Iterator[object]:
    """The schemas of parts of an answer, not of the whole."""
    for word in _PARTS:
        yield schema.get(word)
    for word in _LISTS:
        if isinstance(parts := schema.get(word), list):
            yield from parts
    for word in _NAMED:
        if isinstance(named := schema.get(word), dict):
            yield from named.values()


def _definitions(node: object) -> Iterator[tuple[str, object]]:
    if isinstance(node, dict):
        if isinstance(named := node.get("$defs"), dict):
            yield from named.items()
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _definitions(child)
