"""Makes glimpse from nothing: tokenizer, tower, language, export, measurement.

`python -m training` (`make glimpse`); the work folder keeps checkpoints, so that an interrupted run resumes
within the stage that was interrupted.
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
    MIXED,
    TALK,
    WORDS,
    Course,
    Teacher,
    train_language,
    view,
)
from training.model import make_model
from training.tokens import SPECIAL, Encoder, make_tokenizer
from training.tower import TOWER, WIDE, Lesson, train_tower
from viewfinder.catalog.catalog import WEIGHTS

SEED = 0


def main() -> None:
    """Run every stage that has no finished checkpoint in the work folder yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(__file__).parent / "work")
    parser.add_argument("--train-only", action="store_true", help="keep the shipped weights and card")
    options = parser.parse_args()
    work: Path = options.work
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
    def teachers(course: Course) -> tuple[Teacher, Teacher]:
        encoder = Encoder(tokenizer)
        lessons = view(model, course, course.split, course.scenes)
        exam = view(model, course, "exam", EXAM_SCENES)
        return Teacher(encoder, token_ids, lessons, "teacher"), Teacher(encoder, token_ids, exam, "examiner")

    def learn(course: Course) -> None:
        # Words and talk are about the same scenes, which are viewed once.
        pair = teachers(TALK if course is WORDS else course)
        train_language(model, *pair, token_ids, course, work)

    def see(lesson: Lesson) -> None:
        stage(lesson.name, functools.partial(train_tower, model, lesson, work))

    see(TOWER)
    for course in (WORDS, TALK, DIALOGUES):
        stage(course.name, functools.partial(learn, course))
    see(WIDE)
    stage(MIXED.name, functools.partial(learn, MIXED))

    if options.train_only:
        return
    export(model, tokenizer, WEIGHTS / "glimpse")
    measure.main()


if __name__ == "__main__":
    main()
