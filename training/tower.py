"""Stage 1: the vision tower learns to name what is under each of its tokens, before any word.

A linear head shared by all tokens reads each connector output by itself, so that a thing's shape,
color and cell stand in one token. Then the tower is taught to see nothing in the tiles (there things
are twice as large as in the overview): a language model that met each thing twice, at two cells,
never learned where anything is. Called by `training.__main__`.
"""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset

from training.model import look
from training.pictures import NO_COLOR, NO_SHAPE, labels, tiles
from viewfinder.scenes.scene import make_scene

BATCH = 64
"""Overviews a step."""
OVERVIEW = 4


class Pictures(IterableDataset):
    """Endless (overview and tile, labels) pairs of training scenes, rendered in a worker."""

    def __init__(self, split: str) -> None:
        self._split = split

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        number = 0
        while True:
            number += 1
            seed = f"{self._split}/{number}"
            rng = random.Random(seed)
            longest = (96, 1024) if rng.random() < 0.2 else (96, 420)
            scene = make_scene(seed, longest=longest)
            pick = [OVERVIEW, rng.randrange(OVERVIEW)]
            yield tiles(scene, rng)[pick], labels(scene)[pick]


def make_head() -> torch.nn.Linear:
    """Reads shape, color and cell off one connector output."""
    return torch.nn.Linear(192, NO_SHAPE + 1 + NO_COLOR + 1 + 9)


def train_tower(
    model: torch.nn.Module,
    head: torch.nn.Linear,
    steps: int,
    folder: Path,
    *,
    peak: float,
    tiles_a_step: int,
    tiles_are_named: bool,
) -> None:
    """Train tower, connector and head in place; progress goes to `folder/tower.jsonl`."""
    trained = [
        *model.model.vision_model.parameters(),
        *model.model.connector.parameters(),
        *head.parameters(),
    ]
    optimizer = torch.optim.AdamW(trained, lr=peak, betas=(0.9, 0.98), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak, steps, pct_start=0.05)
    split = "train" if tiles_are_named else "focus"
    empty = 0.3 if tiles_are_named else 1.0
    loader = iter(DataLoader(Pictures(split), BATCH, num_workers=1, prefetch_factor=4))
    log = (folder / "tower.jsonl").open("a")
    start, right = time.monotonic(), []
    for step in range(1, steps + 1):
        images, targets = next(loader)
        there = targets[:tiles_a_step, 1, :, 0] != NO_SHAPE
        if not tiles_are_named:
            targets[:, 1] = torch.tensor([NO_SHAPE, NO_COLOR])
        images = torch.cat([images[:, 0], images[:tiles_a_step, 1]])
        targets = torch.cat([targets[:, 0], targets[:tiles_a_step, 1]])
        pixels = images.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
        with torch.autocast("cpu", torch.bfloat16):
            seen = look(model, pixels)
        named = head(functional.rms_norm(seen.float(), (192,)))
        loss = _loss(named, targets, empty)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        silent = (named[BATCH:, :, : NO_SHAPE + 1].argmax(-1) == NO_SHAPE)[there].float().mean().item()
        right.append((*_accuracy(named[:BATCH], targets[:BATCH]), silent))
        if step % 50 == 0:
            shapes, colors, silent = np.nanmean(right, axis=0)
            row = {
                "step": step,
                "s": round(time.monotonic() - start, 1),
                "loss": round(loss.item(), 4),
                "shape": round(float(shapes), 4),
                "color": round(float(colors), 4),
                "unseen in tiles": round(float(silent), 4),
            }
            log.write(json.dumps(row) + "\n")
            log.flush()
            right = []


def _loss(named: torch.Tensor, targets: torch.Tensor, empty: float) -> torch.Tensor:
    shape, color, cell = named.split([NO_SHAPE + 1, NO_COLOR + 1, 9], dim=-1)
    rare = torch.ones(NO_SHAPE + 1)
    rare[NO_SHAPE] = empty
    rare_color = torch.ones(NO_COLOR + 1)
    rare_color[NO_COLOR] = empty
    cells = torch.arange(9).expand(targets.shape[:2]).flatten()
    return (
        functional.cross_entropy(shape.flatten(0, 1), targets[..., 0].flatten(), rare)
        + functional.cross_entropy(color.flatten(0, 1), targets[..., 1].flatten(), rare_color)
        + 0.1 * functional.cross_entropy(cell.flatten(0, 1), cells)
    )


def _accuracy(named: torch.Tensor, targets: torch.Tensor) -> tuple[float, float]:
    """Share of the overview's cells with a thing whose shape, and whose color, is named rightly."""
    shape, color, _ = named.detach().split([NO_SHAPE + 1, NO_COLOR + 1, 9], dim=-1)
    there = targets[..., 0] != NO_SHAPE
    shapes = (shape.argmax(-1) == targets[..., 0])[there].float().mean().item()
    colors = (color.argmax(-1) == targets[..., 1])[there].float().mean().item()
    return shapes, colors
