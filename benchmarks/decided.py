"""What glimpse decides about scenes that no measure asks: python -m benchmarks.decided FILE [PICTURES].

Each line of the file is one picture, with its questions as /v1/decisions answered them. What is in the file
is not asked again, so that it can be made in several runs; it belongs outside the repository.
"""

import json
import random
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from rich.progress import track

from benchmarks.served import serving
from viewfinder.scenes.drawing import paint
from viewfinder.scenes.messages import data_url
from viewfinder.scenes.questions import ask_about
from viewfinder.scenes.scene import COLORS, Scene, make_scene

HARD_SHARE = 0.5
PREDICATES, CHOICES = 16, 1
"""Of each picture, at most; no text is asked twice about one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The raw probability of yes, or of the likeliest answer, and whether it was so."""

    raw: float
    right: bool


@dataclass(frozen=True, slots=True)
class DecidedPicture:
    """`hard`: its picture was made noisy and faded."""

    number: int
    hard: bool
    predicates: tuple[Answer, ...]
    choices: tuple[Answer, ...]


def decided_pictures(file: Path) -> list[DecidedPicture]:
    """All that is in the file."""
    known = []
    for line in file.read_text().splitlines() if file.exists() else ():
        fields = json.loads(line)
        for kind in ("predicates", "choices"):
            fields[kind] = tuple(Answer(**one) for one in fields[kind])
        known.append(DecidedPicture(**fields))
    return known


def picture_of(scene: Scene, rng: random.Random) -> tuple[Image.Image, bool]:
    """The scene as it is, or noisy and washed out by a random amount, and which of them."""
    plain = paint(scene).convert("RGB")
    if rng.random() > HARD_SHARE:
        return plain, False
    noise = np.random.default_rng(rng.randrange(2**32)).normal(
        0, rng.uniform(20, 120), (*plain.size[::-1], 3)
    )
    faded = 128 + (np.asarray(plain, float) - 128) * rng.uniform(0.2, 1)
    return Image.fromarray(np.clip(faded + noise, 0, 255).astype(np.uint8)), True


def questions_of(scene: Scene, kind: str, most: int) -> dict[str, str]:
    """The right answer by question."""
    drawn = (ask_about(scene, kind, scene.random(f"decisions/{nth}")) for nth in range(3 * most))
    known = {one.text: one.answer.rstrip(".").lower() for one in drawn if one}
    return dict([*known.items()][:most])


def decided(url: str, number: int) -> DecidedPicture:
    """Ask everything about one picture, in one request."""
    scene = make_scene(f"benchmarks/decided/{number}", longest=(512, 512))
    picture, hard = picture_of(scene, scene.random("hard"))
    yes_no = questions_of(scene, "exists", PREDICATES)
    colors = questions_of(scene, "color", CHOICES)
    named = [{"value": color} for color in COLORS]
    asked = [
        *({"type": "predicate", "instructions": text} for text in yes_no),
        *({"type": "choice", "instructions": text, "choices": named} for text in colors),
    ]
    answers = answered(url, picture, asked)
    raws = [answer["viewfinder"]["raw"] for answer in answers]
    n = len(yes_no)
    return DecidedPicture(
        number,
        hard,
        tuple(Answer(raw, right == "yes") for raw, right in zip(raws, yes_no.values(), strict=False)),
        tuple(
            Answer(raw, answer["choice"] == right)
            for raw, answer, right in zip(raws[n:], answers[n:], colors.values(), strict=True)
        ),
    )


def answered(url: str, picture: Image.Image, asked: list[dict[str, object]]) -> list[dict[str, object]]:
    picture.save(file := BytesIO(), "png", compress_level=1)
    shown = [{"type": "input_image", "image_url": data_url("png", file.getvalue())}]
    body = {
        "model": "glimpse",
        "input": [{"type": "message", "role": "user", "content": shown}],
        "questions": asked,
    }
    request = urllib.request.Request(  # noqa: S310 our own server
        f"{url}/v1/decisions", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=300) as reply:  # noqa: S310 our own server
        return json.load(reply)["answers"]


def wanted(file: Path, pictures: int) -> Iterator[int]:
    known = {one.number for one in decided_pictures(file)}
    return (number for number in range(pictures) if number not in known)


if __name__ == "__main__":
    path, most = Path(sys.argv[1]), int(next(iter(sys.argv[2:]), 4000))
    with serving() as served, path.open("a") as kept:
        for at in track([*wanted(path, most)], description="Decided"):
            kept.write(json.dumps(asdict(decided(served, at))) + "\n")
            kept.flush()
