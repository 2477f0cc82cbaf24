"""What was answered wrong, with the picture that was sent."""

import base64
import io
from dataclasses import replace
from itertools import islice

from PIL import Image

from viewfinder.client.exchange import Exchange
from viewfinder.measure.measures.own_images.score import in_one
from viewfinder.measure.prompts import Prompt, about_images
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.troubles import pictures
from viewfinder.measure.wrong_replies import (
    drawn_again,
    expected_of,
    picture_id,
    with_picture,
    wrong_replies,
)

EXCHANGE = Exchange(started_s=0.0, finished_s=1.0)
SAMPLE = Sample("run", "glimpse", 0, "vision", "What?", EXCHANGE, scene="bench/vision/1", expected="Red.")


def pixels(content: bytes) -> bytes:
    return Image.open(io.BytesIO(content)).convert("RGB").tobytes()


def sent(prompt: Prompt) -> bytes:
    url = prompt.messages[0]["content"][0]["image_url"]["url"]
    return base64.b64decode(url.partition(",")[2])


def test_scenes_are_drawn_as_they_were_sent() -> None:
    prompts = [(one, "vision") for one in islice(about_images("vision"), 6)]
    prompts += [(one, "stability/repeat") for one in pictures.pictures()[:3]]
    for prompt, scenario in prompts:
        drawn = drawn_again(replace(SAMPLE, scenario=scenario, scene=prompt.scene))
        if drawn.media_type != "image/webp":  # sent as PNG, without what its codec loses
            assert pixels(drawn.content) == pixels(sent(prompt)), prompt.scene


def test_only_wrong_ones_are_told_and_no_guess_without_a_picture() -> None:
    wrong, right = replace(SAMPLE, right=False), replace(SAMPLE, right=True)
    failed = replace(SAMPLE, exchange=replace(EXCHANGE, error="engine_died: it died"))
    guesses = [
        replace(wrong, scenario=scenario)
        for scenario in ("context/blind/d1", "context/T/d8", "resolution/text")
    ]
    other = replace(wrong, scenario="context/R/d1")
    assert wrong_replies([right, wrong, *guesses, SAMPLE, failed, other]) == [wrong, failed, other]


def test_a_picture_has_an_id_that_says_nothing_of_a_path() -> None:
    own = replace(SAMPLE, scenario="vqa", scene="../../etc/passwd#abc", expected=in_one(["a", "b"]))
    assert expected_of(own) == ("a", "b")
    assert expected_of(SAMPLE) == ("Red.",)
    assert picture_id(replace(SAMPLE, scene="")) == ""
    assert picture_id(own).isalnum()
    assert picture_id(replace(SAMPLE, scenario="resolution/64 px")) != picture_id(SAMPLE), "another size"
    assert with_picture([SAMPLE, own], picture_id(own)) is own
    assert with_picture([SAMPLE, replace(SAMPLE, scene="")], "") is None
