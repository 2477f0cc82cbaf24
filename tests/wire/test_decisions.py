"""Requests for decisions in the words of chat completions, and probabilities from log-probabilities."""

import json
import math
import re
from typing import Any

import pytest
from openai.types import Decision

from viewfinder.core.config import Limits
from viewfinder.core.errors import BadRequest, UnknownResponse
from viewfinder.wire.decisions.answer import AnsweredBy, Calibrations, Decided, DecisionAnswer, rescaled
from viewfinder.wire.decisions.calibration import Curve
from viewfinder.wire.decisions.probabilities import (
    Mass,
    grammar_of,
    of_first_token,
    of_whole_answer,
    order_difference,
    together,
)
from viewfinder.wire.decisions.translate import TranslatedDecisions, translate

YES = {"type": "predicate", "name": "is it", "instructions": "Is it red?"}
COLORS = {"type": "choice", "instructions": "Which color?", "choices": [{"value": "red"}, {"value": "blue"}]}
GRADES = {
    "type": "score",
    "instructions": "How sharp?",
    "levels": [{"label": "blurred", "description": "nothing is seen"}, {"label": "fair"}, {"label": "sharp"}],
}
IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}


def read(*questions: Any, **fields: Any) -> TranslatedDecisions:
    body = {"model": "glimpse", "input": "Look.", "questions": [*questions] or [YES], **fields}
    return translate(json.loads(json.dumps(body)), Limits())


def tokens(**likely: float) -> list[dict[str, Any]]:
    tops = [{"token": token.replace("_", " "), "logprob": math.log(one)} for token, one in likely.items()]
    return [{**tops[0], "top_logprobs": tops}]


def test_the_answers_are_named_in_both_orders_and_before_the_question() -> None:
    predicate, choice, score = read(YES, COLORS, GRADES).put
    assert predicate.texts == ("Answer yes or no.\nIs it red?", "Answer no or yes.\nIs it red?")
    assert choice.texts == (
        "Answer with one of these: red or blue.\nWhich color?",
        "Answer with one of these: blue or red.\nWhich color?",
    )
    assert score.texts[1].splitlines() == [
        "Answer with one of these, highest first:",
        "- sharp",
        "- fair",
        "- blurred: nothing is seen",
        "",
        "How sharp?",
    ]
    (statement,) = read({**YES, "instructions": "It is red."}).put
    assert statement.texts[0] == "Is this true? Answer yes or no.\nIt is red."


def test_a_request_is_a_chat_that_ends_with_a_question() -> None:
    made = read(YES, input=[{"role": "user", "content": [IMAGE]}], prompt_cache_key="x")
    content = made.fields["messages"][-1]["content"]
    assert [part["type"] for part in content] == ["image_url", "text"]
    assert content[1]["text"] == made.put[0].texts[0]
    assert {**made.fields, "messages": []} == {
        "model": "glimpse",
        "messages": [],
        "max_tokens": 1,
        "temperature": 0,
        "logprobs": True,
        "top_logprobs": 20,
        "enable_thinking": False,
    }
    assert made.ignored == ("prompt_cache_key",)
    assert made.where("messages[0].content[0].image_url.url") == "input[0].content[0].image_url"
    assert made.where("top_logprobs") == "model"


def test_a_question_follows_what_an_assistant_said() -> None:
    said = [{"role": "user", "content": "Hm."}, {"role": "assistant", "content": "Red."}]
    made = read(YES, input=said)
    assert [message["role"] for message in made.fields["messages"]] == ["user", "assistant", "user"]
    assert made.before is None


def test_data_and_custom_tools_are_words() -> None:
    items = [
        {"role": "user", "content": [{"type": "input_json", "data": {"price": 3}}]},
        {"type": "custom_tool_call", "name": "look", "call_id": "1", "input": "there"},
        {"type": "custom_tool_call_output", "call_id": "1", "output": "red"},
    ]
    messages = read(
        {**YES, "instructions": [{"type": "input_json", "data": [{"a": 1}]}]}, input=items
    ).fields["messages"]
    assert messages[0]["content"][0]["text"] == '{"price":3}'
    assert messages[1]["tool_calls"][0]["function"]["arguments"] == '{"input":"there"}'
    assert messages[2]["role"] == "tool"
    assert messages[3]["content"].endswith('[{"a":1}]')


