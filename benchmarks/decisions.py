"""Whether the promises of calibrated decisions hold: python -m benchmarks.decisions [QUESTIONS].

glimpse decides questions about scenes that no measure asks, by /v1/decisions. 300 of them calibrate, 2,000
others judge: the expected calibration error, and whether at most the promised share is wrong above the
probability that is promised, in 100 draws of the 300 from all. Half of the pictures are noisy and faded, for
glimpse is hardly ever wrong about plain ones.
"""

import random
import sys
from collections.abc import Iterator
from itertools import count, islice

import numpy as np
from PIL import Image

import viewfinder
from viewfinder.measure.measures.decisions.fit import Graded, brier, calibration_error, curve_of, sure_from
from viewfinder.scenes.drawing import paint
from viewfinder.scenes.questions import Question, ask_about
from viewfinder.scenes.scene import COLORS, Scene, make_scene

CALIBRATING, DRAWS = 300, 100
HARD_SHARE = 0.5


def questions(kind: str) -> Iterator[tuple[Scene, Question]]:
    for number in count():
        scene = make_scene(f"benchmarks/decisions/{number}", longest=(512, 512))
        if question := ask_about(scene, kind, scene.random("decisions")):
            yield scene, question


def picture_of(scene: Scene, rng: random.Random) -> Image.Image:
    """The scene as it is, or noisy and washed out by a random amount."""
    plain = paint(scene).convert("RGB")
    if rng.random() > HARD_SHARE:
        return plain
    noise = np.random.default_rng(rng.randrange(2**32)).normal(
        0, rng.uniform(20, 120), (*plain.size[::-1], 3)
    )
    faded = 128 + (np.asarray(plain, float) - 128) * rng.uniform(0.2, 1)
    return Image.fromarray(np.clip(faded + noise, 0, 255).astype(np.uint8))


def decided(model: viewfinder.Model, kind: str, n: int) -> list[tuple[float, bool]]:
    """The raw probability of yes, or of the likeliest answer, and whether it was so."""
    graded = []
    for scene, question in islice(questions(kind), n):
        picture = picture_of(scene, scene.random("hard"))
        right = question.answer.rstrip(".").lower()
        if kind == "exists":
            told = model.decide(picture, question.text)
            yes = told.raw if told.answer == "yes" else 1 - told.raw
            graded.append((yes, right == "yes"))
        else:
            told = model.decide(picture, question.text, choices=list(COLORS))
            graded.append((told.raw, told.answer == right))
    return graded


def judge(kind: str, graded: Graded) -> None:
    made, others = graded[:CALIBRATING], graded[CALIBRATING:]
    curve = curve_of(made)
    after = [(curve.at(raw), right) for raw, right in others]
    print(f"{kind}: {len(made)} calibrate, {len(others)} judge")
    print(f"  calibration error {calibration_error(others):.4f} -> {calibration_error(after):.4f}")
    print(f"  Brier score {brier(others):.4f} -> {brier(after):.4f}")
    for most in (0.02, 0.05, 0.1):
        print(f"  wrong in at most {most:.0%}: {kept(graded, most)}")


def kept(graded: Graded, most: float) -> str:
    """In how many draws the promise is kept by those that were not drawn."""
    rng, promised, true, covered = random.Random(0), 0, 0, 0.0
    for _ in range(DRAWS):
        order = rng.sample(range(len(graded)), len(graded))
        sure = sure_from([graded[at] for at in order[:CALIBRATING]], most)
        if sure is None:
            continue
        rest = [graded[at] for at in order[CALIBRATING:]]
        above = [right for raw, right in rest if raw > sure[0]]
        promised += 1
        true += above.count(False) <= most * len(above)
        covered += len(above) / len(rest) / DRAWS
    return f"promised in {promised} of {DRAWS} draws, kept in {true}; {covered:.0%} of answers are above it"


if __name__ == "__main__":
    n = CALIBRATING + int(next(iter(sys.argv[1:]), 2000))
    with viewfinder.load("glimpse") as loaded:
        for asked in ("exists", "color"):
            judge(asked, decided(loaded, asked, n))
