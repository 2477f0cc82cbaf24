"""`viewfinder sort`: nothing is lost, moved unasked or asked twice, and the promise about errors is kept."""

import csv
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import scipy
from PIL import Image
from typer.testing import CliRunner, Result

import viewfinder
from viewfinder.api.control import Control
from viewfinder.api.sorting.target import DRAFT
from viewfinder.cli.main import app
from viewfinder.fleet.record.calibrations import StoredCalibration, calibration_path
from viewfinder.measure.calibrating.fit import curve_of
from viewfinder.scenes.drawing import encode_png
from viewfinder.scenes.scene import COLORS, Scene, make_scene
from viewfinder.wire.decisions.calibration import Curve

from .conftest import PATIENCE_S, VIEWFINDER, Served

PICTURES = int(os.environ.get("VIEWFINDER_SOAK_SORTED", "1000"))
KILLS = 5
COUNT = ("--into", "1,2,3,4", "--question", "How many shapes are there?")
SIZE_PX = (96, 128)
NO_PICTURE = "none\n\x1b[2J.png"
"""A line end, and what clears a terminal."""


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four pictures in two folders, and two files that are none."""
    monkeypatch.chdir(tmp_path)
    folder = Path("photos")
    (folder / "more").mkdir(parents=True)
    for number, name in enumerate(("1.png", "more/1.png", "more/3.png", "4.png"), 1):
        (folder / name).write_bytes(encode_png(make_scene(f"sort/{number}", things=number, longest=SIZE_PX)))
    (folder / NO_PICTURE).write_text("I am no picture.")
    (folder / "notes.txt").touch()
    return folder


@pytest.fixture
def calibrated(served: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Half of what the model is sure of above a half is true: 0.98 of it is 0.74."""
    calibrate(served, Curve((0.0, 0.5, 1.0), (0.0, 0.5, 0.75)), monkeypatch)
    yield
    shutil.rmtree(served.home / "calibrations")


