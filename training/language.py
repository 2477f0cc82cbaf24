"""Stage 2: the language model learns to read the tower's tokens; called by `training.__main__`.

The tower stands still, so that what it sees of a scene is computed once and read many times.
"""

import json
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from transformers import Idefics3ForConditionalGeneration

from training.conversations import make_conversation
from training.model import look
from training.pictures import tiles
from training.tokens import IMAGE, PAD, Encoder
from viewfinder.scenes.scene import Scene, make_scene

TEXT_ONLY = 0.12
TILE_TOKENS = 36


@dataclass(frozen=True, slots=True)
class Course:
    """What a part of the lessons looks like; `turns` are drawn from, once a batch of `rows`."""

    name: str
    steps: int
    rows: int
    turns: tuple[int, ...]
    tiled: bool


WORDS = Course("words", steps=1000, rows=100, turns=(1,), tiled=False)
"""The first: one question about the overview alone. A model that begins with long conversations
learns to answer from what was said before, and hardly ever finds out that there is an image."""
TALK = Course("talk", steps=2000, rows=40, turns=(3, 6, 6, 8), tiled=True)
EXAM_SCENES = 400
PEAK = 2e-3


@dataclass(frozen=True, slots=True)
class Views:
    """Scenes and what the tower makes of each: bfloat16 (n, 45, 192)."""

    scenes: list[Scene]
    seen: torch.Tensor


class _Rendered(Dataset):
    def __init__(self, split: str, count: int) -> None:
        self._split, self._count = split, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> np.ndarray:
        return tiles(scene_of(self._split, number), random.Random(f"{self._split}/view/{number}"))


def scene_of(split: str, number: int) -> Scene:
    """Scene `number` of a split; mostly small canvases, which render fast."""
    seed = f"{split}/{number}"
    return make_scene(seed, longest=(96, 1024) if random.Random(seed).random() < 0.2 else (96, 420))


@torch.no_grad()
def view(model: Idefics3ForConditionalGeneration, split: str, count: int) -> Views:
    """Render `count` scenes of a split and keep what the tower sees."""
    seen = torch.empty(count, 45, 192, dtype=torch.bfloat16)
    loader = DataLoader(_Rendered(split, count), 64, num_workers=1, prefetch_factor=4)
    for number, batch in enumerate(loader):
        pixels = batch.flatten(0, 1).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
        with torch.autocast("cpu", torch.bfloat16):
            found = look(model, pixels)
        seen[number * 64 : number * 64 + len(batch)] = found.reshape(len(batch), 45, 192)
    return Views([scene_of(split, number) for number in range(count)], seen)


@dataclass(frozen=True, slots=True)
class Batch:
    """Token ids and turn numbers (b, t), image features (b, 45 or 9, 192), whether a row has an image."""

    ids: torch.Tensor
    turns: torch.Tensor
    seen: torch.Tensor
    has_image: torch.Tensor
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
        rows, kinds, has_image = [], [], []
        for number in numbers:
            scene = None if self._rng.random() < TEXT_ONLY else self._views.scenes[number]
            conversation = make_conversation(self._rng, f"lesson/{number}", scene, turns)
            rows.append(self._encoder.encode(conversation, tiled=course.tiled))
            kinds.append([turn.kind for turn in conversation.turns])
            has_image.append(scene is not None)
        length = max(len(row.ids) for row in rows)
        ids = torch.full((len(rows), length), self._ids[PAD])
        marks = torch.full((len(rows), length), -1)
        for number, row in enumerate(rows):
            ids[number, : len(row.ids)] = torch.tensor(row.ids)
            marks[number, : len(row.ids)] = torch.tensor(row.turns)
        seen = self._views.seen[numbers]
        return Batch(
            ids, marks, seen if course.tiled else seen[:, TILE_TOKENS:], torch.tensor(has_image), kinds
        )


def predict(model: Idefics3ForConditionalGeneration, batch: Batch, image_id: int) -> torch.Tensor:
    """Logits (n, vocabulary) of the n tokens that the model must say, in row order."""
    text = model.model.text_model
    embedded = text.embed_tokens(batch.ids)
    seen = batch.seen[batch.has_image].flatten(0, 1).to(embedded.dtype)
    embedded = embedded.masked_scatter((batch.ids == image_id)[..., None], seen)
    with torch.autocast("cpu", torch.bfloat16):
        # Rows are padded on the right: causal attention never looks there.
        hidden = text(inputs_embeds=embedded, use_cache=False).last_hidden_state
        said = hidden[:, :-1][batch.turns[:, 1:] >= 0]
        return model.lm_head(said)


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
    optimizer = torch.optim.AdamW(trained, lr=PEAK, betas=(0.9, 0.98), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK, course.steps, pct_start=0.05)
    exam = [
        examiner.batch(course, list(range(start, start + course.rows)))
        for start in range(0, EXAM_SCENES, course.rows)
    ]
    start = time.monotonic()
    lessons = teacher.batches(course)
    for step in range(1, course.steps + 1):
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
            if step % 400 == 0 or step == course.steps:
                row |= examine(model, exam, token_ids[IMAGE])
            with (folder / f"{course.name}.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")


@torch.no_grad()
def examine(model: Idefics3ForConditionalGeneration, exam: list[Batch], image_id: int) -> dict[str, float]:
    """Share of answers that greedy decoding would give exactly, by kind of question."""
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
