"""Stage 1: the vision tower learns the output of each of its tokens, before any text.

Each shape, color and cell has a fixed code. First a token only has to point at the codes of the thing under
it, in tiles and overviews alike: this way shapes are learnt fastest. Then a token of the overview must *be*
the sum of its codes, in directions that a language model can read by a dot product, and a token of a tile
must report that it sees nothing (the tower can recognize a tile, because things are twice as large there):
a language model that got each thing twice, in two cells, never learned positions.

Later the tower learns wide things (`WIDE`). A quarter of a scene with small things is then the same picture
as a scene with a large one, so the tower can no longer recognize tiles: only overviews are taught, and it is
the language model that learns to ignore tiles. Called by `training.__main__`.
"""

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset

from training.model import WIDTH, look
from training.pictures import NO_COLOR, NO_SHAPE, labels, tiles
from training.progress import Progress
from training.wide import mixed_scene
from viewfinder.scenes.scene import Scene, make_scene

BATCH = 64
"""Overviews per step."""
OVERVIEW = 4
CELLS = 9
LOUDNESS = 3.0
"""Length of each code: a token is then about as long as a word's embedding."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """`tiles` per step are taught in addition to the overviews. During the `pointing` share of the steps
    tokens only point at their codes, then they must be their codes. The rate rises for `rising` steps, then
    falls.
    """

    name: str
    steps: int
    rising: int
    peak: float
    tiles: int
    pointing: float
    make: Callable[..., Scene]


TOWER = Lesson("tower", steps=2400, rising=120, peak=1.5e-3, tiles=40, pointing=0.55, make=make_scene)
WIDE = Lesson("wide", steps=2000, rising=80, peak=1e-3, tiles=0, pointing=0.0, make=mixed_scene)


class Pictures(IterableDataset):
    """Endless (overview and one tile, labels) pairs of training scenes, rendered in a worker."""

    def __init__(self, lesson: Lesson, split: str, first: int) -> None:
        self._lesson, self._split, self._first = lesson, split, first

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        number = self._first
        while True:
            number += 1
            seed = f"{self._split}/{number}"
            rng = random.Random(seed)
            longest = (96, 1024) if rng.random() < 0.2 else (96, 420)
            scene = self._lesson.make(seed, longest=longest)
            pick = [OVERVIEW, rng.randrange(OVERVIEW)][: 2 if self._lesson.tiles else 1]
            yield tiles(scene, rng)[pick], labels(scene)[pick]


def make_codes() -> torch.Tensor:
    """Orthogonal codes (shapes and "none", colors and "none", cells), (23, 192)."""
    generator = torch.Generator().manual_seed(0)
    square = torch.randn(WIDTH, WIDTH, generator=generator)
    return torch.linalg.qr(square)[0][: NO_SHAPE + 1 + NO_COLOR + 1 + CELLS]


def train_tower(model: torch.nn.Module, lesson: Lesson, folder: Path, *, split: str = "train") -> None:
    """Train tower and connector in place; progress goes to `folder/LESSON.jsonl`."""
    codes = make_codes()
    trained = [*model.model.vision_model.parameters(), *model.model.connector.parameters()]
    optimizer = torch.optim.AdamW(trained, lr=lesson.peak, betas=(0.9, 0.98), weight_decay=0.05)
    rising = lesson.rising / lesson.steps
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lesson.peak, lesson.steps, pct_start=rising)
    progress = Progress(folder / f"{lesson.name}.unfinished", model, optimizer, schedule)
    done = progress.resume()
    loader = iter(DataLoader(Pictures(lesson, split, done * BATCH), BATCH, num_workers=1, prefetch_factor=4))
    start, right = time.monotonic(), []
    for step in range(done + 1, lesson.steps + 1):
        images, targets = next(loader)
        images = torch.cat([images[:, 0], *images[: lesson.tiles, 1:].unbind(1)])
        targets = torch.cat([targets[:, 0], *targets[: lesson.tiles, 1:].unbind(1)])
        pixels = images.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
        with torch.autocast("cpu", torch.bfloat16):
            seen = look(model, pixels)
        seen = seen.float()
        pointing = step < lesson.pointing * lesson.steps
        loss = _pointing(seen, targets, codes) if pointing else _being(seen, targets, codes)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        right.append(_accuracy(seen.detach(), targets, codes))
        if step % 50 == 0:
            row = {"step": step, "s": round(time.monotonic() - start, 1), "loss": round(loss.item(), 4)}
            named = {name: [one[name] for one in right if name in one] for name in right[0]}
            row |= {name: round(sum(shares) / len(shares), 4) for name, shares in named.items()}
            with (folder / f"{lesson.name}.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            right = []
            progress.keep(step)
    progress.forget()


def _pointing(seen: torch.Tensor, targets: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the names by direction alone."""
    return _naming(functional.rms_norm(seen, (WIDTH,)) @ codes.T, targets).mean()


def _being(seen: torch.Tensor, targets: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """Distance from the right sum of codes, and the names' cross-entropy; tiles must see nothing."""
    targets = targets.clone()
    targets[BATCH:] = torch.tensor([NO_SHAPE, NO_COLOR])
    shapes, colors, cells = codes.split([NO_SHAPE + 1, NO_COLOR + 1, CELLS])
    wanted = shapes[targets[..., 0]] + colors[targets[..., 1]]
    wanted[:BATCH] += cells
    far = ((seen / LOUDNESS - wanted) ** 2).sum(-1) * _weight(targets)
    return far.mean() + _naming(LOUDNESS * seen @ codes.T, targets).mean()


def _naming(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross-entropies of shape and color, in overviews also of the cell: (n, 9)."""
    shape, color, cell = logits.split([NO_SHAPE + 1, NO_COLOR + 1, CELLS], dim=-1)
    wrong = functional.cross_entropy(shape.mT, targets[..., 0], reduction="none")
    wrong = wrong + functional.cross_entropy(color.mT, targets[..., 1], reduction="none")
    wrong = wrong * _weight(targets)
    cells = torch.arange(CELLS).expand(BATCH, CELLS)
    wrong[:BATCH] += 0.3 * functional.cross_entropy(cell[:BATCH].mT, cells, reduction="none")
    return wrong


def _weight(targets: torch.Tensor) -> torch.Tensor:
    """Tokens with a thing have four times the weight."""
    return 1.0 + 3.0 * (targets[..., 0] != NO_SHAPE).float()


def _accuracy(seen: torch.Tensor, targets: torch.Tensor, codes: torch.Tensor) -> dict[str, float]:
    """Shares: things whose shape, color and cell are named correctly, overviews without a mistake, things in
    tiles that are not seen."""
    shape, color, cell = (seen @ codes.T).split([NO_SHAPE + 1, NO_COLOR + 1, CELLS], dim=-1)
    named = shape.argmax(-1) == targets[..., 0], color.argmax(-1) == targets[..., 1]
    things = targets[..., 0] != NO_SHAPE
    there, tiled = things[:BATCH], things[BATCH:]
    found = {
        "shape": named[0][:BATCH][there],
        "color": named[1][:BATCH][there],
        "cell": (cell[:BATCH].argmax(-1) == torch.arange(CELLS))[there],
        "whole": (named[0] & named[1])[:BATCH].all(-1),
    }
    if len(tiled):
        found["unseen in tiles"] = (shape[BATCH:].argmax(-1) == NO_SHAPE)[tiled]
    return {name: share.float().mean().item() for name, share in found.items()}
