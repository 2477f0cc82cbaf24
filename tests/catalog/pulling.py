"""Shared by the tests that pull: a repository with a GGUF pair, and a pull that never sleeps."""

import random
from pathlib import Path

from viewfinder.catalog.card import Variant
from viewfinder.catalog.pull import Plan, PullProgress, fetch, plan, wanted_of
from viewfinder.catalog.remote import Hub

REPO = "someone/thing-GGUF"
MODEL, MMPROJ = "thing-Q8_0.gguf", "mmproj-thing-Q8_0.gguf"
SIZE = 600_000


def noise(seed: str, size: int = SIZE) -> bytes:
    return random.Random(seed).randbytes(size)


FILES = {
    "README.md": b"# A thing",
    MODEL: noise("model"),
    MMPROJ: noise("mmproj", 60_000),
    "thing-f16.gguf": noise("other", 1000),
}


class Waits(list[float]):
    """Records the waits without sleeping."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def variant(**more: object) -> Variant:
    """The pair of `REPO`; `more` are other fields of it."""
    fields: dict[str, object] = {
        "name": "q8",
        "engine": "llama.cpp",
        "repo": REPO,
        "source": "hub",
        "model": MODEL,
        "mmproj": MMPROJ,
        "vision": True,
        "text": True,
    }
    return Variant.model_validate(fields | more)


def alone(**more: object) -> Variant:
    """The language model of `REPO` without its projector: one file."""
    return variant(mmproj=None, **more)


def planned(wanted: Variant) -> Plan:
    return plan(wanted_of(wanted), Hub(wait=Waits()))


def pull(home: Path, wanted: Variant, waits: Waits | None = None) -> list[PullProgress]:
    """Pull a variant without real waits, and return the reported steps."""
    steps: list[PullProgress] = []
    hub = Hub(wait=Waits() if waits is None else waits)
    fetch(plan(wanted_of(wanted), hub), hub, lock_file=home / "pulled.json", on_progress=steps.append)
    return steps


def place(cache: Path, repo: str = REPO) -> Path:
    return cache / f"models--{repo.replace('/', '--')}"


def partials(cache: Path) -> list[Path]:
    return list(cache.rglob("*.incomplete"))
