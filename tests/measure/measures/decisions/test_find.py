"""What is asked of glimpse, and what is found in the answers of made-up models."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.measure.measures.measured_run import BARE, glimpse, measured
from viewfinder.client.exchange import Exchange
from viewfinder.fleet.record.calibrations import calibration_path, calibrations_of
from viewfinder.measure.calibrating.worth import KindOfDecision
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.decisions import MEASURE
from viewfinder.measure.measures.decisions.counts import DecisionCounts
from viewfinder.measure.measures.decisions.find import NO_LOGPROBS, graded_of
from viewfinder.measure.measures.decisions.result import DecisionsResult
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.store.rows import Sample
from viewfinder.wire.decisions.answer import CalibratedBy

COUNTS = DecisionCounts(questions=12, least=12, budget_s=60.0)


async def test_glimpse_decides(tmp_path: Path) -> None:
    """Each question in both orders; its first tokens are kept, and tell all answers apart."""
    ran = await measured(glimpse(), BARE.with_counts("decisions", COUNTS), tmp_path)
    found = ran.result.found["decisions"]
    assert isinstance(found, DecisionsResult)
    assert all(isinstance(kind, Missing) for kind in found.kinds), "twelve questions prove nothing"
    graded = {kind: graded_of(kind, ran.samples) for kind in ("predicate", "choice", "score")}
    assert {kind: len(one) for kind, (one, _) in graded.items()} == {"predicate": 6, "choice": 4, "score": 2}
    assert all(undecided == 0 for _, undecided in graded.values())
    assert sum((raw > 0.5) == right for one, _ in graded.values() for raw, right in one) >= 11
    assert MEASURE.find(ran.logs(), COUNTS, glimpse().variant()) == found
    assert MEASURE.files(found, ran.result) == {}, "no calibration is written of so few"
    known = ran.result
    more = MEASURE.find([log_of(100, 4.0)], COUNTS, glimpse().variant())
    assert isinstance(more, DecisionsResult)
    ((path, content),) = MEASURE.files(more, known).items()
    (file := tmp_path / path).parent.mkdir(parents=True)
    file.write_bytes(content)
    curves = calibrations_of(tmp_path, known.model, known.variant, known.engine_version).curves
    assert [*curves] == ["predicate"], "the gateway calibrates by what the measure wrote"
    assert 0.5 < curves["predicate"].at(0.99) < 0.99


def sample(number: int, order: int, yes: float, expected: str) -> Sample:
    tops = (("Yes", math.log(yes)), ("No", math.log(1 - yes)))
    exchange = Exchange(0.0, 1.0, text="Yes", top_tokens=tops)
    scenario = f"decisions/predicate/{order}"
    return Sample("run", "made-up", 2, scenario, "?", exchange, f"s{number}", expected, right=True)


def log_of(n: int, too_sure: float) -> ProcessLog:
    """A model of yes and no whose logits are larger than they should be."""
    rng = np.random.default_rng(5)
    logits = rng.normal(0, 3, n)
    yes = rng.random(n) < 1 / (1 + np.exp(-logits))
    raw = np.clip(1 / (1 + np.exp(-too_sure * logits)), 1e-9, 1 - 1e-9)
    return ProcessLog(
        2,
        [
            sample(at, order, float(raw[at]), "yes" if yes[at] else "no")
            for at in range(n)
            for order in range(2)
        ],
    )


def test_a_model_that_is_too_sure_is_found_out_and_calibrated(tmp_path: Path) -> None:
    variant = glimpse().variant()
    found = MEASURE.find([log_of(800, 4.0)], COUNTS, variant)
    assert isinstance(found, DecisionsResult)
    kind = found.kinds[0]
    assert isinstance(kind, KindOfDecision)
    assert isinstance(kind.error_raw, Figure)
    assert isinstance(kind.error_calibrated, Figure)
    assert kind.error_raw.low > 0.07 > kind.error_calibrated.value
    assert {sure.says for sure in kind.sure} == {"yes", "no"}
    ((_, said),) = MEASURE.rows(found)
    assert isinstance(said, str)
    assert "say yes above 0." in said
    assert "(95 %)" in said
    assert isinstance(found.kinds[1], Missing)
    assert found.model_validate_json(found.model_dump_json()) == found


def test_the_guide_tells_how_sure_one_can_be() -> None:
    """Error and Brier score before and after, and each promise with the share of answers that it covers."""
    found = MEASURE.find([log_of(800, 4.0)], COUNTS, glimpse().variant())
    assert isinstance(found, DecisionsResult)
    worth, sure = MEASURE.section(found)
    (line,) = worth.lines
    figures = [
        line[name] for name in ("Calibration error", "After calibration", "Brier score", "Brier score after")
    ]
    for figure in figures:
        assert isinstance(figure, Figure)
        assert figure.low <= figure.value <= figure.high
    assert figures[2].value > figures[3].value
    assert line["Curve"] == "Platt's"
    for promise in sure.lines:
        covered = promise["Answers above it (%)"]
        assert isinstance(covered, Figure)
        assert 0 < covered.low < covered.value < covered.high < 100
        assert "wrong in at most" in str(promise["Promise"])
        assert int(str(promise["Wrong among them"])) < 0.05 * covered.value / 100 * 800


def test_a_result_of_an_earlier_version_still_reads() -> None:
    found = MEASURE.find([log_of(200, 4.0)], COUNTS, glimpse().variant())
    assert isinstance(found, DecisionsResult)
    stored = json.loads(found.model_dump_json())
    for name in ("family", "brier_raw"):
        del stored["kinds"][0][name]
    for sure in stored["kinds"][0]["sure"]:
        del sure["wrong"]
    worth, sure_table = MEASURE.section(DecisionsResult.model_validate(stored))
    assert isinstance(worth.lines[0]["Brier score"], Missing)
    assert {line["Wrong among them"] for line in sure_table.lines} == {"—"}


def test_an_engine_without_log_probabilities_is_missing() -> None:
    log = log_of(50, 1.0)
    silent = [replace(one, exchange=replace(one.exchange, top_tokens=())) for one in log.samples]
    assert MEASURE.find([ProcessLog(2, silent)], COUNTS, glimpse().variant()) == NO_LOGPROBS
    assert MEASURE.rows(NO_LOGPROBS) == [("Decisions", NO_LOGPROBS)]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with a calibration."""
    file = tmp_path / calibration_path("glimpse", "f16")
    file.parent.mkdir(parents=True)
    known = {"model": "glimpse", "variant": "f16", "engine": "llama.cpp", "engine_version": "1"}
    curves = {"predicate": [[0.0, 1.0], [0.25, 0.75]]}
    file.write_text(json.dumps({**known, "measured_at": "now", "curves": curves}))
    return tmp_path


