"""Measures the exported glimpse through the product itself, over HTTP, and writes its model card.

Called by `training.__main__`, or by itself: `python -m training.measure`.
"""

import asyncio
import base64
import io
import random
from collections import defaultdict
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from rich.progress import Progress
from scipy.stats import binomtest
from transformers import AutoProcessor, Idefics3ForConditionalGeneration

import viewfinder
from training.conversations import SYSTEMS
from viewfinder.client.chat import ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.scenes import knowledge, questions
from viewfinder.scenes.drawing import encode
from viewfinder.scenes.questions import Question, is_exact
from viewfinder.scenes.scene import Scene, make_scene

SCENES, TEXT_QUESTIONS, CONVERSATIONS, TURNS = 1000, 400, 200, 6
SAME_ANSWERS = 300
AT_ONCE = 4
CARD = Path(__file__).parent.parent / "MODEL_CARD.md"
TABLE_START, TABLE_END = "<!-- measured: start -->", "<!-- measured: end -->"
Message = dict[str, Any]
Asked = tuple[Scene, Question, str]


@dataclass
class Tally:
    """Right answers and questions by kind; wrong ones are kept to be looked at."""

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


def image_message(scene: Scene, text: str) -> Message:
    """A user's message with the scene as it is encoded, and a question."""
    url = f"data:image/{scene.codec};base64,{base64.b64encode(encode(scene)).decode()}"
    return {
        "role": "user",
        "content": [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": text}],
    }


async def answer(client: ChatClient, messages: list[Message]) -> str:
    """The reply of a greedy request."""
    reply = await client.complete(
        {"model": "glimpse", "messages": messages, "temperature": 0, "max_tokens": 96}
    )
    return str(reply["choices"][0]["message"]["content"])


async def ask_scene(client: ChatClient, tally: Tally, number: int) -> None:
    """One question of each kind that the scene allows, each in a conversation of its own."""
    scene = make_scene(f"measure/{number}")
    rng = random.Random(f"measure/question/{number}")
    for kind in questions.KINDS:
        question = questions.ask_about(scene, kind, rng)
        if question:
            tally.add(kind, question, await answer(client, [image_message(scene, question.text)]))


async def ask_text(client: ChatClient, tally: Tally, number: int) -> None:
    """A question without an image; every fifth is about an image that is not there."""
    rng = random.Random(f"measure/text/{number}")
    kind = knowledge.KINDS[number % len(knowledge.KINDS)]
    if kind == "no_image":
        imagined = make_scene(f"measure/imagined/{number}")
        question = knowledge.without_image(rng.choice(list(questions.all_questions(imagined))))
    else:
        question = knowledge.ask_text(kind, rng)
    tally.add(kind, question, await answer(client, [{"role": "user", "content": question.text}]))


async def talk(client: ChatClient, tally: Tally, number: int) -> None:
    """A conversation of six turns, the image in the first only; the model's own replies stay in it."""
    scene = make_scene(f"measure/talk/{number}")
    rng = random.Random(f"measure/talk/{number}")
    messages: list[Message] = []
    if rng.random() < 0.15:
        messages.append({"role": "system", "content": rng.choice(SYSTEMS)})
    turn = 0
    while turn < TURNS:
        question = questions.ask_about(scene, rng.choice(questions.KINDS), rng)
        if question is None:
            continue
        first = turn == 0
        messages.append(
            image_message(scene, question.text) if first else {"role": "user", "content": question.text}
        )
        reply = await answer(client, messages)
        messages.append({"role": "assistant", "content": reply})
        if not first:
            tally.add("follow-up", question, reply)
        turn += 1


async def ask_twin(client: ChatClient, number: int) -> Asked:
    """A question that the Hugging Face weights are asked too, and llama.cpp's answer."""
    scene = make_scene(f"measure/same/{number}")
    rng = random.Random(f"measure/same/{number}")
    kinds = questions.KINDS[number % len(questions.KINDS) :] + questions.KINDS
    question = next(filter(None, (questions.ask_about(scene, kind, rng) for kind in kinds)))
    return scene, question, await answer(client, [image_message(scene, question.text)])


@torch.no_grad()
def same_answers(asked: Iterable[Asked], folder: Path) -> float:
    """Share of questions that the Hugging Face weights answer word for word as llama.cpp did."""
    processor = AutoProcessor.from_pretrained(folder)
    model = Idefics3ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    same = []
    for scene, question, reply in asked:
        parts = [{"type": "image"}, {"type": "text", "text": question.text}]
        prompt = processor.apply_chat_template(
            [{"role": "user", "content": parts}], add_generation_prompt=True
        )
        image = Image.open(io.BytesIO(encode(scene))).convert("RGB")
        inputs = processor(text=prompt, images=[image], return_tensors="pt")
        said = model.generate(**inputs, max_new_tokens=96, do_sample=False)
        text = processor.decode(said[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        same.append(text.strip() == reply.strip())
    return sum(same) / len(same)


def measure(folder: Path) -> tuple[Tally, float]:
    """Serve glimpse, ask everything, and compare it with the Hugging Face weights in `folder`."""
    tally, asked = Tally(), []

    async def ask(model: viewfinder.Model) -> None:
        turns = asyncio.Semaphore(AT_ONCE)

        async def in_turn(work: Awaitable[Asked | None]) -> None:
            async with turns:
                found = await work
            if found:
                asked.append(found)
            progress.advance(task)

        async with ChatClient(Endpoint(model.base_url.removesuffix("/v1"), api_key=model.api_key)) as client:
            work: list[Awaitable[Asked | None]] = [
                *(ask_scene(client, tally, number) for number in range(SCENES)),
                *(talk(client, tally, number) for number in range(CONVERSATIONS)),
                *(ask_text(client, tally, number) for number in range(TEXT_QUESTIONS)),
                *(ask_twin(client, number) for number in range(SAME_ANSWERS)),
            ]
            task = progress.add_task("asking over HTTP", total=len(work))
            await asyncio.gather(*map(in_turn, work))

    with Progress() as progress:
        with viewfinder.load("glimpse") as model:
            asyncio.run(ask(model))
        return tally, same_answers(progress.track(asked, description="asking transformers"), folder)


def table(tally: Tally, same: float) -> str:
    """The measured table as Markdown."""
    image_kinds, text_kinds = list(questions.KINDS), list(knowledge.KINDS)
    rows = [
        "| kind of question | asked | exactly right | 95 % interval (Wilson) |",
        "|---|---|---|---|",
        tally.row("**about an image, pooled**", image_kinds),
        *(tally.row(kind, [kind]) for kind in image_kinds),
        tally.row("**follow-up turns (2 to 6)**", ["follow-up"]),
        tally.row("**text only, pooled**", text_kinds),
        *(tally.row(kind.replace("_", " "), [kind]) for kind in text_kinds),
    ]
    rows.append(f"\nThe Hugging Face weights gave the same words on {same:.1%} of {SAME_ANSWERS} questions.")
    return "\n".join(rows)


def write_card(text: str) -> None:
    """Replace the measured part of the model card."""
    card = CARD.read_text()
    before, rest = card.split(TABLE_START)
    after = rest.split(TABLE_END)[1]
    CARD.write_text(f"{before}{TABLE_START}\n{text}\n{TABLE_END}{after}")


def main() -> None:
    from viewfinder.catalog.catalog import WEIGHTS

    tally, same = measure(WEIGHTS / "glimpse" / "hf")
    text = table(tally, same)
    write_card(text)
    print(text)
    for kind, asked, due, said in tally.wrong[:40]:
        print(f"wrong {kind}: {asked!r} due {due!r} said {said!r}")


if __name__ == "__main__":
    main()
