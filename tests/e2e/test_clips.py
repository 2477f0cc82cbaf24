"""Clips through a real gateway and a real engine: the model is shown frames with their times."""

import io
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from openai import BadRequestError, OpenAI
from PIL import Image
from typer.testing import CliRunner

import viewfinder
from viewfinder.cli.main import app
from viewfinder.core.errors import BadRequest
from viewfinder.scenes.drawing import encode_png
from viewfinder.scenes.scene import make_scene

from .. import footage
from .conftest import Served


@pytest.fixture(scope="module")
def client(served: Served) -> OpenAI:
    return OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0)


@pytest.fixture(scope="module")
def drawn() -> list[Image.Image]:
    """Two scenes, each for a second."""
    scenes = [
        Image.open(io.BytesIO(encode_png(make_scene(f"clip {at}", things=at)))).convert("RGB")
        for at in (1, 2)
    ]
    return [scene.resize((192, 192)) for scene in scenes for _ in range(10)]


def asked(client: OpenAI, *parts: dict[str, Any], model: str = "glimpse") -> Any:
    content: Any = [*parts, {"type": "text", "text": "How many shapes are there?"}]
    return client.chat.completions.with_raw_response.create(
        model=model, messages=[{"role": "user", "content": content}], max_tokens=8
    )


def test_the_model_is_shown_the_frames_with_their_times(client: OpenAI, drawn: list[Image.Image]) -> None:
    """It is the same prompt as that of images with texts between them."""
    reply = asked(client, footage.clip_part(footage.animation(drawn), frames=2))
    assert reply.headers["x-viewfinder-frames"] == "2 of 2, at 0.0 1.0 s"
    parts: list[dict[str, Any]] = []
    for at_s, frame in ((0, drawn[0]), (1, drawn[-1])):
        file = io.BytesIO()
        frame.save(file, "PNG")
        parts.append({"type": "text", "text": f"{at_s}.0 s:"})
        parts.append(
            {"type": "image_url", "image_url": {"url": footage.data_url(file.getvalue(), "image/png")}}
        )
    by_hand = asked(client, *parts)
    assert by_hand.parse().usage.prompt_tokens == reply.parse().usage.prompt_tokens
    assert by_hand.parse().choices[0].message.content == reply.parse().choices[0].message.content


def test_a_video_file_is_cut_down_to_the_frames_of_the_settings(
    client: OpenAI, drawn: list[Image.Image]
) -> None:
    reply = asked(client, footage.clip_part(footage.video(drawn)))
    assert reply.headers["x-viewfinder-frames"] == "8 of 20, at 0.0 0.3 0.5 0.8 1.1 1.4 1.6 1.9 s"
    assert reply.parse().choices[0].message.content


def test_a_broken_clip_is_refused_with_the_path_to_it(client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as caught:
        asked(client, {"type": "text", "text": "See:"}, footage.clip_part(b"\0\0\0\x18ftypmp42" + bytes(400)))
    assert caught.value.param == "messages[0].content[1].video_url.url"
    assert caught.value.code == "clip_truncated"


def test_a_clip_on_the_command_line_and_from_python(
    served: Served, drawn: list[Image.Image], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIEWFINDER_HOME", str(served.home))
    moving, still = tmp_path / "moving.gif", tmp_path / "still.gif"
    moving.write_bytes(footage.animation(drawn))
    still.write_bytes(footage.animation(drawn[:1]))
    video = tmp_path / "clip.mp4"
    video.write_bytes(footage.video(drawn))
    question = "How many shapes are there?"
    ask = partial(CliRunner().invoke, app)
    for words in ([str(video), "--frames", "2"], [str(moving)], [str(video), "--choose", "change"]):
        done = ask(["ask", "glimpse", *words[:1], question, *words[1:], "--json"])
        assert done.exit_code == 0, done.stderr
        assert json.loads(done.stdout)["answer"]
    done = ask(["ask", "glimpse", str(still), question, "--frames", "2"])
    assert isinstance(done.exception, BadRequest)
    assert "no file here is one" in done.exception.message
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(video.read_bytes()[:700])
    done = ask(["ask", "glimpse", str(broken), question])
    assert isinstance(done.exception, BadRequest)
    assert done.exception.reason == "clip_truncated"
    with viewfinder.load("glimpse") as model:
        assert model.ask(str(video), question) == model.ask(viewfinder.Clip(video.read_bytes()), question)
        with pytest.raises(BadRequest, match="too early"):
            model.ask(viewfinder.Clip(broken, frames=2), question)


def test_a_chat_takes_a_clip(served: Served, drawn: list[Image.Image], tmp_path: Path) -> None:
    file = tmp_path / "clip.mp4"
    file.write_bytes(footage.video(drawn))
    done = CliRunner(env={"VIEWFINDER_HOME": str(served.home)}).invoke(
        app, ["chat", "glimpse", str(file)], input="How many shapes are there?\nWhat color is it?\n"
    )
    assert (done.exit_code, done.stderr.count("TTFT")) == (0, 2), done.stderr
