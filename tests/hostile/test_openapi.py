"""Schemathesis against the gateway, by its own OpenAPI document: a real one in a process of its own, and
glimpse on llama.cpp.

It makes requests that the document allows and requests that it forbids, and holds every answer to it. The
requests of `make test` are the same in every run; `make soak` sends more, from a seed that it prints.
"""

import base64
import copy
import os
import random
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

from tests.faults.gateway import picture
from tests.footage import animation, data_url, scenes
from tests.hostile.beside import BLOCKS_MS, Served
from tests.hostile.raw import KEY
from viewfinder.gateway.guards import OPEN_PATHS
from viewfinder.wire.anthropic_request import BASE64_FORMAT
from viewfinder.wire.messages import CLIP_FORMAT, IMAGE_FORMAT

HEADERS = {"authorization": f"Bearer {KEY}"}
CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
TEXTS, DECISIONS = "/v1/completions", "/v1/decisions"
COUNTS = (f"{CHAT}/input_tokens", f"{MESSAGES}/count_tokens", f"{RESPONSES}/input_tokens", "/v1/estimate")
GENERATED = {CHAT: 40, MESSAGES: 20, RESPONSES: 20, TEXTS: 20, DECISIONS: 4, **dict.fromkeys(COUNTS, 10)}
"""Requests of each kind in `make test`."""
STRIDES = {CHAT: 12, MESSAGES: 24, RESPONSES: 24, TEXTS: 24, DECISIONS: 48, **dict.fromkeys(COUNTS, 48)}
"""Of the document's 1,200 boundary cases for a chat, `make test` sends each twelfth."""
SOAKED = int(os.environ.get("VIEWFINDER_SOAK_GENERATED", "1500"))
SOAK_SEED = os.environ.get("VIEWFINDER_SOAK_SEED")
"""Other cases each time without it; CI has one, so that a commit gets the same verdict twice."""
ENDLESS = "/fleet/stream"
"""Whoever reads its answer to the end never comes back; tests/gateway/test_fleet_stream.py is about it."""
TOKENS = 8
"""The longest answer: what is tested is the gateway, not the model."""