def test_own_questions_take_the_place_of_scenes(state: Path) -> None:
    """Kind by kind, and only for the version of the engine that was measured."""
    own = state / calibration_path("glimpse", "f16", "own")
    own.parent.mkdir(parents=True)
    stored = json.loads((state / calibration_path("glimpse", "f16")).read_text())
    curves = {"choice": [[0.0, 1.0], [0.5, 0.5]]}
    own.write_text(json.dumps({**stored, "curves": curves, "samples": {"choice": 44}}))
    known = calibrations_of(state, "glimpse", "f16", "1")
    assert known.by == {"predicate": CalibratedBy("scenes", None), "choice": CalibratedBy("own", 44)}
    curves["predicate"] = [[0.0, 1.0], [0.1, 0.1]]
    own.write_text(json.dumps({**stored, "curves": curves, "samples": {"predicate": 50}}))
    known = calibrations_of(state, "glimpse", "f16", "1")
    assert (known.curves["predicate"].at(0.9), known.by["predicate"].samples) == (pytest.approx(0.1), 50)
    own.write_text(json.dumps({**stored, "engine_version": "0", "curves": curves}))
    known = calibrations_of(state, "glimpse", "f16", "1")
    assert known.curves["predicate"].at(0.9) == pytest.approx(0.7), "those of scenes hold"
    assert "choice" not in known.curves


def test_a_calibration_holds_for_the_version_that_was_measured(state: Path) -> None:
    known = calibrations_of(state, "glimpse", "f16", "1")
    assert known.curves["predicate"].at(0.9) == pytest.approx(0.7)
    assert "too few questions" in known.why
    other = calibrations_of(state, "glimpse", "f16", "2")
    assert other.curves == {}
    assert "calibrated with llama.cpp 1, and this is 2" in other.why
    assert "not calibrated on this machine" in calibrations_of(state, "glimpse", "q8", "1").why


@pytest.mark.parametrize("broken", ["{", "[]", '{"model": 1}'])
def test_a_broken_calibration_is_none(state: Path, broken: str) -> None:
    (state / calibration_path("glimpse", "f16")).write_text(broken)
    known = calibrations_of(state, "glimpse", "f16", "1")
    assert (known.curves, "cannot be read" in known.why) == ({}, True)
