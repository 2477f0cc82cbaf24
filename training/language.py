"""The language model learns to read the tower's tokens, in four courses; called by `training.__main__`.

The tower is frozen, so its output for a scene is computed once and used many times.
"""

import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from transformers import Idefics3ForConditionalGeneration

from training.conversations import Conversation, make_conversation, make_dialogue
from training.model import look
from training.pictures import tiles
from training.progress import Progress
from training.tokens import IMAGE, PAD, Encoder
from training.wide import mixed_scene
from viewfinder.scenes.dialogues import ORDINALS
from viewfinder.scenes.questions import Question
from viewfinder.scenes.scene import Scene, make_scene

TEXT_ONLY = 0.12
IMAGES = (0.12, 0.33, 0.55)
"""Shares of dialogues with no image, one and two."""
TILE_TOKENS = 36


@dataclass(frozen=True, slots=True)
class Course:
    """A part of the training; the number of turns is drawn from `turns` for each batch of `rows`.

    `scenes` is the number of different scenes that `make` draws, with seeds in `split`. Dialogues have up to
    two images, half of them photographed.
    """

    name: str
    steps: int
    rows: int
    turns: tuple[int, ...]
    tiled: bool = True
    dialogues: bool = False
    split: str = "lesson"
    make: Callable[..., Scene] = make_scene
    scenes: int = 12_000
    peak: float = 2e-3


WORDS = Course("words", steps=1000, rows=100, turns=(1,), tiled=False)
"""The first: one question about the overview alone. A model that starts with long conversations learns to
answer from the earlier turns, and hardly ever learns to look at the image."""
TALK = Course("talk", steps=2000, rows=40, turns=(3, 6, 6, 8))
DIALOGUES = Course(
    "dialogues",
    steps=1800,
    rows=24,
    turns=(4, 7, 10),
    dialogues=True,
    split="dialogue",
    scenes=6000,
    peak=1.5e-3,
)
"""Two images, ten turns, premises that may be false. By then the model can read one image, and only has to
learn which image a question is about."""
MIXED = Course(
    "mixed",
    steps=1500,
    rows=24,
    turns=(2, 4, 7, 10),
    dialogues=True,
    split="mixed",
    make=mixed_scene,
    scenes=6000,
    peak=8e-4,
)
"""The last, after the tower has learnt wide things: the same conversations, about scenes half of which are
wide. The tower's tokens have moved a little, and tiles are no longer silent."""
EXAM_SCENES, EXAM_EVERY = 400, 200


@dataclass(frozen=True, slots=True)
class Views:
    """Scenes, and the tower's output for each: bfloat16 (n, 45, 192)."""

    scenes: list[Scene]
    seen: torch.Tensor


class _Rendered(Dataset):
    def __init__(self, course: Course, split: str, count: int) -> None:
        self._course, self._split, self._count = course, split, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> np.ndarray:
        rng = random.Random(f"{self._split}/view/{number}")
        photographed = self._course.dialogues and number % 2 == 0
        return tiles(scene_of(self._course, self._split, number), rng, photographed=photographed)


def scene_of(course: Course, split: str, number: int) -> Scene:
    """Scene `number` of a split; mostly small canvases, which render fast."""
    seed = f"{split}/{number}"
    return course.make(seed, longest=(96, 1024) if random.Random(seed).random() < 0.2 else (96, 420))


@torch.no_grad()
def view(model: Idefics3ForConditionalGeneration, course: Course, split: str, count: int) -> Views:
    """Render `count` scenes of a split (in dialogues, every second one as a photograph), and keep the tower's
    outputs."""
    seen = torch.empty(count, 45, 192, dtype=torch.bfloat16)
    loader = DataLoader(_Rendered(course, split, count), 64, num_workers=1, prefetch_factor=4)
    for number, batch in enumerate(loader):
        pixels = batch.flatten(0, 1).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
        with torch.autocast("cpu", torch.bfloat16):
            found = look(model, pixels)
        seen[number * 64 : number * 64 + len(batch)] = found.reshape(len(batch), 45, 192)
    return Views([scene_of(course, split, number) for number in range(count)], seen)


@dataclass(frozen=True, slots=True)
class Batch:
    """Token ids and turn numbers (b, t), features of all images in row order (n, 45 or 9, 192)."""

    ids: torch.Tensor
    turns: torch.Tensor
    seen: torch.Tensor
    kinds: list[list[str]]