@pytest.mark.parametrize(
    ("questions", "fields", "code", "param", "words"),
    [
        ([], {"questions": []}, "invalid_request", "questions", "should not be empty"),
        ([YES] * 401, {}, "invalid_request", "questions", "at most 400 entries"),
        ([{**YES, "type": "guess"}], {}, "invalid_request", "questions[0].type", "must be one of"),
        ([{**YES, "instructions": " "}], {}, "no_words", "questions[0].instructions", "no words"),
        (
            [{**COLORS, "choices": [{"value": "red"}]}],
            {},
            "invalid_request",
            "questions[0].choices",
            "at least 2",
        ),
        (
            [YES, {**COLORS, "choices": [{"value": "Cat and dog"}, {"value": "x"}, {"value": "cat"}]}],
            {},
            "ambiguous_answers",
            "questions[1].choices",
            "'cat' is the beginning of 'Cat and dog'",
        ),
        (
            [{**COLORS, "choices": [{"value": True}, {"value": "true"}]}],
            {},
            "ambiguous_answers",
            "questions[0].choices",
            "is the beginning of",
        ),
        (
            [{**COLORS, "choices": [{"value": "a\nb"}, {"value": "c"}]}],
            {},
            "invalid_request",
            "questions[0].choices[0].value",
            "one line of text, not only spaces",
        ),
        (
            [{**GRADES, "levels": [{"label": "low"}, {"label": "\u2003\xa0"}]}],
            {},
            "invalid_request",
            "questions[0].levels[1].label",
            "one line of text, not only spaces",
        ),
        (
            [{**YES, "instructions": [IMAGE]}],
            {},
            "no_words",
            "questions[0].instructions",
            "has no words",
        ),
        ([YES], {"threshold": 1.5}, "invalid_request", "threshold", "at most 1"),
        ([YES], {"stream": True}, "unsupported_parameter", "stream", "not supported"),
        ([YES], {"messages": []}, "unsupported_parameter", "messages", "/v1/chat/completions"),
        ([YES], {"input": None}, "invalid_request", "input", "is missing"),
    ],
)
def test_what_is_refused(questions: Any, fields: Any, code: str, param: str, words: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(*questions, **fields)
    assert (refused.value.reason, refused.value.param) == (code, param)
    assert words in str(refused.value)


def test_nothing_is_kept() -> None:
    with pytest.raises(UnknownResponse, match="Nothing is kept for decisions"):
        read(YES, input=[{"type": "item_reference", "id": "msg_1"}])


def test_tokens_that_begin_one_answer_count_for_it() -> None:
    mass = of_first_token(tokens(Yes=0.5, _yes=0.2, Y=0.1, No=0.1, Not=0.05), ("yes", "no"))
    assert mass is not None
    assert mass.answers == pytest.approx((0.8, 0.1))
    assert mass.together == pytest.approx(0.9)


@pytest.mark.parametrize(
    "likely",
    [
        {"S": 0.5, "circle": 0.3, "star": 0.1, "square": 0.1},  # which of two it begins is not known
        {"_": 0.5, "circle": 0.3, "star": 0.1, "square": 0.1},  # nor with a space alone
        {"circle": 0.5, "star": 0.3, "A": 0.1},  # and one that is not listed may have up to the last one's
    ],
)
def test_a_first_token_that_does_not_tell_answers_apart(likely: dict[str, float]) -> None:
    assert of_first_token(tokens(**likely), ("square", "star", "circle")) is None


def test_an_answer_that_is_not_listed_has_at_most_what_the_last_one_has() -> None:
    mass = of_first_token(tokens(circle=0.9, A=0.001), ("star", "circle"))
    assert mass == Mass((pytest.approx(0.001), pytest.approx(0.9)))


@pytest.mark.parametrize("broken", [None, [], [{"token": "a", "logprob": "x"}], [{"token": "a"}]])
def test_what_an_engine_may_send_instead(broken: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        of_first_token(broken, ("yes", "no"))


def test_a_grammar_has_nothing_of_an_answer_but_numbers() -> None:
    assert grammar_of('a"') == r'root ::= " "? [\U00000041\U00000061] [\U00000022]'


def test_every_text_that_a_grammar_allows_is_the_answer() -> None:
    for character in map(chr, [*range(0xD800), *range(0xE000, 0x110000)]):
        if character.lower() != character or character.upper() != character:
            allowed = re.findall(r"\\U([0-9A-F]{8})", grammar_of(f"a{character}").rpartition(" [")[2])
            assert {chr(int(code, 16)).casefold() for code in allowed} == {character.casefold()}


def test_a_whole_answer_is_as_likely_as_its_tokens_together() -> None:
    told = [
        {"token": " S", "logprob": math.log(0.5), "bytes": [32, 83]},
        {"token": "tar", "logprob": math.log(0.5), "bytes": None},
        {"token": "", "logprob": -23.0, "bytes": []},
    ]
    assert of_whole_answer(told, "star") == pytest.approx(0.25)
    with pytest.raises(ValueError, match="held to"):
        of_whole_answer(told, "square")


def test_a_preference_for_the_answer_named_first_cancels() -> None:
    """True odds of 3 to 1, and odds of 4 to 1 for whatever is named first."""
    masses = [Mass((12 / 13, 1 / 13)), Mass((3 / 7, 4 / 7))]
    assert together(masses) == pytest.approx((0.75, 0.25))
    assert order_difference(masses) == pytest.approx(12 / 13 - 3 / 7)


def test_unlikely_answers_are_compared_too() -> None:
    assert Mass((3e-30, 1e-30)).shares == pytest.approx((0.75, 0.25))
    assert Mass((0.0, 0.0)).shares == (0.5, 0.5)


def test_a_curve_rises_and_is_level_beyond_its_ends() -> None:
    curve = Curve((0.5, 0.9), (0.4, 0.6))
    assert [curve.at(raw) for raw in (0.1, 0.5, 0.7, 0.9, 1.0)] == pytest.approx([0.4, 0.4, 0.5, 0.6, 0.6])
    for raw, calibrated in (((), ()), ((0.5, 0.5), (0.1, 0.2)), ((0.1, 0.2), (0.3, 0.2)), ((0.1,), (1.2,))):
        with pytest.raises(ValueError, match=r"."):
            Curve(raw, calibrated)


def test_others_keep_their_proportion_when_the_likeliest_is_calibrated() -> None:
    assert rescaled((0.8, 0.15, 0.05), 0.6) == pytest.approx((0.6, 0.3, 0.1))
    assert rescaled((1.0, 0.0), 0.9) == pytest.approx((0.9, 0.1))


def test_the_reply_is_one_that_openais_client_reads() -> None:
    answer = DecisionAnswer(read(YES, COLORS, GRADES, threshold=0.7))
    masses = [(0.6, 0.2), (0.1, 0.7), (0.05, 0.15, 0.2)]
    curve = Curve((0.0, 1.0), (0.5, 1.0))
    decided = [Decided((Mass(one), Mass(one)), False, 2) for one in masses]
    known = Calibrations({"choice": curve}, "not enough samples")
    answers = [answer.decided(at, one, known, AnsweredBy("m")) for at, one in enumerate(decided)]
    usage = {"prompt_tokens": 9, "completion_tokens": 6, "prompt_tokens_details": {"cached_tokens": 4}}
    reply = Decision.model_validate(answer.reply("decision-1", answers, usage))
    predicate, choice, score = reply.answers
    assert (predicate.type, predicate.name, predicate.probability) == ("predicate", "is it", 0.75)
    assert predicate.viewfinder["not_calibrated"] == "not enough samples"
    assert (choice.type, choice.choice) == ("choice", "blue")
    assert (choice.viewfinder["raw"], choice.confidence) == pytest.approx((0.875, 0.9375))
    assert sum(one.probability for one in choice.probabilities) == pytest.approx(1)
    assert (score.type, score.viewfinder["raw"]) == ("refusal", pytest.approx(0.5))
    assert (reply.usage.total_tokens, reply.usage.input_tokens_details.cached_tokens) == (15, 4)


def test_a_score_is_the_mean_of_its_levels() -> None:
    answer = DecisionAnswer(read(GRADES))
    mass = Mass((0.1, 0.2, 0.7))
    told = answer.decided(0, Decided((mass,), False, 1), Calibrations(), AnsweredBy("m"))
    assert told["score"] == pytest.approx(1.6)
    assert [one["value"] for one in told["probabilities"]] == [0, 1, 2]
