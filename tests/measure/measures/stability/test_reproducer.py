"""What a folder holds that shows a trouble again; that it does is tested in `scenarios/test_stability`."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from tests.measure.measures.stability.made_up import asked, color
from tests.report.conftest import Make
from viewfinder.measure.measures.stability.find import AFTER, REFERENCE, TOGETHER, judge
from viewfinder.measure.measures.stability.reproducer import write
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.troubles.pictures import messages, pictures
from viewfinder.measure.troubles.trouble import Code

LEFT = "client_left: The client left in the middle of the answer, as it was meant to."
FRESH = [[asked(number, scenario=REFERENCE) for number in range(8)]] * 2


def result(process: list[Sample], **changed: str) -> ModelResult:
    return Make.result("glimpse", run="run", stability=judge([*FRESH, process]), **changed)


AFTER_LEAVING = [
    asked(0),
    asked(3, "Yel", "stability/leave", error=LEFT, question="Describe this image at length."),
    asked(2, color(3), f"{AFTER}leave"),
]
CROSSED = [
    asked(number, color(number ^ 1), f"{TOGETHER}2", at_s=float(number // 2), place=number)
    for number in range(4)
]


def blocks(readme: str) -> list[list[str]]:
    """What there is to type, block by block."""
    return [part.split("\n```")[0].splitlines() for part in readme.split("```sh\n")[1:]]


def test_it_has_the_pictures_the_requests_and_the_versions(tmp_path: Path) -> None:
    (folder,) = write(result(AFTER_LEAVING), tmp_path)
    assert folder == tmp_path / "reproducers" / "run-org-model-STATE.prev_image"
    left, last = (json.loads((folder / f"request-{number}.json").read_text()) for number in (1, 2))
    assert left["stream"] is True
    assert last["messages"] == messages(pictures()[2].scene, "What color is the circle?")
    assert (last["model"], last["temperature"]) == ("glimpse", 0)
    for image in sorted(folder.glob("image-*")):
        assert Image.open(io.BytesIO(image.read_bytes())).width <= 512
    versions = json.loads((folder / "versions.json").read_text())
    assert (versions["engine"], versions["engine_version"]) == ("llama.cpp", "b11549")
    assert versions["machine"]["cpu"] == "Test CPU 9000"


def test_its_readme_says_what_to_type(tmp_path: Path) -> None:
    (folder,) = write(result(AFTER_LEAVING), tmp_path)
    readme = (folder / "README.md").read_text()
    assert readme.startswith(f"# {Code.PREV_IMAGE.value}: glimpse (llama.cpp-f16)\n")
    assert "Request 2 was answered 'Yellow.' where 'Blue.' was due." in readme
    (serve,), (first, second) = blocks(readme)
    assert serve == ("VIEWFINDER_FLEET__CANARY=false viewfinder serve glimpse --variant llama.cpp-f16")
    assert first.endswith("--data-binary @request-1.json | head -c 300; echo")
    assert second.endswith("--data-binary @request-2.json; echo")


def test_what_was_under_way_at_once_is_sent_at_once(tmp_path: Path) -> None:
    (folder,) = write(result(CROSSED), tmp_path)
    _, commands = blocks((folder / "README.md").read_text())
    assert [line[-1] for line in commands[:-1]] == ["&", "&"]
    assert commands[-1] == "wait"


def test_a_server_that_is_not_ours_is_asked_where_it_is(tmp_path: Path) -> None:
    address = "http://elsewhere:1/v1/chat/completions"
    (folder,) = write(result(CROSSED, engine="endpoint", endpoint=address), tmp_path)
    readme = (folder / "README.md").read_text()
    assert "serve" not in readme
    assert readme.count(address) == 2
    assert json.loads((folder / "request-1.json").read_text())["model"] == "viewfinder/glimpse"


@pytest.mark.parametrize("process", [[asked(0), asked(1)], [asked(0), asked(1, "Brown.")]])
def test_without_a_leak_there_is_none(tmp_path: Path, process: list[Sample]) -> None:
    assert write(result(process), tmp_path) == []
