"""Stage 1: the vision tower learns the output of each of its tokens, before any text.

Each shape, color and cell has a fixed code. First a token only has to point at the codes of the thing under
it, in tiles and overviews alike: this way shapes are learnt fastest. Then a token of the overview must *be*
the sum of its codes, in directions that a language model can read by a dot product, and a token of a tile
must report that it sees nothing (the tower can recognize a tile, because things are twice as large there):
a language model that got each thing twice, in two cells, never learned positions. Called by
`training.__main__`.
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

from training.model import WIDTH, look
from training.pictures import NO_COLOR, NO_SHAPE, labels, tiles
from viewfinder.scenes.scene import make_scene

BATCH, TILES = 64, 40
"""Overviews per step, and tiles in addition to them."""
OVERVIEW = 4
CELLS = 9
POINTING = 0.55
"""Share of the steps during which tokens only point at their codes; then they must be their codes."""
LOUDNESS = 3.0
"""Length of each code: a token is then about as long as a word's embedding."""


class Pictures(IterableDataset):
    """Endless (overview and one tile, labels) pairs of training scenes, rendered in a worker."""

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


def make_codes() -> torch.Tensor:
    """Orthogonal codes (shapes and "none", colors and "none", cells), (23, 192)."""
    generator = torch.Generator().manual_seed(0)
    square = torch.randn(WIDTH, WIDTH, generator=generator)
    return torch.linalg.qr(square)[0][: NO_SHAPE + 1 + NO_COLOR + 1 + CELLS]


def train_tower(
    model: torch.nn.Module, steps: int, folder: Path, *, peak: float = 1.5e-3, split: str = "train"
) -> None:
    """Train tower and connector in place; progress goes to `folder/tower.jsonl`."""
    codes = make_codes()
    trained = [*model.model.vision_model.parameters(), *model.model.connector.parameters()]
    optimizer = torch.optim.AdamW(trained, lr=peak, betas=(0.9, 0.98), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak, steps, pct_start=0.05)
    loader = iter(DataLoader(Pictures(split), BATCH, num_workers=1, prefetch_factor=4))
    start, right = time.monotonic(), []
    for step in range(1, steps + 1):
        images, targets = next(loader)
        images = torch.cat([images[:, 0], images[:TILES, 1]])
        targets = torch.cat([targets[:, 0], targets[:TILES, 1]])
        pixels = images.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
        with torch.autocast("cpu", torch.bfloat16):
            seen = look(model, pixels)
        seen = seen.float()
        loss = _pointing(seen, targets, codes) if step < POINTING * steps else _being(seen, targets, codes)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        right.append(_accuracy(seen.detach(), targets, codes))
        if step % 50 == 0:
            names = ("shape", "color", "cell", "unseen in tiles")
            named = dict(zip(names, np.nanmean(right, 0), strict=True))
            row = {"step": step, "s": round(time.monotonic() - start, 1), "loss": round(loss.item(), 4)}
            row |= {name: round(float(share), 4) for name, share in named.items()}
            with (folder / "tower.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            right = []


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


def _accuracy(seen: torch.Tensor, targets: torch.Tensor, codes: torch.Tensor) -> tuple[float, ...]:
    """Shares: things whose shape, color and cell are named correctly; things in tiles that are not seen."""
    shape, color, cell = (seen @ codes.T).split([NO_SHAPE + 1, NO_COLOR + 1, CELLS], dim=-1)
    things = targets[..., 0] != NO_SHAPE
    there, tiled = things[:BATCH], things[BATCH:]
    found = (
        (shape[:BATCH].argmax(-1) == targets[:BATCH, :, 0])[there],
        (color[:BATCH].argmax(-1) == targets[:BATCH, :, 1])[there],
        (cell[:BATCH].argmax(-1) == torch.arange(CELLS))[there],
        (shape[BATCH:].argmax(-1) == NO_SHAPE)[tiled],
    )
    return tuple(share.float().mean().item() for share in found)