def calibrate(served: Served, curve: Curve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIEWFINDER_HOME", str(served.home))
    control = Control()
    control.load("glimpse")
    (server,) = control.fleet().servers
    stored = StoredCalibration(
        model="glimpse",
        variant=server.variant,
        engine=server.engine,
        engine_version=server.engine_version,
        measured_at="2026-11-30T00:00:00+00:00",
        curves={"choice": (curve.raw, curve.calibrated)},
    )
    file = served.home / calibration_path("glimpse", server.variant)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(stored.model_dump_json())


def sort(served: Served, *words: str | Path) -> Result:
    typed = ["sort", "glimpse", *map(str, words)]
    return CliRunner(env={"VIEWFINDER_HOME": str(served.home)}).invoke(app, typed)


def asked(served: Served) -> int:
    """The number of decisions that the server was asked for."""
    with urllib.request.urlopen(f"{served.url}/metrics") as reply:  # noqa: S310
        said = reply.read().decode()
    pattern = r"viewfinder_http_request_duration_seconds_count\{[^}]*/v1/decisions[^}]*\} (\S+)"
    return round(sum(float(number) for number in re.findall(pattern, said)))


def files(folder: Path) -> list[str]:
    found = (one for one in folder.rglob("*") if one.is_file() and one.name != DRAFT)
    return sorted(str(one.relative_to(folder)) for one in found)


def test_pictures_are_copied_and_asked_about_once(served: Served, photos: Path) -> None:
    before = files(photos)
    done = sort(served, photos, *COUNT)
    assert done.exit_code == 1, done.output
    assert "photos/none\\n\\x1b[2J.png: The file is not an image." in done.stderr
    assert "4 sorted (1 1, 1 4, 1 2, 1 3), 1 failed, left where they are; see photos-sorted." in done.stderr
    assert "With --sure 95%, pictures that are less sure go apart." in done.stderr
    places = ["1/1.png", "2/more/1.png", "3/more/3.png", "4/4.png"]
    assert (files(Path("photos-sorted")), files(photos)) == (places, before)
    (photos / NO_PICTURE).unlink()
    shutil.copy(photos / "4.png", photos / "more" / "3.png")  # it has changed
    number = asked(served)
    again = sort(served, photos, *COUNT, "--json")
    assert (again.exit_code, asked(served)) == (0, number)
    assert {line["file"]: (line["answer"], line["answered_before"]) for line in lines(again)} == {
        "photos/1.png": ("1", True),
        "photos/4.png": ("4", True),
        "photos/more/1.png": ("2", True),
        "photos/more/3.png": ("4", True),
    }
    assert files(Path("photos-sorted")) == sorted([*places, "4/more/3.png"])


def lines(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_model_that_is_not_calibrated_promises_nothing(served: Served, photos: Path) -> None:
    refused = sort(served, photos, *COUNT, "--sure", "95%")
    assert (refused.exit_code, refused.exception.reason) == (1, "not_calibrated")
    assert "run: viewfinder bench glimpse" in str(refused.exception)
    assert not Path("photos-sorted").exists()
    allowed = sort(served, photos, *COUNT, "--sure", "95%", "--uncalibrated")
    assert "--sure 95% is by the model's own probabilities, which are often too high." in allowed.stderr
    assert files(Path("photos-sorted")) != []


@pytest.mark.usefixtures("calibrated")
def test_what_is_not_sure_goes_apart_by_the_calibration(served: Served, photos: Path) -> None:
    sure, unsure = (sort(served, photos, *COUNT, "--sure", share, "--csv", "-") for share in ("0.6", "80"))
    rows = {row["path"]: row for row in csv.DictReader(io.StringIO(sure.stdout))}
    assert [row["status"] for row in rows.values()] == ["sure", "sure", "failed", "sure", "sure"]
    for row in csv.DictReader(io.StringIO(unsure.stdout)):
        if row["status"] != "failed":
            assert (row["status"], row["answer"]) == ("unsure", rows[row["path"]]["answer"])
            assert float(row["calibrated"]) == pytest.approx(float(row["raw"]) / 2 + 0.25, abs=1e-3)
    assert "No answer was that sure, at most 7" in unsure.stderr
    assert "At most 40% of those sorted are wrong" in sure.stderr
    assert not Path("photos-sorted").exists()
    sort(served, photos, *COUNT, "--sure", "80%")
    assert len(files(Path("photos-sorted/unsure"))) == 4
    sort(served, photos, *COUNT, "--sure", "60%")  # those who are sure now follow
    assert files(Path("photos-sorted")) == ["1/1.png", "2/more/1.png", "3/more/3.png", "4/4.png"]


def test_only_move_moves_and_leaves_what_it_could_not_sort(served: Served, photos: Path) -> None:
    (photos / "link.png").symlink_to("1.png")
    done = sort(served, photos, *COUNT, "--move", "--to", "there", "--describe", "1=there is only one")
    assert (done.exit_code, "link.png: It is a link" in done.stderr) == (1, True)
    assert sorted(one.name for one in photos.iterdir()) == ["link.png", "more", NO_PICTURE, "notes.txt"]
    assert len(files(Path("there"))) == 4


def test_it_is_the_same_from_python(served: Served, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIEWFINDER_HOME", str(served.home))
    seen: list[str] = []
    with viewfinder.load("auto:best") as model:
        question = "How many shapes are there?"
        counts = viewfinder.sort(
            model,
            photos,
            ["1", "2", "3", "4"],
            question=question,
            to="there",
            on_picture=lambda one: seen.append(one.path),
        )
    assert (counts.model, counts.failed, dict(counts.sorted)) == (
        "glimpse",
        1,
        {"1": 1, "2": 1, "3": 1, "4": 1},
    )
    assert "there/2/more/1.png" in seen


def started(served: Served, target: Path, *words: str) -> "subprocess.Popen[str]":
    """A run that has sorted at least one more picture."""
    before = len(files(target))
    process = subprocess.Popen(
        [*VIEWFINDER, "sort", "glimpse", "photos", *words],
        env={**os.environ, "VIEWFINDER_HOME": str(served.home)},
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and len(files(target)) <= before:
        time.sleep(0.005)
    return process


def test_a_run_that_was_interrupted_is_resumed_and_has_its_target_alone(served: Served, photos: Path) -> None:
    for number in range(5, 40):
        scene = make_scene(f"sort/{number}", things=1 + number % 4, longest=SIZE_PX)
        (photos / f"{number}.png").write_bytes(encode_png(scene))
    words, before = ("--into", "1,2,3,4", "--question", "How many shapes do you see?"), asked(served)
    running = started(served, Path("photos-sorted"), *words)
    other = sort(served, photos, *words)
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=PATIENCE_S)[1]
    assert (other.exit_code, other.exception.exit_code) == (1, 3)
    assert "Another `viewfinder sort` writes to photos-sorted." in str(other.exception)
    assert (running.returncode, "Traceback" in said) == (130, False)
    kept = len(files(Path("photos-sorted")))
    assert f"Interrupted. {kept} pictures are sorted into photos-sorted. Resume: viewfinder sort" in said
    (photos / NO_PICTURE).unlink()
    assert sort(served, photos, *words).exit_code == 0
    assert len(files(Path("photos-sorted"))) == 39
    assert 39 <= asked(served) - before <= 41, "the one in flight perhaps twice, `none` perhaps once"


def dim(scene: Scene) -> bytes:
    """The scene so blurred that a model errs about it, and is surer than right."""
    with Image.open(io.BytesIO(encode_png(scene))) as image:
        small = image.convert("RGB").resize([max(4, side // 12) for side in image.size], Image.Resampling.BOX)
        file = io.BytesIO()
        small.resize(image.size, Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()


def dim_circles(topic: str) -> Iterator[tuple[bytes, str]]:
    """Pictures with one circle each, and its color; every second one is blurred."""
    number = 0
    while True:
        scene = make_scene(f"sort/{topic}/{number}", longest=(96, 256))
        circles = [thing for thing in scene.things if thing.shape == "circle"]
        if len(circles) == 1:
            yield dim(scene) if number % 2 else encode_png(scene), circles[0].color
        number += 1


@pytest.mark.soak
@pytest.mark.timeout(PICTURES * 2 + 300)
def test_a_thousand_pictures_killed_and_resumed_with_the_promised_share_of_errors(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    question, colors = "What color is the circle?", list(COLORS)
    made, graded = dim_circles("made"), []
    monkeypatch.setenv("VIEWFINDER_HOME", str(served.home))
    with viewfinder.load("glimpse") as model:
        for content, color in (next(made) for _ in range(max(80, PICTURES * 3 // 10))):
            told = model.decide(content, question, choices=colors)
            graded.append((told.raw, told.answer == color))
    calibrate(served, curve_of(graded), monkeypatch)
    truth = {}
    judged = dim_circles("judged")
    for number in range(PICTURES):
        file = tmp_path / "photos" / f"{number % 7}" / f"{number // 7}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        content, truth[str(file.relative_to(tmp_path / "photos"))] = next(judged)
        file.write_bytes(content)
    words = ("--into", ",".join(colors), "--question", question, "--sure", "95%")
    target, before, rng = Path("photos-sorted"), asked(served), random.Random("sort")
    for kill in range(KILLS):
        running = started(served, target, *words)
        until = rng.randint(kill * PICTURES // KILLS, (kill + 1) * PICTURES // KILLS)
        while running.poll() is None and len(files(target)) < until:
            time.sleep(rng.uniform(0.001, 0.05))
        running.kill()
        running.communicate(timeout=PATIENCE_S)
    done = sort(served, "photos", *words)
    number = asked(served) - before
    assert done.exit_code == 0, done.output
    assert len({(tmp_path / "photos" / name).read_bytes() for name in truth}) == PICTURES
    placed = {name.partition("/")[2]: name.partition("/")[0] for name in files(target)}
    assert (placed.keys(), len(files(target))) == (truth.keys(), PICTURES)
    for name, folder in placed.items():
        assert (target / folder / name).read_bytes() == (Path("photos") / name).read_bytes()
    assert PICTURES <= number <= PICTURES + KILLS, "only the one in flight may be asked twice"
    sure = {name: folder for name, folder in placed.items() if folder != "unsure"}
    wrong = Counter(folder == truth[name] for name, folder in sure.items())[False]
    rows = csv.DictReader(io.StringIO(sort(served, "photos", *words, "--csv", "-").stdout))
    plainly = [(float(row["raw"]) >= 0.95, row["answer"] == truth[row["path"][7:]]) for row in rows]
    unchecked = Counter(right for is_sure, right in plainly if is_sure)
    print(
        f"\n{PICTURES} pictures, {KILLS} kills, {number} asked; {len(sure)} sorted, {wrong} of them wrong; "
        f"without the calibration {unchecked.total()}, {unchecked[False]} of them wrong"
    )
    assert len(sure) >= PICTURES / 10 or PICTURES < 1000, "a calibration of few answers promises little"
    assert not sure or scipy.stats.binomtest(wrong, len(sure), 0.05, alternative="greater").pvalue > 0.01
