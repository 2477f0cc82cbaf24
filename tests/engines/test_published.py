"""The five models of the published report, by their ids, each on its real engine, from a hub of miniatures.

Random numbers answer nothing right, so only the two that carry glimpse's weights are graded.
"""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.e2e.conftest import first_document
from tests.miniatures import LLAVA_NEXT, MOONDREAM2, PHI35_VISION, SMOLVLM, SMOLVLM2
from tests.miniatures.cache import environment
from viewfinder.scenes.drawing import encode_png
from viewfinder.scenes.scene import make_scene

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1200)]

ENGINES = {
    SMOLVLM: "llama.cpp",
    SMOLVLM2: "mlx",
    MOONDREAM2: "llama.cpp",
    LLAVA_NEXT: "mlx",
    PHI35_VISION: "mlx",
}
GRADED = (SMOLVLM, SMOLVLM2)


@pytest.fixture
def run(miniature_hub: Path, home: Path) -> Any:
    """Runs a command of Viewfinder on the miniature hub."""

    def viewfinder(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "viewfinder", *words],
            env={**os.environ, **environment(miniature_hub), "VIEWFINDER_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=1100,
            check=False,
        )

    return viewfinder


@pytest.mark.parametrize("model", ENGINES)
def test_ask(run: Any, tmp_path: Path, model: str) -> None:
    picture = tmp_path / "scene.png"
    picture.write_bytes(encode_png(make_scene("published", things=1, longest=(320, 320))))
    asked = run("ask", model, str(picture), "How many shapes are there?", "--max-tokens", "8", "--json")
    assert asked.returncode == 0, asked.stderr
    answer = json.loads(asked.stdout)["answer"]
    assert answer == "1." if model in GRADED else answer


def test_serve_answers_each_by_its_id(miniature_hub: Path, home: Path) -> None:
    scene = make_scene("published", things=1, longest=(320, 320))
    url = f"data:image/png;base64,{base64.b64encode(encode_png(scene)).decode()}"
    content = [
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "text", "text": "How many shapes are there?"},
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "viewfinder", "serve", "--port", "0", "--json"],
        env={**os.environ, **environment(miniature_hub), "VIEWFINDER_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        base_url = f"{first_document(process)['url']}/v1"
        with openai.OpenAI(base_url=base_url, api_key="unused", max_retries=0) as client:
            for model in ENGINES:
                messages: Any = [{"role": "user", "content": content}]
                reply = client.chat.completions.create(
                    model=model, messages=messages, max_tokens=8, temperature=0
                )
                answer = reply.choices[0].message.content
                assert answer == "1." if model in GRADED else answer
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_the_five_are_listed_with_their_engines(run: Any) -> None:
    listed = {line["name"]: line for line in json.loads(run("models", "--json").stdout)["models"]}
    five = ("smolvlm-500m", "smolvlm2-500m-video", "moondream2", "llava-1.6-mistral-7b", "phi-3.5-vision")
    assert [listed[name]["engine"] for name in five] == list(ENGINES.values())
    assert all(listed[name]["ready"] for name in five)


def test_bench_of_the_five_makes_one_guide(run: Any) -> None:
    """With a budget: at half a second an image on MLX, the whole suite takes a quarter of an hour."""
    measured = run("bench", *ENGINES, "--suite", "quick", "--budget", "3m", "--json")
    results = json.loads(measured.stdout)
    assert [result["model_id"] for result in results] == list(ENGINES)
    assert [result["engine"] for result in results] == list(ENGINES.values())
    assert [result["failure"] for result in results] == [""] * len(ENGINES)
    status = {result["model_id"]: result["status"] for result in results}
    assert {model for model, found in status.items() if found == "verified"} == set(GRADED)

    guide = run("guide").stdout
    for model in ENGINES:
        assert model in guide
    for result in results:
        if result["model_id"] not in GRADED:
            assert "never reached the first correct answer" in result["load"]["first_correct"]["missing"]
