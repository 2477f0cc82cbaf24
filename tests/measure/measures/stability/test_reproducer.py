"""The files that reproduce a trouble; that they do is tested in `test_ask`."""

import io
import json

import pytest
from PIL import Image

from tests.measure.measures.stability.made_up import asked, color, judge
from tests.report.conftest import Make
from viewfinder.measure.measures.stability import MEASURE
from viewfinder.measure.measures.stability.scenarios import AFTER, REFERENCE, TOGETHER
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.troubles.pictures import messages, pictures
from viewfinder.measure.troubles.trouble import Code

LEFT = "client_left: The client left in the middle of the answer, as it was meant to."
FRESH = [[asked(number, scenario=REFERENCE) for number in range(8)]] * 2


def written(process: list[Sample], **changed: str) -> dict[str, bytes]:
    """All files of the process's troubles, by path."""
    found = judge([*FRESH, process])
    result = Make.result("glimpse", run="run", stability=found, **changed)
    return dict(MEASURE.files(found, result))


def folder(process: list[Sample], **changed: str) -> dict[str, bytes]:
    """The files of its one folder, by name."""
    content = written(process, **changed)
    assert len({path.rpartition("/")[0] for path in content}) == 1
    return {path.rpartition("/")[2]: data for path, data in content.items()}


AFTER_LEAVING = [
    asked(0),
    asked(3, "Yel", "stability/leave", error=LEFT, question="Describe this image at length."),
    asked(2, color(3), f"{AFTER}leave"),
]
CROSSED = [
    asked(number, color(number ^ 1), f"{TOGETHER}2", at_s=float(number // 2), place=number)
    for number in range(4)
]


def commands(readme: bytes) -> list[list[str]]:
    """What there is to type, terminal by terminal."""
    return [part.split("\n```")[0].splitlines() for part in readme.decode().split("```sh\n")[1:]]


def test_it_has_the_pictures_the_requests_and_the_versions() -> None:
    (place,) = {path.rpartition("/")[0] for path in written(AFTER_LEAVING)}
    assert place == "reproducers/run-org-model-STATE.prev_image"
    content = folder(AFTER_LEAVING)
    left, last = (json.loads(content[f"request-{number}.json"]) for number in (1, 2))
    assert left["stream"] is True
    assert last["messages"] == messages(pictures()[2].scene, "What color is the circle?")
    assert (last["model"], last["temperature"]) == ("glimpse", 0)
    images = [data for name, data in content.items() if name.startswith("image-")]
    assert len(images) == 2
    for image in images:
        assert Image.open(io.BytesIO(image)).width <= 512
    versions = json.loads(content["versions.json"])
    assert (versions["engine"], versions["engine_version"]) == ("llama.cpp", "b11549")
    assert versions["machine"]["cpu"] == "Test CPU 9000"


def test_its_readme_says_what_to_type() -> None:
    readme = folder(AFTER_LEAVING)["README.md"]
    assert readme.startswith(f"# {Code.PREV_IMAGE.value}: glimpse (llama.cpp-f16)\n".encode())
    assert b"Request 2 was answered 'Yellow.' where 'Blue.' was expected." in readme
    (serve,), (first, second) = commands(readme)
    assert serve == ("VIEWFINDER_FLEET__CANARY=false viewfinder serve glimpse --variant llama.cpp-f16")
    assert first.endswith("--data-binary @request-1.json | head -c 300; echo")
    assert second.endswith("--data-binary @request-2.json; echo")


def test_requests_that_were_under_way_at_once_are_sent_at_once() -> None:
    _, typed = commands(folder(CROSSED)["README.md"])
    assert [line[-1] for line in typed[:-1]] == ["&", "&"]
    assert typed[-1] == "wait"


def test_a_server_that_is_not_ours_is_asked_where_it_is() -> None:
    address = "http://elsewhere:1/v1/chat/completions"
    content = folder(CROSSED, engine="endpoint", endpoint=address)
    readme = content["README.md"].decode()
    assert "serve" not in readme
    assert readme.count(address) == 2
    assert json.loads(content["request-1.json"])["model"] == "viewfinder/glimpse"


@pytest.mark.parametrize("process", [[asked(0), asked(1)], [asked(0), asked(1, "Brown.")]])
def test_without_a_leak_there_is_none(process: list[Sample]) -> None:
    assert written(process) == {}
