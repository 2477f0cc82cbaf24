"""Each answer of a real model fits its strict schema, or the request was refused with the path.

`^\\d{4}$` gave any string, and a dozen keywords were ignored without a word.
"""

import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import requests

from tests.e2e.conftest import Served, serving
from tests.e2e.strict_schemas import whole_of

IN_SOAK = int(os.environ.get("VIEWFINDER_SOAK_SCHEMAS", "500"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("strict"), "glimpse", "--port", "0") as served:
        yield served


def outcome(served: Served, seed: int) -> str:
    """What became of one schema; AssertionError for an answer that does not fit it."""
    schema = whole_of(random.Random(seed))
    named = {"name": "answer", "strict": True, "schema": schema}
    body: dict[str, Any] = {
        "model": "glimpse",
        "messages": [{"role": "user", "content": "Hello!"}],
        "response_format": {"type": "json_schema", "json_schema": named},
        "temperature": 1.3,
        "seed": seed,
        "max_tokens": 300,
    }
    reply = requests.post(f"{served.url}/v1/chat/completions", json=body, timeout=60)
    if reply.status_code != 200:
        error = reply.json()["error"]
        assert (reply.status_code, error["code"]) == (400, "invalid_schema"), (schema, error)
        assert error["param"].startswith("response_format.json_schema.schema")
        return "refused"
    (choice,) = reply.json()["choices"]
    if choice["finish_reason"] == "length":
        return "cut off"
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    answer = json.loads(choice["message"]["content"])
    errors = list(jsonschema.Draft202012Validator(schema, format_checker=checker).iter_errors(answer))
    assert not errors, (seed, schema, answer, errors[0].message)
    return "fits"


@pytest.mark.parametrize(
    "seeds", [range(25), pytest.param(range(1000, 1000 + IN_SOAK), marks=pytest.mark.soak)]
)
def test_an_answer_fits_its_schema_or_there_is_none(served: Served, seeds: range) -> None:
    outcomes = Counter(outcome(served, seed) for seed in seeds)
    print(f"Strict schemas: {dict(outcomes)}.")
    assert outcomes["fits"] >= len(seeds) // 10
    assert outcomes["refused"]
