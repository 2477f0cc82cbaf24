"""Makes glimpse from nothing: tokenizer, tower, language, export, measurement.

`python -m training` (`make glimpse`); the work folder keeps checkpoints, so that a run that was cut
short goes on from the last finished stage.
"""

import argparse
from pathlib import Path

import torch

from training import measure
from training.export import export
from training.language import Teacher, train_language, view
from training.model import make_model
from training.tokens import SPECIAL, Encoder, make_tokenizer
from training.tower import train_tower
from viewfinder.catalog.catalog import WEIGHTS

SEED = 0
TOWER_STEPS, LANGUAGE_STEPS = 1900, 2000
LESSON_SCENES, EXAM_SCENES = 10_000, 400


def main() -> None:
    """Run every stage that has no finished checkpoint in the work folder yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(__file__).parent / "work")
    parser.add_argument("--out", type=Path, default=WEIGHTS / "glimpse")
    options = parser.parse_args()
    work: Path = options.work
    work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)

    tokenizer = make_tokenizer()
    token_ids = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
    model = make_model(token_ids, SEED)

    tower = work / "tower.pt"
    if tower.exists():
        model.load_state_dict(torch.load(tower))
    else:
        train_tower(model, TOWER_STEPS, work)
        torch.save(model.state_dict(), tower)

    language = work / "language.pt"
    if language.exists():
        model.load_state_dict(torch.load(language))
    else:
        encoder = Encoder(tokenizer)
        exam = view(model, "exam", EXAM_SCENES)
        lessons = view(model, "lesson", LESSON_SCENES)
        train_language(
            model,
            Teacher(encoder, token_ids, lessons, "teacher"),
            Teacher(encoder, token_ids, exam, "examiner"),
            token_ids,
            LANGUAGE_STEPS,
            work,
        )
        torch.save(model.state_dict(), language)

    export(model, tokenizer, options.out)
    measure.main()


if __name__ == "__main__":
    main()
