"""Makes glimpse from nothing: tokenizer, tower, language, export, measurement.

`python -m training` (`make glimpse`); the work folder keeps checkpoints, so that an interrupted run resumes
after the last finished stage.
"""

import argparse
import functools
from collections.abc import Callable
from pathlib import Path

import torch

from training import measure
from training.export import export
from training.language import (
    DIALOGUES,
    EXAM_SCENES,
    TALK,
    WORDS,
    Course,
    Teacher,
    train_language,
    view,
)
from training.model import make_model
from training.tokens import SPECIAL, Encoder, make_tokenizer
from training.tower import train_tower
from viewfinder.catalog.catalog import WEIGHTS

SEED = 0
TOWER_STEPS = 2400


def main() -> None:
    """Run every stage that has no finished checkpoint in the work folder yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(__file__).parent / "work")
    work: Path = parser.parse_args().work
    work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)

    tokenizer = make_tokenizer()
    token_ids = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
    model = make_model(token_ids, SEED)

    def stage(name: str, train: Callable[[], None]) -> None:
        """Train, or load the checkpoint of an earlier run."""
        checkpoint = work / f"{name}.pt"
        if checkpoint.exists():
            model.load_state_dict(torch.load(checkpoint))
            return
        train()
        unfinished = checkpoint.with_suffix(".part")
        torch.save(model.state_dict(), unfinished)
        unfinished.replace(checkpoint)

    @functools.cache
    def teachers(scenes: int, photographed: bool) -> tuple[Teacher, Teacher]:
        encoder = Encoder(tokenizer)
        split = "dialogue" if photographed else "lesson"
        lessons = view(model, split, scenes, photographed=photographed)
        exam = view(model, "exam", EXAM_SCENES, photographed=photographed)
        return Teacher(encoder, token_ids, lessons, "teacher"), Teacher(encoder, token_ids, exam, "examiner")

    def learn(course: Course) -> None:
        pair = teachers(course.scenes, photographed=course.dialogues)
        train_language(model, *pair, token_ids, course, work)

    stage("tower", lambda: train_tower(model, TOWER_STEPS, work))
    for course in (WORDS, TALK, DIALOGUES):
        stage(course.name, functools.partial(learn, course))

    export(model, tokenizer, WEIGHTS / "glimpse")
    measure.main()


if __name__ == "__main__":
    main()
