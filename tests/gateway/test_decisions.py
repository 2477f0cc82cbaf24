"""POST /v1/decisions over an engine whose probabilities are planned."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest

from viewfinder.catalog.card import ModelCard
from viewfinder.fleet.record.calibrations import calibration_path

from .test_chat import opened, picture
from .test_openapi import validator

PATH = "/v1/decisions"
IS_IT = {"type": "predicate", "instructions": "Is it red?"}
SHAPES = {"type": "choice", "instructions": "Which?", "choices": [{"value": "star"}, {"value": "square"}]}
SURE = {"Yes": 0.8, "No": 0.1, "Maybe": 0.05}


@pytest.fixture
async def client(gateway) -> Iterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


def always(likely: dict[str, float]) -> Callable[[dict[str, Any]], Awaitable[dict[str, float]]]:
    async def told(body: dict[str, Any]) -> dict[str, float]:
        return likely

    return told


async def refusal(gateway, **fields: Any) -> tuple[int, dict[str, Any]]:
    body = {"model": "both", "input": "Look.", "questions": [IS_IT], **fields}
    async with gateway.http.post(gateway.url + PATH, json=body) as reply:
        error = (await reply.json())["error"]
    assert gateway.fleet.leases == 0
    return reply.status, error


async def test_each_question_is_asked_in_both_orders_behind_the_same_beginning(client, gateway) -> None:
    async def first_is_liked(body: dict[str, Any]) -> dict[str, float]:
        is_yes_first = "yes or no" in body["messages"][-1]["content"]
        return {"Yes": 0.9, "No": 0.1} if is_yes_first else {"Yes": 0.5, "No": 0.5}

    gateway.engine.likely = first_is_liked
    reply = await client.decisions.create(
        model="both", input="A red circle.", questions=[IS_IT, {**IS_IT, "instructions": "It is blue."}]
    )
    first, _ = reply.answers
    assert first.probability == pytest.approx(0.75)  # odds of 3, between those of 9 and of 1
    assert first.viewfinder["order_difference"] == pytest.approx(0.4)
    assert first.viewfinder["requests"] == 2
    assert first.viewfinder["calibrated"] is None
    assert first.viewfinder["not_calibrated"]
    assert [body["messages"][-1]["content"] for body in gateway.engine.asked] == [
        "A red circle.\n\nAnswer yes or no.\nIs it red?",
        "A red circle.\n\nAnswer no or yes.\nIs it red?",
        "A red circle.\n\nIs this true? Answer yes or no.\nIt is blue.",
        "A red circle.\n\nIs this true? Answer no or yes.\nIt is blue.",
    ]
    for body in gateway.engine.asked:
        assert {**body, "messages": []} == {
            "messages": [],
            "max_tokens": 1,
            "temperature": 0,
            "stream": False,
            "logprobs": True,
            "top_logprobs": 20,
        }
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (4 * 7, 4 * 3)
    assert (len(gateway.fleet.shapes), gateway.fleet.leases) == (4, 0)  # a lease for each


async def test_what_is_answered_is_what_the_document_says(gateway) -> None:
    gateway.engine.likely = always({**SURE, "star": 0.02, "square": 0.01})
    grades = {
        "type": "score",
        "name": "g",
        "instructions": "?",
        "levels": [{"label": "no"}, {"label": "yes"}],
    }
    body = {"model": "both", "input": "Look.", "questions": [IS_IT, SHAPES, grades], "threshold": 0.7}
    validator("DecisionRequest").validate(body)
    async with gateway.http.post(gateway.url + PATH, json=body) as reply:
        told = await reply.json()
    validator("DecisionReply").validate(told)
    assert [answer["type"] for answer in told["answers"]] == ["predicate", "refusal", "score"]
    async with gateway.http.get(f"{gateway.url}/v1/answers/{told['id']}") as known:
        assert (await known.json())["status"] == "unconfirmed"


async def test_an_engine_without_log_probabilities_is_refused(gateway) -> None:
    status, error = await refusal(gateway)  # its reply has none
    assert (status, error["code"], error["param"]) == (400, "no_logprobs", "model")
    gateway.engine.asked.clear()
    endpoint = gateway.fleet.client.endpoint
    gateway.fleet.client.endpoint = replace(endpoint, lacks=frozenset({"logprobs"}))
    status, error = await refusal(gateway)
    assert (status, error["code"]) == (400, "no_logprobs")
    assert gateway.engine.asked == []


async def test_it_is_refused_before_a_load_with_the_variants_that_have_them(gateway) -> None:
    card: ModelCard = gateway.fleet.models[0]
    without = card.variants[0].model_copy(update={"engine": "transformers", "name": "slow"})
    both = card.model_copy(update={"variants": (without, card.variants[0])})
    gateway.fleet.models = (both,)
    gateway.fleet.variant_of = lambda model: without
    status, error = await refusal(gateway)
    assert (status, error["code"]) == (400, "no_logprobs")
    assert "transformers tells none" in error["message"]
    assert "faulty" in error["message"]
    assert gateway.fleet.loads == []


async def test_answers_that_begin_alike_need_an_engine_with_grammars(gateway) -> None:
    gateway.engine.likely = always({"S": 0.9, "A": 0.1})
    status, error = await refusal(gateway, questions=[SHAPES])
    assert (status, error["param"]) == (400, "questions")
    assert "begins with another word" in error["message"]
    assert not any("grammar" in body for body in gateway.engine.asked)


async def test_a_client_cannot_send_a_grammar(gateway) -> None:
    status, error = await refusal(gateway, grammar='root ::= "x"')
    assert (status, error["code"], error["param"]) == (400, "unsupported_parameter", "grammar")


async def test_many_questions_stop_when_the_client_disconnects(gateway) -> None:
    begun = asyncio.Event()

    async def notice(body: dict[str, Any]) -> dict[str, float]:
        if len(gateway.engine.asked) == 3:
            begun.set()
            await gateway.engine.proceed.wait()
        return SURE

    gateway.engine.likely = notice
    body = {"model": "both", "input": "Look.", "questions": [IS_IT] * 400}
    asking = asyncio.create_task(gateway.http.post(gateway.url + PATH, json=body).__aenter__())
    await asyncio.wait_for(begun.wait(), 10)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.wait_for(gateway.engine.abandoned.wait(), 10)
    gateway.engine.proceed.set()
    gateway.engine.likely = always(SURE)
    async with gateway.http.post(gateway.url + PATH, json={**body, "questions": [IS_IT]}) as reply:
        assert reply.status == 200
    assert len(gateway.engine.asked) == 3 + 2
    assert gateway.fleet.leases == 0


async def test_what_was_measured_here_calibrates(client, gateway, home: Path) -> None:
    gateway.engine.likely = always({**SURE, "star": 0.02, "square": 0.01})
    file = home / calibration_path("both", "faulty")
    file.parent.mkdir(parents=True)
    known = {"model": "both", "variant": "faulty", "engine": "llama.cpp", "engine_version": "1"}
    curves = {"predicate": [[0.0, 1.0], [0.1, 0.7]]}
    file.write_text(
        json.dumps({**known, "measured_at": "now", "curves": curves, "samples": {"predicate": 300}})
    )
    reply = await client.decisions.create(
        model="both", input="Look.", questions=[IS_IT, SHAPES], extra_body={"threshold": 0.65}
    )
    sure, unknown = reply.answers
    told = sure.viewfinder if sure.type == "refusal" else {}
    assert told["raw"] == pytest.approx(8 / 9)
    assert told["calibrated"] == pytest.approx(0.1 + 0.6 * 8 / 9)
    assert told["not_calibrated"] is None
    assert told["calibrated_by"] == {"questions": "scenes", "samples": 300}
    assert "too few questions of this kind" in unknown.viewfinder["not_calibrated"]
    assert unknown.viewfinder["calibrated_by"] is None


async def test_an_image_of_a_question_goes_with_that_question_alone(client, gateway) -> None:
    gateway.engine.likely = always(SURE)

    def with_image(color: str, text: str) -> dict[str, Any]:
        image = {"type": "input_image", "image_url": picture(color)}
        return {"type": "predicate", "instructions": [image, {"type": "input_text", "text": text}]}

    def shown(body: dict[str, Any]) -> list[str]:
        content = body["messages"][-1]["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        return [
            part["text"].rpartition("\n")[2] if part["type"] == "text" else name_of(part["image_url"]["url"])
            for part in parts
        ]

    def name_of(url: str) -> str:
        color = opened(url).convert("RGB").getpixel((5, 5))
        return max(("red", "green", "blue"), key=lambda name: color[("red", "green", "blue").index(name)])

    first = {"type": "input_image", "image_url": picture("blue")}
    said = {"type": "input_text", "text": "Look."}
    for given, before in (
        ("Look.", ["Look."]),
        ([{"role": "user", "content": [first, said]}], ["blue", "Look."]),
        ([{"role": "user", "content": ""}], []),
    ):
        gateway.engine.asked.clear()
        reply = await client.decisions.create(
            model="both", input=given, questions=[with_image("red", "A?"), IS_IT, with_image("green", "C?")]
        )
        assert len(reply.answers) == 3
        asked = [shown(body) for body in gateway.engine.asked[::2]]
        assert asked[0] == [*before, "red", "A?"]
        assert asked[1] in ([*before, "Is it red?"], ["Is it red?"])  # a text and a question are one text
        assert asked[2] == [*before, "green", "C?"]
    bad = with_image("red", "A?")
    bad["instructions"] = [said, {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}]
    status, error = await refusal(gateway, questions=[IS_IT, bad])
    assert (status, error["code"]) == (400, "invalid_image")
    assert error["param"].startswith("questions[1].instructions[1]")
    status, error = await refusal(gateway, questions=[with_image("red", "A?")], model="blind")
    assert (status, error["code"]) == (400, "vision_not_supported")


async def test_a_decision_head_is_asked_in_place_of_the_chat(client, gateway) -> None:
    """By the documented shape of llama.cpp's /v1/systemone: no model with such a head is here."""
    engine, endpoint = gateway.engine, gateway.fleet.client.endpoint
    gateway.fleet.client.endpoint = replace(endpoint, decision_path="/v1/systemone")
    levels = [{"label": "low", "description": "hardly any"}, {"label": "middle"}, {"label": "high"}]
    image = {"type": "input_image", "image_url": picture("red")}
    of_its_own = {"type": "predicate", "instructions": [image, {"type": "input_text", "text": "And this?"}]}
    how_much = {"type": "score", "instructions": "How much?", "levels": levels}
    reply = await client.decisions.create(
        model="both", input="A letter.", questions=[IS_IT, SHAPES, how_much, of_its_own]
    )
    yes, which, score, _ = reply.answers
    assert (yes.probability, which.choice, which.confidence) == (0.9, "star", 0.75)
    assert [one.probability for one in score.probabilities] == pytest.approx([0.625, 0.25, 0.125])
    assert score.score == pytest.approx(0.5)
    assert yes.viewfinder["method"] == "decision head"
    assert (yes.viewfinder["requests"], yes.viewfinder["calibrated"]) == (1, None)
    assert "decision head" in yes.viewfinder["not_calibrated"]
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (44, 0)
    assert engine.asked == [], "nothing is written"
    plain, choice, graded, seen = engine.headed
    assert plain == {
        "state": "A letter.",
        "questions": {"question": {"type": "noul", "instructions": "Is it red?"}},
        "stream": False,
    }
    assert choice["questions"]["question"] == {
        "type": "choice",
        "instructions": "Which?",
        "criteria": {"star": None, "square": None},
    }
    assert graded["questions"]["question"]["criteria"] == ["low: hardly any", "middle", "high"]
    (message,) = seen["state"]
    assert [part["type"] for part in message["content"]] == ["text", "image_url"]
    assert message["content"][1]["image_url"]["url"].startswith("data:image/")
    for given, words in (("odd", "a probability is none"), ("die", "it has no 'answers'")):
        status, error = await refusal(gateway, input=given)
        assert (status, error["code"]) == (502, "engine_refused")
        assert words in error["message"]
    many = [{"label": str(at)} for at in range(11, 23)]
    status, error = await refusal(gateway, questions=[{**how_much, "levels": many}])
    assert (status, error["param"]) == (400, "questions[0].levels")
