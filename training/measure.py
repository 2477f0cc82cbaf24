"""Measures the exported glimpse through Viewfinder, over HTTP, and writes its model card.

Called by `training.__main__`, or run alone: `python -m training.measure`.
"""

import argparse
import asyncio
import io
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

import torch
from PIL import Image
from rich.progress import Progress
from transformers import AutoProcessor, Idefics3ForConditionalGeneration

import viewfinder
from training.asking import (
    SIZES,
    TENTHS,
    Tally,
    answer,
    ask_photograph,
    ask_scene,
    ask_sizes,
    ask_text,
    ask_wide,
    compare,
    compare_at_once,
    doubt,
    sent,
    talk,
)
from training.questions import TEXT_KINDS
from viewfinder.client.chat import ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.core.config import load_settings
from viewfinder.scenes import questions
from viewfinder.scenes.drawing import encode
from viewfinder.scenes.questions import Question
from viewfinder.scenes.scene import Scene, make_scene

SCENES, TEXT_QUESTIONS, TALKS, COMPARISONS, PAIRS = 400, 400, 150, 150, 100
DOUBTS, PHOTOGRAPHS, SIZED, BUDGETED, WIDE = 200, 100, 60, 100, 250
ONE_TILE = 9
"""An image budget (llama.cpp's `--image-max-tokens`): from 9 to 35 means one tile and the overview."""
SAME_ANSWERS = 300
AT_ONCE = 4
CARD = Path(__file__).parent.parent / "MODEL_CARD.md"
TABLE_START, TABLE_END = "<!-- measured: start -->", "<!-- measured: end -->"
TWO_IMAGES = ["first of two", "second of two", "newest of two"]
Answered = tuple[Scene, Question, str]


async def ask_twin(client: ChatClient, number: int) -> Answered:
    """A question that the Hugging Face weights get as well, and llama.cpp's answer."""
    scene = make_scene(f"measure/same/{number}")
    rng = random.Random(f"measure/same/{number}")
    kinds = questions.IMAGE_KINDS[number % len(questions.IMAGE_KINDS) :] + questions.IMAGE_KINDS
    question = next(filter(None, (questions.ask_about(scene, kind, rng) for kind in kinds)))
    return scene, question, await answer(client, [sent(scene, question.text)])


@torch.no_grad()
def same_answers(answered: Iterable[Answered], folder: Path) -> str:
    """A sentence: how many questions the Hugging Face weights answer word for word as llama.cpp did."""
    processor = AutoProcessor.from_pretrained(folder)
    model = Idefics3ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    same = []
    for scene, question, reply in answered:
        parts = [{"type": "image"}, {"type": "text", "text": question.text}]
        prompt = processor.apply_chat_template(
            [{"role": "user", "content": parts}], add_generation_prompt=True
        )
        image = Image.open(io.BytesIO(encode(scene))).convert("RGB")
        inputs = processor(text=prompt, images=[image], return_tensors="pt")
        output = model.generate(**inputs, max_new_tokens=96, do_sample=False)
        text = processor.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        same.append(text.strip() == reply.strip())
    return f"The Hugging Face weights gave the same words on {sum(same)} of {len(same)} questions."


def measure(folder: Path, share: float = 1.0) -> tuple[Tally, str]:
    """Serve glimpse, ask all questions (or a share), and compare it with the Hugging Face weights in
    `folder`; returns the answers, and a sentence on how many were the same."""
    tally = Tally()

    def some(count: int) -> range:
        return range(max(1, round(share * count)))

    def everything(client: ChatClient) -> list[Awaitable[Answered | None]]:
        return [
            *(ask_scene(client, tally, number) for number in some(SCENES)),
            *(ask_text(client, tally, number) for number in some(TEXT_QUESTIONS)),
            *(talk(client, tally, number) for number in some(TALKS)),
            *(compare(client, tally, number) for number in some(COMPARISONS)),
            *(compare_at_once(client, tally, number) for number in some(PAIRS)),
            *(doubt(client, tally, number) for number in some(DOUBTS)),
            *(ask_photograph(client, tally, number) for number in some(PHOTOGRAPHS)),
            *(ask_sizes(client, tally, number) for number in some(SIZED)),
            *(ask_wide(client, tally, number) for number in some(WIDE)),
            *(ask_twin(client, number) for number in some(SAME_ANSWERS)),
        ]

    def scenes_again(client: ChatClient) -> list[Awaitable[None]]:
        return [ask_scene(client, tally, number, "1 tile") for number in some(BUDGETED)]

    with Progress() as progress:
        answered = _serve(progress, 0, everything)
        _serve(progress, ONE_TILE, scenes_again)
        return tally, same_answers(progress.track(answered, description="asking transformers"), folder)


