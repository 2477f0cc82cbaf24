"""The same half a billion parameters on llama.cpp (GGUF) and on transformers (safetensors), through `serve`.

    python -m benchmarks.synthesize FOLDER --formats gguf transformers
    python -m benchmarks.formats FOLDER [--rounds 4] [--types f32 bf16]

Needs `pip install 'viewfinder[transformers]'`. Seconds of 32 tokens after a short text, and after a picture:
as both engines come (17 tiles, 1,088 tokens), with llama.cpp's budget of 64 tokens against transformers as
it comes, and with 64 tokens in both. In each round every model is asked once, in an order by chance, about
what no model was asked before. A ratio's interval is Student's on the logarithms of the rounds' ratios.
"""

import argparse
import json
import math
import random
import time
from collections import defaultdict
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.progress import track

from benchmarks.served import serving
from benchmarks.synthesize import SETTINGS
from viewfinder.measure.statistics.over_processes import compare, of_process
from viewfinder.scenes.messages import Message, image_message
from viewfinder.scenes.scene import make_scene

TOKENS = 32
PICTURE_PX = 1024
TIMEOUT_S = 1800
FULL, SMALL = "random-500m", "random-500m-64"
TEXT, PICTURE = "text", "picture"
Question = tuple[str, str]
"""A model, and what it is asked."""


def questions(types: list[str]) -> list[Question]:
    """Everything that is asked in a round."""
    asked = [(SMALL, TEXT), (SMALL, PICTURE), (FULL, PICTURE)]
    for kind in types:
        theirs = f"random-500m-{kind}"
        asked += [(theirs, TEXT), (theirs, PICTURE), (f"{theirs}-one-tile", PICTURE)]
    return asked


def rows(types: list[str]) -> list[tuple[str, Question, Question, float]]:
    """Of each row its name, what is compared, and the ratio that is wanted (0: none)."""
    table = []
    for kind in types:
        theirs = f"random-500m-{kind}"
        table += [
            (f"{kind}: text", (theirs, TEXT), (SMALL, TEXT), 8.0),
            (f"{kind}: picture, llama.cpp with 64 tokens", (theirs, PICTURE), (SMALL, PICTURE), 10.0),
            (f"{kind}: picture, 17 tiles in both", (theirs, PICTURE), (FULL, PICTURE), 0.0),
            (f"{kind}: picture, 64 tokens in both", (f"{theirs}-one-tile", PICTURE), (SMALL, PICTURE), 0.0),
        ]
    return table


def message(what: str, number: int) -> Message:
    if what == TEXT:
        return {"role": "user", "content": f"{number} is a number. Say something about it."}
    scene = make_scene(f"formats/{number}", things=2, longest=(PICTURE_PX, PICTURE_PX))
    return image_message(scene, "What is here?")


def seconds(url: str, question: Question, number: int, tokens: int = TOKENS) -> float:
    """Until the whole answer is here; it must be as long as it may be."""
    model, what = question
    body: dict[str, Any] = {"model": model, "temperature": 0, "max_tokens": tokens}
    body["messages"] = [message(what, number)]
    begin_s = time.perf_counter()
    connection = HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
    answer = json.load(connection.getresponse())
    connection.close()
    took_s = time.perf_counter() - begin_s
    assert "usage" in answer, answer
    assert answer["usage"]["completion_tokens"] == tokens, answer
    return took_s


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--types", nargs="+", choices=("f32", "bf16"), default=["f32", "bf16"])
    arguments = parser.parse_args()
    asked = questions(arguments.types)
    models = list(dict.fromkeys(model for model, _ in asked))
    environment = {
        "VIEWFINDER_CONFIG": str(arguments.folder / SETTINGS),
        "VIEWFINDER_FLEET__CANARY": "false",
        "VIEWFINDER_FLEET__CHECK_UPGRADES": "false",
        "VIEWFINDER_ENGINE__SLOTS": "1",
    }
    took: dict[Question, list[float]] = defaultdict(list)
    with serving(*models, **environment) as url:
        for model in track(models, "loading", transient=True):
            seconds(url, (model, TEXT), 0, tokens=1)
        for number in range(1, arguments.rounds + 1):
            order = random.sample(asked, k=len(asked))
            for question in track(order, f"round {number} of {arguments.rounds}", transient=True):
                took[question].append(seconds(url, question, 1000 * number + asked.index(question)))
                print(f"round {number}: {' '.join(question):32} {took[question][-1]:8.2f} s", flush=True)
    show(took, arguments.types)


def show(took: dict[Question, list[float]], types: list[str]) -> None:
    print(f"\n{'':44} {'llama.cpp':>10} {'transformers':>13}  ratio (95 %)")
    for name, theirs, ours, wanted in rows(types):
        contrast = compare(took[theirs], took[ours], side_by_side=True)
        ratio, low, high = (math.exp(value) for value in (contrast.value, contrast.low, contrast.high))
        target = f", wanted {wanted:g}: {'met' if ratio >= wanted else 'MISSED'}" if wanted else ""
        times = f"{of_process(took[ours]):8.2f} s {of_process(took[theirs]):11.2f} s"
        print(f"{name:44} {times}  {ratio:.1f} ({low:.1f} to {high:.1f}){target}")


if __name__ == "__main__":
    main()
