"""The questions to the exported glimpse over HTTP, and the count of its right answers; called by
`training.measure`.

Every function is one conversation about scenes that training never drew. It contains the model's own
replies.
"""

import random
from collections import defaultdict
from dataclasses import dataclass, field

from scipy.stats import binomtest

from training.conversations import SYSTEMS
from training.photographs import photograph, shrunk_png
from training.questions import TEXT_KINDS, ask_absent, text_question, without_image
from training.sketches import drawn
from training.wide import make_wide_scene
from viewfinder.client.chat import ChatClient
from viewfinder.scenes import dialogues, questions
from viewfinder.scenes.drawing import encode, encode_png, saved
from viewfinder.scenes.messages import Message, data_url, with_images
from viewfinder.scenes.questions import Question, is_exact
from viewfinder.scenes.scene import Scene, make_scene

TURNS = 10
SIZES = (16, 24, 32, 48, 64, 96, 192, 512)
"""Longest sides in px to which the same 512 px images are shrunk before sending."""
SIZED_KINDS = ("color", "shape", "count", "place")
TENTHS = tuple(range(2, 10))
"""Widths of a lone thing, in tenths of the picture's width."""
WIDE_KINDS = ("color", "shape")


@dataclass
class Tally:
    """Right answers and questions by kind; wrong answers are kept for inspection."""

    right: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    asked: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    wrong: list[tuple[str, str, str, str]] = field(default_factory=list)

    def add(self, kind: str, question: Question, reply: str) -> None:
        self.asked[kind] += 1
        if is_exact(question, reply):
            self.right[kind] += 1
        else:
            self.wrong.append((kind, question.text, question.answer, reply))

    def row(self, name: str, kinds: list[str]) -> str:
        right, asked = sum(self.right[kind] for kind in kinds), sum(self.asked[kind] for kind in kinds)
        interval = binomtest(right, asked).proportion_ci(method="wilson")
        return f"| {name} | {asked:,} | {right / asked:.1%} | {interval.low:.1%} to {interval.high:.1%} |"


def sent(scene: Scene, text: str) -> Message:
    """A user's message with the scene in its own codec, and a question."""
    return with_images([data_url(scene.codec, encode(scene))], text)


def typed(text: str) -> Message:
    return {"role": "user", "content": text}


async def answer(client: ChatClient, messages: list[Message]) -> str:
    """The reply of a greedy request."""
    reply = await client.complete(
        {"model": "glimpse", "messages": messages, "temperature": 0, "max_tokens": 96}
    )
    return str(reply["choices"][0]["message"]["content"])


async def continue_with(client: ChatClient, messages: list[Message], message: Message) -> str:
    """One more turn of a conversation: adds the message and the reply to it."""
    messages.append(message)
    reply = await answer(client, messages)
    messages.append({"role": "assistant", "content": reply})
    return reply


async def ask_scene(client: ChatClient, tally: Tally, number: int, name: str = "") -> None:
    """One question of each kind that the scene allows, each in a conversation of its own.

    They are counted under `name`, or else each under its kind.
    """
    scene = make_scene(f"measure/{number}")
    rng = random.Random(f"measure/question/{number}")
    for kind in questions.IMAGE_KINDS:
        question = questions.ask_about(scene, kind, rng)
        if question:
            tally.add(name or kind, question, await answer(client, [sent(scene, question.text)]))


async def ask_text(client: ChatClient, tally: Tally, number: int) -> None:
    """A question without an image; every fifth is about an image that was not sent."""
    rng = random.Random(f"measure/text/{number}")
    kind = TEXT_KINDS[number % len(TEXT_KINDS)]
    if kind == "no_image":
        imagined = make_scene(f"measure/imagined/{number}")
        question = without_image(rng.choice(list(questions.all_questions(imagined))))
    else:
        question = text_question(kind, rng)
    tally.add(kind, question, await answer(client, [typed(question.text)]))


async def talk(client: ChatClient, tally: Tally, number: int) -> None:
    """Ten turns, with the image only in the first; sums, capitals and greetings in between do not count."""
    scene = make_scene(f"measure/talk/{number}")
    rng = random.Random(f"measure/talk/{number}")
    messages: list[Message] = []
    if rng.random() < 0.15:
        messages.append({"role": "system", "content": rng.choice(SYSTEMS)})
    for turn in range(1, TURNS + 1):
        if 1 < turn < TURNS and rng.random() < 0.3:
            aside = text_question(rng.choice(("capital", "sum", "greeting")), rng)
            await continue_with(client, messages, typed(aside.text))
            continue
        question = _ask_some(scene, rng)
        message = sent(scene, question.text) if turn == 1 else typed(question.text)
        reply = await continue_with(client, messages, message)
        if turn > 1:
            tally.add("turn 10" if turn == TURNS else "turns 2 to 9", question, reply)


