"""The official `openai` client and /v1/responses on a real engine: a dialogue in turns is what a chat with
its whole history is, in answers and in what it costs the engine."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

import openai
import pydantic
import pytest

from viewfinder.client.chat import ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.client.turns import KeptConversation, keeps_conversations
from viewfinder.measure.measures.dialogues.script import Dialogue, dialogues
from viewfinder.measure.prompts import body
from viewfinder.scenes.messages import image_message
from viewfinder.scenes.scene import make_scene

from .conftest import Served, serving

SETTINGS = {"temperature": 0.0}
TOKENS = 64
TURNS = 10
IN_TEST, IN_SOAK = 3, int(os.environ.get("VIEWFINDER_SOAK_DIALOGUES", "100"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Without the canary: its questions would take the place of a dialogue in the engine's memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIEWFINDER_FLEET__CANARY", "false")
        with serving(tmp_path_factory.mktemp("served"), "--port", "0", "glimpse") as running:
            yield running


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="unused", max_retries=0) as made:
        yield made


@dataclass
class Held:
    """One dialogue: the answers, and of each turn the tokens of its prompt and those that were cached."""

    answers: list[str] = field(default_factory=list)
    prompt: list[int] = field(default_factory=list)
    cached: list[int] = field(default_factory=list)
    took_s: list[float] = field(default_factory=list)


def said(dialogue: Dialogue) -> list[dict[str, Any]]:
    """What the person says, in the words of chat completions."""
    return [
        image_message(line.scene, line.question.text)
        if line.shows
        else {"role": "user", "content": line.question.text}
        for line in dialogue.lines
    ]


def by_chat(client: openai.OpenAI, dialogue: Dialogue) -> Held:
    held, messages = Held(), list[Any]()
    for message in said(dialogue):
        messages.append(message)
        begun_s = time.monotonic()
        reply = client.chat.completions.create(
            model="glimpse", messages=messages, max_tokens=TOKENS, **SETTINGS
        )
        held.took_s.append(time.monotonic() - begun_s)
        messages.append(reply.choices[0].message)
        held.answers.append(reply.choices[0].message.content or "")
        usage = reply.usage
        assert usage is not None
        assert usage.prompt_tokens_details is not None
        held.prompt.append(usage.prompt_tokens)
        held.cached.append(usage.prompt_tokens_details.cached_tokens or 0)
    return held


def by_turns(client: openai.OpenAI, dialogue: Dialogue) -> Held:
    held, previous = Held(), None
    for message in said(dialogue):
        begun_s = time.monotonic()
        reply = client.responses.create(
            model="glimpse",
            input=[turned(message)],
            previous_response_id=previous,
            max_output_tokens=TOKENS,
            **SETTINGS,
        )
        held.took_s.append(time.monotonic() - begun_s)
        previous = reply.id
        held.answers.append(reply.output_text)
        assert reply.usage is not None
        held.prompt.append(reply.usage.input_tokens)
        held.cached.append(reply.usage.input_tokens_details.cached_tokens)
    return held


def turned(message: dict[str, Any]) -> Any:
    """A message in the words of this API."""
    if isinstance(message["content"], str):
        return message
    parts = [
        {"type": "input_text", "text": part["text"]}
        if part["type"] == "text"
        else {"type": "input_image", "image_url": part["image_url"]["url"]}
        for part in message["content"]
    ]
    return {"role": "user", "content": parts}


def hold_both(client: openai.OpenAI, count: int) -> tuple[list[Held], list[Held]]:
    """Each dialogue in both ways, the first of which alternates: the second finds its image in the cache."""
    chats, chains = list[Held](), list[Held]()
    for number, dialogue in enumerate(islice(dialogues(two_images=True), count)):
        ways = [(by_chat, chats), (by_turns, chains)]
        for way, held in ways if number % 2 else ways[::-1]:
            held.append(way(client, dialogue))
    return chats, chains


def require_the_same(chats: list[Held], chains: list[Held]) -> None:
    for chat, chain in zip(chats, chains, strict=True):
        assert len(chat.answers) == TURNS
        assert chain.answers == chat.answers
        assert chain.prompt == chat.prompt
    # from the second turn on, all but what is new is cached; the later of both may find that, too
    both = (*chats, *chains)
    assert all(held.cached[at] >= held.prompt[at - 1] for held in both for at in range(1, TURNS))


def test_a_dialogue_in_turns_is_the_chat_with_its_history(client: openai.OpenAI) -> None:
    require_the_same(*hold_both(client, IN_TEST))


async def test_the_measures_own_client_holds_a_dialogue(served: Served) -> None:
    """Arm S of the measure of dialogues: the same answers as with the whole history, from the same tokens."""
    async with ChatClient(Endpoint(served.url)) as client:
        assert await keeps_conversations(client, 10.0)
        kept, messages = KeptConversation(client), list[Any]()
        for message in said(next(dialogues(two_images=True))):
            messages.append(message)
            request = body("glimpse", messages)
            whole = await client.exchange(request, timeout_s=60)
            turn = await kept.exchange(request, timeout_s=60)
            assert not turn.error
            assert turn.text == whole.text
            assert (turn.prompt_tokens, turn.completion_tokens) == (
                whole.prompt_tokens,
                whole.completion_tokens,
            )
            assert turn.first_token_s is not None
            messages.append({"role": "assistant", "content": turn.text})


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_hundred_dialogues_in_turns(client: openai.OpenAI) -> None:
    chats, chains = hold_both(client, IN_SOAK)
    took_s = [sum(sum(held.took_s) for held in way) for way in (chats, chains)]
    cached = [sum(sum(held.cached) for held in way) for way in (chats, chains)]
    print(f"seconds by chat and by turns: {took_s}, ratio {took_s[1] / took_s[0]:.3f}; cached: {cached}")
    require_the_same(chats, chains)
    assert took_s[1] < 1.15 * took_s[0]


@pytest.mark.soak
def test_a_conversation_survives_a_restart(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("restarted")
    scene = make_scene("responses/restart")
    with serving(home, "--port", "0", "glimpse") as running:
        with openai.OpenAI(base_url=f"{running.url}/v1", api_key="x", max_retries=0) as client:
            first = client.responses.create(
                model="glimpse", input=[turned(image_message(scene, "What color is it?"))], **SETTINGS
            )
        running.process.kill()
    with (
        serving(home, "--port", "0", "glimpse") as running,
        openai.OpenAI(base_url=f"{running.url}/v1", api_key="x", max_retries=0) as client,
    ):
        assert client.responses.retrieve(first.id).output_text == first.output_text
        again = client.responses.create(
            model="glimpse", input="Which shape is it?", previous_response_id=first.id, **SETTINGS
        )
        assert again.usage is not None
        assert first.usage is not None
        assert again.usage.input_tokens > first.usage.input_tokens


def test_the_clients_own_ways(client: openai.OpenAI) -> None:
    """Streams, structured output, reading, listing and deleting, by the client's own methods."""

    class Answer(pydantic.BaseModel):
        color: Literal["red", "blue"]

    scene = make_scene("responses/ways")
    shown = [turned(image_message(scene, "What color is it?"))]
    with client.responses.stream(
        model="glimpse",
        input=shown,
        max_output_tokens=TOKENS,
        top_logprobs=2,
        include=["message.output_text.logprobs"],
        **SETTINGS,
    ) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    assert final.output_text
    parsed = client.responses.parse(
        model="glimpse", input="Say.", previous_response_id=final.id, text_format=Answer, **SETTINGS
    )
    assert parsed.output_parsed is not None
    assert parsed.output_parsed.color in ("red", "blue")
    items = client.responses.input_items.list(final.id)
    assert [item.type for item in items.data] == ["message"]
    assert client.responses.retrieve(final.id).output_text == final.output_text
    client.responses.delete(final.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(final.id)
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model="glimpse", input="And?", previous_response_id=final.id)
    assert refused.value.code == "previous_response_not_found"
