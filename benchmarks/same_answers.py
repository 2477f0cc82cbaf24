"""Answers of this checkout beside those of another one: `serve` of each is asked about the same scenes.

    python -m benchmarks.same_answers OTHER_CHECKOUT [--scenes 1000]

Prints how many answers are the same, how many of each are right, and the difference with its interval; exits
with 1 when this checkout's are shown to be worse. Both run with this environment's packages.
"""

import argparse
import itertools
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.progress import track

from benchmarks.peers.asking import Way, ask, over_tcp
from benchmarks.served import serving
from viewfinder.measure.statistics.pairs import compare
from viewfinder.scenes.drawing import paint, saved
from viewfinder.scenes.messages import Message, data_url, with_images
from viewfinder.scenes.questions import IMAGE_KINDS, Question, ask_about, is_right
from viewfinder.scenes.scene import Scene, make_scene

PICTURES = tuple(itertools.product((192, 512, 768, 1600), ("png", "jpeg", "webp")))
"""The longest edges in px and the codecs, by turns."""
TOKENS = 48
HERE = Path(__file__).parents[1]


def asked(scenes: int) -> Iterator[tuple[Scene, Question, str]]:
    """Each scene, a question about it, and the codec of its picture."""
    for number in range(scenes):
        edge, codec = PICTURES[number % len(PICTURES)]
        scene = make_scene(f"same answers/{number}", things=1 + number % 3, longest=(edge, edge))
        kinds = random.Random(number).sample(IMAGE_KINDS, k=len(IMAGE_KINDS))
        possible = (ask_about(scene, kind, random.Random(number)) for kind in kinds)
        yield scene, next(filter(None, possible)), codec


def message(scene: Scene, question: Question, codec: str) -> Message:
    """As a client would send it."""
    options = {"quality": 90} if codec != "png" else {}
    return with_images([data_url(codec, saved(paint(scene), codec, **options))], question.text)


def answers(checkout: Path, scenes: int) -> list[str]:
    """What the `serve` of a checkout says about each scene."""
    with serving(PYTHONPATH=str(checkout / "src")) as url:
        way = Way(over_tcp(int(url.rsplit(":", 1)[1].split("/")[0])))
        return [
            ask(way, [message(*one)], TOKENS).words
            for one in track(asked(scenes), checkout.name, total=scenes, transient=True)
        ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("other", type=Path)
    parser.add_argument("--scenes", type=int, default=1000)
    given = parser.parse_args()
    theirs, ours = (answers(one, given.scenes) for one in (given.other.resolve(), HERE))
    questions = [question for _, question, _ in asked(given.scenes)]
    right = [
        {(str(at), ""): is_right(question, words[at]) for at, question in enumerate(questions)}
        for words in (ours, theirs)
    ]
    same = sum(one == other for one, other in zip(ours, theirs, strict=True))
    found = compare(*right)
    print(f"{same} of {given.scenes} answers are the same")
    print(f"right: {sum(right[0].values())} here, {sum(right[1].values())} there")
    print(f"difference: {100 * found.value:+.1f} points ({100 * found.low:+.1f} to {100 * found.high:+.1f})")
    sys.exit(found.high < 0)


if __name__ == "__main__":
    main()