async def compare(client: ChatClient, tally: Tally, number: int) -> None:
    """An image, a second one two turns later, and questions about both."""
    rng = random.Random(f"measure/two/{number}")
    scenes = [make_scene(f"measure/two/{number}/{which}") for which in range(2)]
    messages: list[Message] = []
    opening = _ask_some(scenes[0], rng)
    await continue_with(client, messages, sent(scenes[0], opening.text))
    await continue_with(client, messages, typed(_ask_some(scenes[0], rng).text))
    question = _ask_some(scenes[1], rng)
    reply = await continue_with(client, messages, sent(scenes[1], question.text))
    tally.add("newest of two", question, reply)
    for name, which in rng.sample([("first of two", 0), ("second of two", 1), ("newest of two", 1)] * 2, 6):
        question = _ask_some(scenes[which], rng)
        if name != "newest of two":
            question = dialogues.of_image(question, which, rng)
        tally.add(name, question, await continue_with(client, messages, typed(question.text)))


async def compare_at_once(client: ChatClient, tally: Tally, number: int) -> None:
    """Two images in one message, and a question about each."""
    rng = random.Random(f"measure/pair/{number}")
    scenes = [make_scene(f"measure/pair/{number}/{which}") for which in range(2)]
    messages: list[Message] = []
    for turn, which in enumerate(rng.sample((0, 1), 2)):
        question = dialogues.of_image(_ask_some(scenes[which], rng), which, rng)
        urls = [data_url(scene.codec, encode(scene)) for scene in scenes] if turn == 0 else []
        reply = await continue_with(client, messages, with_images(urls, question.text))
        tally.add("two in one message", question, reply)


async def doubt(client: ChatClient, tally: Tally, number: int) -> None:
    """A true and a false premise, each asked directly or after the fact, and an absent thing."""
    scene = make_scene(f"measure/doubt/{number}")
    rng = random.Random(f"measure/doubt/{number}")
    for holds in (True, False):
        premise = dialogues.ask_premise(scene, rng, holds=holds)
        if premise is None:
            break
        messages: list[Message] = []
        message = sent(scene, premise.text)
        if number % 2:
            await continue_with(client, messages, sent(scene, questions.PHRASINGS["caption"][0]))
            message = typed(premise.text)
        reply = await continue_with(client, messages, message)
        tally.add("true premise" if holds else "false premise", premise, reply)
    absent = ask_absent(scene, rng)
    tally.add("absent", absent, await answer(client, [sent(scene, absent.text)]))


async def ask_photograph(client: ChatClient, tally: Tally, number: int) -> None:
    """The same questions about a scene as a noisy JPEG and as a clean PNG."""
    scene = make_scene(f"measure/photograph/{number}")
    for name, codec, data in (
        ("noisy JPEG", "jpeg", photograph(scene)),
        ("clean PNG", "png", encode_png(scene)),
    ):
        for question in questions.all_questions(scene):
            message = with_images([data_url(codec, data)], question.text)
            tally.add(name, question, await answer(client, [message]))


async def ask_sizes(client: ChatClient, tally: Tally, number: int) -> None:
    """The same questions about the same image in every size."""
    scene = make_scene(f"measure/size/{number}", longest=(512, 512))
    rng = random.Random(f"measure/size/{number}")
    asked = [question for kind in SIZED_KINDS if (question := questions.ask_about(scene, kind, rng))]
    for size in SIZES:
        for question in asked:
            message = with_images([data_url("png", shrunk_png(scene, size))], question.text)
            tally.add(f"{size} px", question, await answer(client, [message]))


async def ask_wide(client: ChatClient, tally: Tally, number: int) -> None:
    """The color and the shape of one thing in each width, drawn as another program would draw it."""
    for tenths in TENTHS:
        scene = make_wide_scene(f"measure/wide/{tenths}/{number}", share=tenths / 10)
        data = saved(drawn(scene), scene.codec, quality=scene.quality)
        rng = random.Random(f"measure/wide/{tenths}/{number}")
        for question in filter(None, (questions.ask_about(scene, kind, rng) for kind in WIDE_KINDS)):
            message = with_images([data_url(scene.codec, data)], question.text)
            tally.add(f"{tenths} tenths wide", question, await answer(client, [message]))


def _ask_some(scene: Scene, rng: random.Random) -> Question:
    """A question of any kind about an image that the scene allows."""
    question = None
    while question is None:
        question = questions.ask_about(scene, rng.choice(questions.IMAGE_KINDS), rng)
    return question
