"""Viewfinder from Python: what a program sees of it."""

import asyncio
import gc
import importlib.resources
import io
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import viewfinder
from viewfinder.core.errors import BadRequest, ViewfinderError

QUESTION = "How many shapes are there?"


@pytest.fixture(scope="module")
def model() -> Iterator[viewfinder.Model]:
    with viewfinder.load("glimpse") as model:
        yield model


def test_its_names_are_shown_and_typed() -> None:
    assert set(viewfinder.__all__) <= set(dir(viewfinder))
    assert importlib.resources.files("viewfinder").joinpath("py.typed").is_file()
    shown = subprocess.run(
        [sys.executable, "-c", "import viewfinder; help(viewfinder)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "load(name: str" in shown.stdout


def test_an_image_in_memory_is_answered_as_its_file(model: viewfinder.Model, picture: Path) -> None:
    with Image.open(picture) as image:
        image.load()
    assert model.ask(image, QUESTION) == model.ask(picture, QUESTION) == "1."
    assert model.ask(picture.read_bytes(), QUESTION) == "1."


def test_a_decision(model: viewfinder.Model, picture: Path) -> None:
    told = model.decide(picture, "How many shapes are there?", choices=["1", "2", "3"], threshold=0.9)
    assert (told.answer, told.is_sure) == ("1", True)
    assert told.probabilities["1"] == told.probability > 0.9
    unsure = model.decide("There is a circle in the picture.", threshold=1.0)
    assert unsure.answer in ("yes", "no")
    assert (unsure.is_sure, unsure.probability >= 0.5) == (False, True)
    with pytest.raises(BadRequest, match="beginning of"):
        model.decide(picture, "Which?", choices=["a", "a b"])


async def test_many_are_awaited_at_once(model: viewfinder.Model, picture: Path) -> None:
    answers = await asyncio.gather(*(model.aask(picture, QUESTION) for _ in range(5)))
    assert answers == ["1."] * 5
    pieces = [piece async for piece in model.astream(picture, QUESTION)]
    assert "".join(pieces) == "1."


async def test_a_cancelled_answer_leaves_a_model_that_answers(model: viewfinder.Model, picture: Path) -> None:
    waiting = asyncio.create_task(model.aask(picture, "Describe this image.", max_tokens=200))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await model.aask(picture, QUESTION) == "1."


async def test_what_the_gateway_refuses_has_its_code(model: viewfinder.Model) -> None:
    with pytest.raises(BadRequest) as caught:
        await model.aask(b"no image", QUESTION)
    assert caught.value.reason == "invalid_image"


def test_any_client_can_use_its_key(model: viewfinder.Model) -> None:
    assert isinstance(model.api_key, str)
    assert model.api_key
    assert "*" not in model.api_key
    assert model.api_key not in repr(model)


def test_after_close_one_sentence(picture: Path) -> None:
    model = viewfinder.load("glimpse")
    model.close()
    model.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ViewfinderError, match="The model is closed"):
            model.ask(picture, QUESTION)
        with pytest.raises(ViewfinderError, match="The model is closed"):
            asyncio.run(model.aask(io.BytesIO().getvalue(), QUESTION))
        gc.collect()