def _serve(
    progress: Progress,
    image_tokens: int,
    make_work: Callable[[ChatClient], Sequence[Awaitable[Answered | None]]],
) -> list[Answered]:
    """Start glimpse with this image budget (0: the engine's) and ask, a few questions at once; returns the
    answers to compare with the Hugging Face weights."""
    answered = []

    async def ask(model: viewfinder.Model) -> None:
        turns = asyncio.Semaphore(AT_ONCE)

        async def in_turn(one: Awaitable[Answered | None]) -> None:
            async with turns:
                found = await one
            if found:
                answered.append(found)
            progress.advance(task)

        async with ChatClient(Endpoint(model.base_url.removesuffix("/v1"), api_key=model.api_key)) as client:
            work = make_work(client)
            task = progress.add_task("asking over HTTP", total=len(work))
            await asyncio.gather(*map(in_turn, work))

    settings = load_settings()
    engine = settings.engine.model_copy(update={"image_tokens": image_tokens})
    with viewfinder.load("glimpse", settings=settings.model_copy(update={"engine": engine})) as model:
        asyncio.run(ask(model))
    return answered


def table(tally: Tally, same: str) -> str:
    """The measured table as Markdown."""
    image_kinds, text_kinds = list(questions.IMAGE_KINDS), list(TEXT_KINDS)
    rows = [
        "| kind of question | asked | exactly right | 95 % interval (Wilson) |",
        "|---|---|---|---|",
        tally.row("**about an image, pooled**", image_kinds),
        *(tally.row(kind, [kind]) for kind in image_kinds),
        tally.row("**follow-up turns (2 to 10)**", ["turns 2 to 9", "turn 10"]),
        tally.row("turn 10", ["turn 10"]),
        tally.row("**two images, pooled**", [*TWO_IMAGES, "two in one message"]),
        *(tally.row(kind, [kind]) for kind in (*TWO_IMAGES, "two in one message")),
        *(tally.row(kind, [kind]) for kind in ("false premise", "true premise", "absent")),
        tally.row("**text only, pooled**", text_kinds),
        *(tally.row(kind.replace("_", " "), [kind]) for kind in text_kinds),
        *(tally.row(kind, [kind]) for kind in ("noisy JPEG", "clean PNG")),
        tally.row("1 tile + overview", ["1 tile"]),
        *(tally.row(f"shrunk to {size} px", [f"{size} px"]) for size in SIZES),
        *(tally.row(f"one shape, 0.{tenths} of the width", [f"{tenths} tenths wide"]) for tenths in TENTHS),
    ]
    return "\n".join([*rows, "", same])


def write_card(text: str) -> None:
    """Replace the measured part of the model card."""
    card = CARD.read_text()
    before, rest = card.split(TABLE_START)
    after = rest.split(TABLE_END)[1]
    CARD.write_text(f"{before}{TABLE_START}\n{text}\n{TABLE_END}{after}")


def main(share: float = 1.0) -> None:
    from viewfinder.catalog.catalog import WEIGHTS

    tally, same = measure(WEIGHTS / "glimpse" / "hf", share)
    text = table(tally, same)
    write_card(text)
    print(text)
    for kind, question, answer_due, reply in tally.wrong[:60]:
        print(f"wrong {kind}: {question!r} expected {answer_due!r} got {reply!r}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the questions, for a busy machine")
    main(parser.parse_args().share)
