"""The playground in a real browser, as a person uses it, on a real `viewfinder serve` with glimpse."""

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from tests.browser.conftest import BROWSERS
from tests.browser.playing import Playing, parrot, settings
from tests.e2e.conftest import Served, serving

pytestmark = pytest.mark.browser
SHAPES = (Path(__file__).parents[2] / "examples" / "shapes.png").read_bytes()
COLOR, BLUE = "What color is the circle?", "Blue."
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> \x1b[31m\x9b1m [a](javascript:alert(3)) \u202eabc"
)
EXPECTED = ("Failed to load resource", "Canvas2D: Multiple readback", "[DOM] Password forms")
"""A browser says each error of a server, that a test reads many pixels, and that a key has no user."""


@pytest.fixture(scope="module")
def doomed() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A running server that a test kills."""
    with parrot() as running:
        yield running


@pytest.fixture(scope="module")
def served(
    doomed: tuple[str, subprocess.Popen[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("playground")
    with parrot() as (address, _), pytest.MonkeyPatch.context() as patch:
        (home / "viewfinder.toml").write_text(settings(parrot=address, doomed=doomed[0]))
        patch.setenv("VIEWFINDER_CONFIG", str(home / "viewfinder.toml"))
        with serving(home, "--port", "0", "glimpse") as running:
            yield running


@pytest.fixture
def play(browser: Any, served: Served) -> Iterator[Callable[..., Playing]]:
    """Opens the playground; nothing may be complained of in the console."""
    opened: list[Playing] = []

    def open_it(url: str = served.url, **how: Any) -> Playing:
        opened.append(Playing(browser, url, **how))
        return opened[-1]

    yield open_it
    said = [text for one in opened for text in one.said if not text.startswith(EXPECTED)]
    for one in opened:
        one.context.close()
    assert said == []


def test_a_picture_is_dropped_and_asked_about_and_asked_about_again(play: Callable[..., Playing]) -> None:
    one = play()
    one.see(SHAPES)
    assert one.ask(COLOR) == [BLUE]
    numbers = one.page.locator(".numbers").inner_text().replace("\n", " ")
    for word in ("TTFT", "tokens", "image tokens not reported", "MB", "picture 705x527"):
        assert word in numbers, numbers
    assert one.page.locator("#announce").inner_text().strip() == f"glimpse: {BLUE}"
    assert one.ask("How many shapes are there?") == ["2."], "the picture is still part of the conversation"
    one.page.locator("#renew").click()
    assert one.page.locator(".round").count() == 0
    assert one.ask(COLOR) == ["I see no image."]


def test_pasted_and_chosen_pictures_can_be_removed(play: Callable[..., Playing], tmp_path: Path) -> None:
    one = play()
    one.see(SHAPES, name="pasted.png", event="paste")
    (tmp_path / "chosen.png").write_bytes(SHAPES)
    one.page.locator("#files").focus()
    with one.page.expect_file_chooser() as chooser:
        one.page.locator("#files").press("Enter")
    chooser.value.set_files(tmp_path / "chosen.png")
    one.page.get_by_role("button", name="Remove chosen.png").click()
    assert one.page.get_by_role("button", name="Remove").count() == 1
    assert one.ask(COLOR) == [BLUE]


def test_what_is_not_taken_is_said_before_it_is_sent(play: Callable[..., Playing]) -> None:
    one, large = play(), io.BytesIO()
    Image.new("RGB", (2000, 1100)).save(large, "png")
    one.put(large.getvalue(), name="large.png")
    one.page.get_by_text("large.png is too large: over 2 megapixels").wait_for()
    one.put(SHAPES[:8] + b"?" * 100, name="half.png")
    one.put(b"%PDF-1.7", name="paper.pdf", kind="application/pdf")
    for name in ("half.png", "paper.pdf"):
        one.page.get_by_text(f"{name} is not a PNG, JPEG, WebP or GIF that can be read.").wait_for()
    assert one.page.locator("#thumbs img").count() == 0


def test_a_picture_is_taken_with_the_camera(browser: Any, served: Served) -> None:
    program = next(filter(None, map(shutil.which, BROWSERS)))
    fakes = ("--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    other = browser.browser_type.launch(executable_path=program, args=fakes)
    one = Playing(other, served.url)
    for button in ("Cancel", "Take it"):
        one.page.locator("#camera").click()
        one.page.wait_for_function("() => document.querySelector('video').videoWidth > 0")
        one.page.get_by_role("button", name=button).click()
        one.page.locator("#taking").wait_for(state="hidden")
    one.page.get_by_role("button", name="Remove camera.jpg").wait_for()
    assert one.page.locator("#thumbs img").count() == 1
    assert one.ask("What is in this image?") != [""]
    other.close()


def test_a_refused_camera_is_said(play: Callable[..., Playing]) -> None:
    one = play()
    one.page.locator("#camera").click()
    one.page.get_by_text("No camera (").wait_for()
    assert not one.page.locator("#taking").is_visible()


def test_models_answer_side_by_side(play: Callable[..., Playing]) -> None:
    one = play()
    one.choose("glimpse", "second", "parrot")
    one.see(SHAPES)
    assert one.ask(COLOR) == [BLUE, BLUE, COLOR]
    assert one.page.locator(".model").all_inner_texts() == ["glimpse", "second", "parrot"]
    assert all(int(text) > 1 for text in one.page.locator(".memory").all_inner_texts()[:2])
    one.choose("glimpse", "")
    one.ask(COLOR)
    assert one.page.locator(".round").last.locator(".answer").count() == 1, "a hidden menu chooses nothing"
    edges = [box.bounding_box()["y"] for box in one.page.locator(".round").first.locator(".answer").all()]
    assert len(set(edges)) == 1


def test_a_model_without_eyes_gets_no_picture(play: Callable[..., Playing]) -> None:
    one = play()
    one.choose("blind")
    assert one.ask("Hello?") == ["Hello?"]
    assert not one.page.locator(".blind").is_visible()
    one.see(SHAPES)
    assert one.page.locator(".blind").is_visible()
    one.ask(COLOR)
    assert "cannot see images. Models that can: glimpse" in one.page.locator(".failure").last.inner_text()
    assert not one.page.locator(".numbers").last.is_visible(), "nothing was done with the picture"
    assert one.page.locator("#question").input_value() == COLOR, "it can be asked again"
    one.choose("glimpse")
    assert one.ask(COLOR) == [BLUE]


def test_its_request_can_be_run_elsewhere(play: Callable[..., Playing], tmp_path: Path) -> None:
    one, name = play(), 'it\'s a "photo" $HOME `x`.png'
    one.see(SHAPES, name=name)
    one.ask('Say "a\\b $HOME `x` \u202e!"')
    one.ask(COLOR)
    (tmp_path / name).write_bytes(SHAPES)
    code = {}
    for kind in ("curl", "python"):
        one.page.locator(f".{kind}").last.click()
        code[kind] = one.page.locator(".code").last.text_content()
        assert len(code[kind]) < 4000, "the picture is a file beside it"
    command = ["bash", "-c", code["curl"]]
    asked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    events = [json.loads(line[6:]) for line in asked.stdout.splitlines() if line.startswith("data: {")]
    assert "".join(event["choices"][0]["delta"].get("content", "") for event in events[:-1]) == BLUE
    assert events[-1]["usage"]["prompt_tokens"] == int(one.page.locator(".prompt").last.inner_text())
    command = [sys.executable, "-c", code["python"]]
    asked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert asked.stdout == f"{BLUE}\n"


def test_a_rating_becomes_a_question_of_ones_own(play: Callable[..., Playing], served: Served) -> None:
    one = play()
    one.see(SHAPES)
    one.ask(COLOR)
    one.page.get_by_role("button", name="Right").click()
    one.page.get_by_text("Kept as a question of your own.").wait_for()
    (row,) = map(json.loads, (served.home / "questions" / "questions.jsonl").read_text().splitlines())
    assert (row["question"], row["answers"]) == (COLOR, [BLUE])
    assert f"--vqa {served.home / 'questions'} --only" in one.page.locator(".rate").inner_text()


def test_a_stopped_answer_stays_and_the_next_is_asked(play: Callable[..., Playing]) -> None:
    one = play()
    one.choose("parrot")
    round = one.begin("SLOWLY " + "word " * 400)
    round.locator(".said", has_text="word word").wait_for()
    one.page.locator("#stop").click()
    round.get_by_text("Stopped.").wait_for()
    one.wait(round)
    assert round.locator(".said").inner_text().startswith("SLOWLY word word")
    assert one.ask("Next") == ["Next"]


def test_an_answer_is_text_whatever_it_says(play: Callable[..., Playing]) -> None:
    one = play()
    one.choose("parrot")
    one.ask(HOSTILE)
    said = one.page.locator(".said")
    assert said.text_content().split() == HOSTILE.split()
    assert said.locator("*").count() == 0
    assert one.page.locator(".question").locator("*").count() == 0


def test_ten_thousand_tokens_stay_fluent(play: Callable[..., Playing]) -> None:
    one = play()
    one.choose("parrot")
    round = one.begin("REPEAT 10000 word\u00a0and")
    round.locator(".said", has_text="word").wait_for()
    one.page.locator("#question").fill("typed meanwhile")
    one.wait(round)
    assert round.locator(".said").text_content().count("word") == 10_000
    assert round.locator(".tokens").inner_text() == "10000"
    assert one.page.locator("#question").input_value() == "typed meanwhile"


PIXEL = "(canvas, at) => [...canvas.getContext('2d').getImageData(...at, 1, 1).data].slice(0, 3)"
COLOR_OF = "(one) => getComputedStyle(one).color.match(/\\d+/g).map(Number)"


def test_the_boxes_of_the_reply_are_drawn_on_their_picture(play: Callable[..., Playing]) -> None:
    one = play()
    one.choose("florence")
    one.see(SHAPES)
    one.ask("<b>it</b><loc_200><loc_500><loc_400><loc_700>")
    canvas = one.page.locator(".boxed canvas")
    color = canvas.evaluate(COLOR_OF)
    for at in ([round(0.2005 * 705), round(0.6 * 527)], [round(0.3 * 705), round(0.7005 * 527)]):
        assert canvas.evaluate(PIXEL, at) == color
    assert canvas.evaluate(PIXEL, [round(0.3 * 705), round(0.6 * 527)]) != color
    assert canvas.get_attribute("aria-label") == "scene.png, marked: 1 without a name"
    assert not one.page.locator(".boxed figcaption").is_visible()


def test_points_too_and_what_was_not_placed_is_told(play: Callable[..., Playing]) -> None:
    one = play()
    one.choose("seer")
    one.see(SHAPES)
    one.see(SHAPES, name="second.png")
    named = 'Picture 1: <point x="50" y="25" alt="the nose">\nPicture 2: <point x="10" y="90">'
    one.ask(f'{named} <point x="500" y="3">')
    first, second = one.page.locator(".boxed canvas").all()
    for canvas, at in ((first, [352, 132]), (second, [70, 474])):
        assert canvas.evaluate(PIXEL, at) == canvas.evaluate(COLOR_OF)
    assert first.get_attribute("aria-label") == "scene.png, marked: the nose"
    assert second.get_attribute("aria-label") == "second.png, marked: 1 without a name"
    assert "500 is not between 0 and 100" in one.page.locator(".boxed figcaption").inner_text()


def test_numbers_of_a_model_without_a_style_are_words(play: Callable[..., Playing]) -> None:
    one = play()
    one.choose("parrot")
    one.see(SHAPES)
    one.ask('Locate it: {"bbox_2d": [320, 240, 480, 360], "label": "it"}')
    assert not one.page.locator(".boxed").is_visible()


def test_an_engine_that_is_killed_while_it_streams_leaves_what_it_said(
    play: Callable[..., Playing], doomed: tuple[str, subprocess.Popen[str]]
) -> None:
    one = play()
    one.choose("doomed")
    round = one.begin("SLOWLY " + "word " * 400)
    round.locator(".said", has_text="word word").wait_for()
    doomed[1].kill()
    one.wait(round)
    assert round.locator(".said").inner_text().startswith("SLOWLY word word")
    assert round.locator(".failure").inner_text()
    assert one.page.locator("#question").input_value().startswith("SLOWLY"), "it can be asked again"
    one.choose("parrot")
    assert one.ask("And you?") == ["And you?"]


def test_an_engine_that_is_killed_before_its_first_word_is_not_noticed(
    play: Callable[..., Playing], served: Served
) -> None:
    one = play()
    one.see(SHAPES)
    assert one.ask(COLOR) == [BLUE]
    state = one.page.evaluate("() => call('/fleet')")
    (pid,) = (each["pid"] for each in state["servers"] if each["model"] == "glimpse")
    engine = psutil.Process(pid)
    engine.suspend()
    round = one.begin(COLOR)
    round.get_by_text("Reading").wait_for()
    engine.kill()
    one.wait(round)
    assert round.locator(".said").inner_text() == BLUE


def test_a_page_stays_open_while_the_gateway_restarts(play: Callable[..., Playing], tmp_path: Path) -> None:
    with serving(tmp_path, "--port", "0") as first:
        one = play(first.url)
        one.see(SHAPES)
        assert one.ask(COLOR) == [BLUE]
    one.ask(COLOR)
    assert "Is `viewfinder serve` running?" in one.page.locator(".failure").last.inner_text()
    with serving(tmp_path, "--port", first.url.rpartition(":")[2]):
        assert one.ask(COLOR) == [BLUE]
        one.page.get_by_role("button", name="Right").last.click()
        one.page.get_by_text("Kept as a question of your own.").wait_for()


def test_a_key_opens_it_and_is_a_variable_in_what_is_copied(
    play: Callable[..., Playing], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIEWFINDER_API_KEY", "a-key-of-the-settings")
    with serving(tmp_path, "--port", "0") as keyed:
        one = play(keyed.url)
        one.page.get_by_label("API key").fill("a-key-of-the-settings")
        one.page.keyboard.press("Enter")
        one.page.wait_for_url(f"{keyed.url}/")
        one.see(SHAPES, name="shapes.png")
        assert one.ask(COLOR) == [BLUE]
        one.page.locator(".python").click()
        code = one.page.locator(".code").text_content()
        (tmp_path / "shapes.png").write_bytes(SHAPES)
        command = [sys.executable, "-c", code]
        asked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
        assert (asked.stdout, "a-key" in code) == (f"{BLUE}\n", False)
        one.context.clear_cookies(name="viewfinder_session")
        one.ask("And now?")
        assert "Sign in again" in one.page.locator(".failure").last.inner_text()


def test_the_keyboard_is_enough(play: Callable[..., Playing]) -> None:
    one = play()
    one.see(SHAPES)
    keys, focused = one.page.keyboard, one.page.locator(":focus")
    for _ in range(20):
        keys.press("Tab")
        if focused.get_attribute("id") == "question":
            break
    keys.type("What color is")
    keys.press("Shift+Enter")
    keys.type("the circle?")
    assert one.page.locator("#question").input_value() == "What color is\nthe circle?"
    keys.press("Enter")
    one.wait(one.page.locator(".round"))
    keys.press("Shift+Tab")
    assert focused.get_attribute("id") == "camera"
    names = []
    for _ in range(8):
        keys.press("Shift+Tab")
        names.append(focused.evaluate("(one) => one.innerText || one.ariaLabel || one.id"))
    assert {"Copy as curl", "Copy as Python", "Right", "Wrong", "What would be right"} <= set(names)


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")]
)
def test_axe_finds_no_barrier(play: Callable[..., Playing], axe: str, width: int, scheme: str) -> None:
    one = play(width=width, scheme=scheme, bypass_csp=True)
    one.see(SHAPES)
    assert one.barriers(axe) == []
    one.choose("parrot", "second")
    one.ask('Locate it: {"bbox_2d": [320, 240, 480, 360], "label": "it"} ' + "W" * 300)
    one.page.locator(".curl").first.click()
    one.ask("Wrong \u202e")
    assert one.barriers(axe) == []


def test_two_tabs_have_two_conversations(play: Callable[..., Playing]) -> None:
    one, other = play(), play()
    one.see(SHAPES)
    first = one.begin(COLOR)
    assert other.ask(COLOR) == ["I see no image."]
    one.wait(first)
    assert first.locator(".said").inner_text() == BLUE


def test_without_scripts_the_page_says_how_to_ask(play: Callable[..., Playing], tmp_path: Path) -> None:
    one = play(java_script_enabled=False)
    assert not one.page.locator("#ask").is_visible()
    command = one.page.locator("noscript pre").inner_text()
    (tmp_path / "photo.jpg").write_bytes(SHAPES)
    asked = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(asked.stdout)["choices"][0]["message"]["content"]
