"""Boxes and points from Python and on the command line, with a running server whose style the settings name:
it answers with the question itself."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import viewfinder
from tests.browser.playing import parrot
from tests.e2e.conftest import run
from viewfinder.api.each_picture import answer_each
from viewfinder.core.config import RunningServer

BOX = '{"bbox_2d": [250, 500, 750, 1000], "label": "the\\ndot"}'
POINT = '{"point_2d": [500, 500]}'
PLACED = {"image": 0, "box": [100, 100, 300, 200], "label": "the\ndot"}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with parrot() as (address, _):
        yield address


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """200 x 400 in the file, 400 x 200 as displayed."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (200, 400), "white").save(tmp_path / "photo.jpg", exif=exif)
    return tmp_path / "photo.jpg"


async def test_an_answer_in_python_has_its_boxes(address: str, photo: Path) -> None:
    server = RunningServer(base_url=address, model="parrot", coordinates="qwen3-vl")
    settings = viewfinder.Settings(endpoints={"seer": server})
    with viewfinder.load("seer", settings=settings) as model:
        answer = model.ask(photo, BOX)
        assert (answer, answer.boxes, answer.not_placed) == (BOX, [PLACED], [])
        later = await model.aask(photo, f"{POINT} {{")
        assert later.boxes == [{"image": 0, "point": [200, 100]}]
        assert model.ask(photo, "Nothing.").boxes == []
        streamed = model.answer_to([{"role": "user", "content": "None without a picture: " + BOX}])
        assert "".join(streamed).endswith(BOX)
        assert streamed.boxes == []
        lines = answer_each(model, "seer", [photo], BOX, max_tokens=64, temperature=0)
        assert json.loads(next(lines).line)["boxes"] == [PLACED]


def test_the_command_line_tells_them_and_draws_them(address: str, photo: Path, tmp_path: Path) -> None:
    config, out = tmp_path / "viewfinder.toml", tmp_path / "out.png"
    config.write_text(
        f'[endpoints.seer]\nbase_url = "{address}"\nmodel = "parrot"\ncoordinates = "qwen3-vl"\n'
    )
    asked = run(
        *("ask", "seer", photo, f"{BOX} {POINT}", "--json", "--draw", out),
        home=tmp_path,
        VIEWFINDER_CONFIG=str(config),
    )
    assert json.loads(asked.stdout)["boxes"] == [PLACED, {"image": 0, "point": [200, 100]}], asked.stderr
    assert f"Drawn: {out}" in asked.stderr
    with Image.open(out) as drawn:
        assert drawn.size == (400, 200)
        red = [drawn.getpixel(at) for at in ((100, 150), (299, 150), (200, 100), (200, 199))]
    assert all(pixel[0] > 200 and pixel[1] < 100 for pixel in red)