EXPLAINED = (
    # a JSON schema cannot compare two fields, or look at the last message
    ("invalid_request", r"max_tokens"),
    ("invalid_request", r"messages\[\d+\](\.content|\.tool_calls(\[\d+\]\.function\.arguments)?)?"),
    ("invalid_request", "tool_choice"),
    ("unsupported_parameter", "best_of|echo"),
    # nor count the parts and images of all messages together
    ("too_many_parts", "messages|input"),
    ("too_many_images", "messages|input"),
    ("too_many_clips", "messages"),
    # nor say how many tokens a text has for this model
    ("context_length_exceeded", "messages|input|prompt"),
    # nor forbid what is too deep or too large anywhere in a field that is ignored
    ("invalid_json", "None"),
    # nor what another schema costs an engine
    (
        "invalid_schema",
        r"((response_format\.json_schema|output_(config\.)?format|text\.format)\.schema"
        r"|tools\[\d+\]\.(function\.parameters|input_schema|parameters)).*",
    ),
    # nor look at other items, or at what is kept
    ("invalid_request", r"input(\[\d+\](\.(call_id|arguments))?)?"),
    ("previous_response_not_found", "previous_response_id"),
    # nor say that a request without a body is to declare one, or that all are refused
    ("unsupported_media_type", "None"),
    ("not_cancellable", "id"),
    # nor compare the answers of a question
    ("ambiguous_answers", r"questions\[\d+\]\.(choices|levels)"),
    ("no_words", r"questions\[\d+\]\.instructions"),
    # nor what the engine cannot do with a request: llama.cpp takes no grammar of `{"type": []}`, and no
    # two messages of the assistant at the end
    ("engine_refused", "None"),
)
"""Code and path of each refusal, with status 400 or 415, of a request that the document allows."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("served"), output_tokens=TOKENS)
    yield served
    served.close()
    assert "Traceback" not in served.log.read_text()


@pytest.fixture(scope="module")
def url(served: Served) -> str:
    return served.url


@pytest.fixture(scope="module")
def document(url: str) -> dict[str, Any]:
    document: dict[str, Any] = requests.get(f"{url}/openapi.json", headers=HEADERS, timeout=10).json()
    return document


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


@pytest.fixture(scope="module")
def schema(document: dict[str, Any]) -> Iterator[Any]:
    """What the document allows, for the model that is here."""
    narrow = without_discriminators(document)
    for kind in (
        "ChatRequest",
        "MessagesRequest",
        "CountRequest",
        "ResponseRequest",
        "CompletionRequest",
        "DecisionRequest",
    ):
        narrow["components"]["schemas"][kind]["properties"]["model"]["enum"] = ["glimpse"]
    schema = schemathesis.openapi.from_dict(narrow)
    # a NUL is refused everywhere, and the keys are the test's own
    schema.config.generation.update(allow_x00=False, with_security_parameters=False, deterministic=True)
    images = [
        f"data:image/png;base64,{base64.b64encode(picture(color)).decode()}" for color in ("red", "blue")
    ]
    schemathesis.openapi.format(IMAGE_FORMAT, st.sampled_from(images))
    clip = data_url(animation(scenes(0.2, 0.2)), "image/gif")
    schemathesis.openapi.format(CLIP_FORMAT, st.just(clip))
    schemathesis.openapi.format(BASE64_FORMAT, st.sampled_from([image.partition(",")[2] for image in images]))
    return schema


def without_discriminators(schema: Any) -> Any:
    """A copy: schemathesis thinks that one value chooses each branch, but two choose some, as `text` and
    `json_object` do, or `system` and `developer`."""
    if isinstance(schema, dict):
        return {
            name: without_discriminators(part)
            for name, part in schema.items()
            if name != "discriminator" or "propertyName" not in part
        }
    return [without_discriminators(part) for part in schema] if isinstance(schema, list) else schema


@pytest.fixture(autouse=True)
def alive(served: Served, url: str, session: requests.Session) -> Iterator[None]:
    """After each test the gateway answers, and so does the model; the event loop was never blocked."""
    served.look()
    yield
    BLOCKS_MS.append(served.look()["block_ms"])
    question = {"model": "glimpse", "messages": [{"role": "user", "content": "Hello!"}]}
    reply = session.post(url + CHAT, json=question, headers=HEADERS, timeout=30)
    assert reply.status_code == 200, reply.text
    assert reply.json()["choices"][0]["message"]["content"]


def check(case: Case, url: str, session: requests.Session) -> None:
    """Send it, and hold the answer to the document; every refusal is an OpenAI error."""
    # a body that is set is judged again, without the formats of its strings
    is_negative = bool(case.meta and case.meta.generation.mode is GenerationMode.NEGATIVE)
    if isinstance(case.body, dict):
        case.body = shortened(case.body, case.path)
    reply = case.call(base_url=url, headers=HEADERS, session=session, timeout=120)
    error = {}
    if reply.status_code >= 400 and case.method != "HEAD":
        error = reply.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["message"]
        assert reply.status_code < 500, error
    # The keys have a test of their own: schemathesis asks again without a key, but with our header.
    excluded = [ignored_auth]
    if reply.status_code in (400, 415) and is_explained(error, is_negative):
        excluded.append(positive_data_acceptance)
    if reply.status_code == 413:  # too large to be looked into; schemathesis takes that for no refusal
        excluded.append(negative_data_rejection)
    case.validate_response(reply, headers=HEADERS, excluded_checks=excluded)


def shortened(body: dict[str, Any], path: str) -> dict[str, Any]:
    """The request for a short answer; else one is as long as the context."""
    if path == CHAT and body.get("max_tokens", body.get("max_completion_tokens")) is None:
        return {**body, "max_tokens": TOKENS}
    if path == RESPONSES and body.get("max_output_tokens") is None:
        return {**body, "max_output_tokens": TOKENS}
    return body


def is_explained(error: dict[str, Any], is_negative: bool) -> bool:
    """A string in the place of an image may be any, where schemathesis forbids what is beside it."""
    if error["code"] in ("invalid_image", "invalid_clip", "media_url_forbidden") and is_negative:
        return True
    return any(
        error["code"] == code and re.fullmatch(param, str(error["param"])) for code, param in EXPLAINED
    )


def boundary_cases(schema: Any, path: str) -> Iterator[Case]:
    """What lies on, next to and beyond each limit of the document."""
    for method in schema[path]:
        yield from schema.iter_coverage_cases(
            schema[path][method],
            generation_modes=list(GenerationMode),
            generation_config=schema.config.generation,
        )


def send_generated(
    schema: Any, url: str, session: requests.Session, path: str, mode: GenerationMode, count: int, seed: int
) -> None:
    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema[path]["post"].as_strategy(generation_mode=mode))
    def send(case: Case) -> None:
        check(case, url, session)

    send()


def test_the_document_is_one(schema: Any, document: dict[str, Any]) -> None:
    schema.validate()
    document = copy.deepcopy(document)
    document["paths"]["/health"]["get"]["responses"]["200"].pop("description")
    with pytest.raises(ValueError, match="description"):
        schemathesis.openapi.from_dict(document).validate()


def test_each_path_needs_the_key_that_the_document_says(document: dict[str, Any], url: str) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            needs_key = bool(operation.get("security", document["security"]))
            assert needs_key == (path not in OPEN_PATHS)
            for key in ("", "Bearer wrong", f"Basic {KEY}"):
                sent = {"authorization": key}
                status = status_of(method, url + path.format(id="x", name="x"), sent)
                assert status == (401 if needs_key else 200), path
            for scheme in document["components"]["securitySchemes"].values():
                sent = {scheme["name"]: KEY} if scheme["type"] == "apiKey" else HEADERS
                status = status_of(method, url + path.format(id="x", name="glimpse"), sent)
                assert status in (200, 404, 415), path


def status_of(method: str, url: str, headers: dict[str, str]) -> int:
    """Its answer is not read: it may have no end."""
    with requests.request(method, url, headers=headers, timeout=10, stream=True) as reply:
        return reply.status_code


def test_boundaries(schema: Any, url: str, session: requests.Session) -> None:
    for path in set(schema) - {ENDLESS}:
        for case in islice(boundary_cases(schema, path), 0, None, STRIDES.get(path, 1)):
            check(case, url, session)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("path", GENERATED)
def test_generated(schema: Any, url: str, session: requests.Session, path: str, mode: GenerationMode) -> None:
    send_generated(schema, url, session, path, mode, GENERATED[path], seed=13)


def test_a_field_that_is_not_listed_may_be_what_the_document_says(
    document: dict[str, Any], url: str, session: requests.Session
) -> None:
    """Clients send null for what they have no value for, known here or not."""
    message = {"role": "user", "content": "Hi"}
    of_chat = {"messages": [message], "max_tokens": 2}
    asked = {"input": "Hi", "questions": [{"type": "predicate", "instructions": "Is it?"}]}
    bodies = {
        "CompletionRequest": {"prompt": "Hi", "max_tokens": 2},
        "ResponseRequest": {"input": "Hi"},
        "CountRequest": {"messages": [message]},
        "DecisionRequest": asked,
    }
    for path in GENERATED:
        body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        name = body["schema"]["$ref"].rpartition("/")[2]
        allowed = document["components"]["schemas"][name]["additionalProperties"]["enum"]
        for value in (None, "", [], {}, False, "x"):
            sent = {"model": "glimpse", **bodies.get(name, of_chat), "it": value}
            reply = session.post(url + path, json=sent, headers=HEADERS, timeout=30)
            assert reply.status_code == (200 if value in allowed else 400), (path, value, reply.text)


@pytest.mark.soak
@pytest.mark.parametrize("path", GENERATED)
def test_all_boundaries(schema: Any, url: str, session: requests.Session, path: str) -> None:
    for case in boundary_cases(schema, path):
        check(case, url, session)


@pytest.mark.soak
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("path", GENERATED)
def test_many_generated(
    schema: Any, url: str, session: requests.Session, path: str, mode: GenerationMode
) -> None:
    seed = int(SOAK_SEED) if SOAK_SEED else random.randrange(2**32)
    print(f"seed {seed}")
    send_generated(schema, url, session, path, mode, SOAKED, seed)