class Teacher:
    """Draws conversations about the views and encodes them as batches."""

    def __init__(self, encoder: Encoder, token_ids: dict[str, int], views: Views, seed: str) -> None:
        self._encoder, self._ids, self._views = encoder, token_ids, views
        self._rng = random.Random(seed)

    def batches(self, course: Course) -> Iterator[Batch]:
        while True:
            scenes = len(self._views.scenes)
            yield self.batch(course, [self._rng.randrange(scenes) for _ in range(course.rows)])

    def batch(self, course: Course, numbers: list[int]) -> Batch:
        turns = self._rng.choice(course.turns)
        rows, kinds, shown = [], [], []
        for number in numbers:
            conversation, scenes = self._converse(course, number, turns)
            rows.append(self._encoder.encode(conversation, tiled=course.tiled))
            kinds.append([_kind(turn) for turn in conversation.turns])
            shown += scenes
        length = max(len(row.ids) for row in rows)
        ids = torch.full((len(rows), length), self._ids[PAD])
        marks = torch.full((len(rows), length), -1)
        for number, row in enumerate(rows):
            ids[number, : len(row.ids)] = torch.tensor(row.ids)
            marks[number, : len(row.ids)] = torch.tensor(row.turns)
        seen = self._views.seen[shown]
        return Batch(ids, marks, seen if course.tiled else seen[:, TILE_TOKENS:], kinds)

    def _converse(self, course: Course, number: int, turns: int) -> tuple[Conversation, list[int]]:
        """A conversation about scene `number` (or none, or one more), and the scenes in it."""
        if course.dialogues:
            images = self._rng.choices((0, 1, 2), IMAGES)[0]
            numbers = [number, self._rng.randrange(len(self._views.scenes))][:images]
            shown = [self._views.scenes[one] for one in numbers]
            return make_dialogue(self._rng, shown, turns), numbers
        scene = None if self._rng.random() < TEXT_ONLY else self._views.scenes[number]
        conversation = make_conversation(self._rng, f"lesson/{number}", scene, turns)
        return conversation, [number] if scene else []


def _kind(question: Question) -> str:
    """The category of a question in an exam: its kind, or the image that it names."""
    named = (f"{word} image" for word in ORDINALS if f"the {word} " in question.text)
    return question.kind if question.kind == "no_image" else next(named, question.kind)


def predict(model: Idefics3ForConditionalGeneration, batch: Batch, image_id: int) -> torch.Tensor:
    """Logits (n, vocabulary) of the n tokens of the answers, in row order."""
    text = model.model.text_model
    embedded = text.embed_tokens(batch.ids)
    seen = batch.seen.flatten(0, 1).to(embedded.dtype)
    embedded = embedded.masked_scatter((batch.ids == image_id)[..., None], seen)
    with torch.autocast("cpu", torch.bfloat16):
        # Rows are padded on the right: causal attention never looks there.
        hidden = text(inputs_embeds=embedded, use_cache=False).last_hidden_state
        answers = hidden[:, :-1][batch.turns[:, 1:] >= 0]
        return model.lm_head(answers)


def train_language(
    model: Idefics3ForConditionalGeneration,
    teacher: Teacher,
    examiner: Teacher,
    token_ids: dict[str, int],
    course: Course,
    folder: Path,
) -> None:
    """Train the text model in place; progress and held-out accuracy go to `folder/COURSE.jsonl`."""
    trained = [*model.model.text_model.parameters(), *model.lm_head.parameters()]
    optimizer = torch.optim.AdamW(trained, lr=course.peak, betas=(0.9, 0.98), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, course.peak, course.steps, pct_start=0.05)
    exam = [
        examiner.batch(course, list(range(start, start + course.rows)))
        for start in range(0, EXAM_SCENES - course.rows + 1, course.rows)
    ]
    progress = Progress(folder / f"{course.name}.unfinished", model, optimizer, schedule)
    done = progress.resume()
    start = time.monotonic()
    lessons = teacher.batches(course)
    for _ in range(done):
        next(lessons)
    for step in range(done + 1, course.steps + 1):
        batch = next(lessons)
        logits = predict(model, batch, token_ids[IMAGE])
        loss = functional.cross_entropy(logits.float(), batch.ids[:, 1:][batch.turns[:, 1:] >= 0])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0 or step == course.steps:
            row = {"step": step, "s": round(time.monotonic() - start, 1), "loss": round(loss.item(), 4)}
            if step % EXAM_EVERY == 0 or step == course.steps:
                row |= examine(model, exam, token_ids[IMAGE])
            with (folder / f"{course.name}.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            progress.keep(step)
    progress.forget()


@torch.no_grad()
def examine(model: Idefics3ForConditionalGeneration, exam: list[Batch], image_id: int) -> dict[str, float]:
    """Share of answers that greedy decoding gets exactly right, by kind of question."""
    right: dict[str, list[bool]] = defaultdict(list)
    for batch in exam:
        place = batch.turns[:, 1:] >= 0
        hits = predict(model, batch, image_id).argmax(-1) == batch.ids[:, 1:][place]
        rows = torch.nonzero(place)[:, 0]
        for row, kinds in enumerate(batch.kinds):
            mine, turns = hits[rows == row], batch.turns[row, 1:][place[row]]
            for turn, kind in enumerate(kinds):
                right[kind].append(bool(mine[turns == turn].all()))
    return {kind: round(sum(found) / len(found), 3) for kind, found in sorted(right.items())}
