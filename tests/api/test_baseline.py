"""`guide --compare` and `--fail-on-regression` on stored runs: a real regression and noise are told apart."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import viewfinder
from tests.measure.made_up import PRINT, answers, evidence
from tests.report.conftest import MACHINE, result
from viewfinder.cli.main import app
from viewfinder.core import paths
from viewfinder.core.errors import BadRequest
from viewfinder.measure import results
from viewfinder.measure.compare.evidence import Evidence
from viewfinder.measure.store.rows import ANCHOR, Run
from viewfinder.measure.store.store import Store

BASE = [1.0, 1.1, 0.9, 1.05, 0.95, 1.2, 1.0]
NOISY = [1.03, 1.067, 0.909, 1.04, 0.969, 1.176, 1.0]
ANCHOR_TIMES = [0.1, 0.102, 0.098, 0.101, 0.099, 0.1]
RIGHT = [True] * 58 + [False] * 2


def times(factor: float, some: Sequence[float] = BASE) -> list[float]:
    return [factor * time for time in some]


def keep(run: str, day: int, models: dict[str, Any], anchor: float = 1.0, **fingerprint: str) -> None:
    """Stores a run of that day: the times of each model, or the fields of its result, or both."""
    at = f"2026-11-{day:02}T10:00:00Z"
    prints = PRINT.model_copy(update=fingerprint)
    with Store(paths.results_file()) as store:
        store.begin(Run(run, "quick", at, at, MACHINE), {**dict.fromkeys(models, prints), ANCHOR: PRINT})
        for model, what in models.items():
            fields = dict(what) if isinstance(what, dict) else {"times": what}
            made = evidence(
                fields.pop("times", BASE),
                fields.pop("right", RIGHT),
                run=run,
                anchor=times(anchor, ANCHOR_TIMES),
            )
            others = [
                *answers(RIGHT, run=run, scenario="text"),
                *answers(RIGHT, run=run, scenario="follow-up"),
            ]
            made = replace(made, samples=[*made.samples, *others[: fields.pop("others", len(others))]])
            store_samples(store, run, model, made)
            results.add(store, result(model, run=run, measured_at=at, **fields))
        for one in made.anchor:
            store.add(replace(one, run=run))


def store_samples(store: Store, run: str, model: str, made: Evidence) -> None:
    numbers = sorted({one.process for one in made.samples})
    for number in numbers:
        store.begin_process(run, model, number)
    for one in made.samples:
        store.add(replace(one, model=model))
    for number, outcome in made.outcomes.items():
        store.finish_process(run, model, number, outcome)


def guide(*words: str) -> Result:
    return CliRunner().invoke(app, ["guide", *words])


def said(done: Result) -> list[str]:
    return done.stderr.splitlines()


def test_a_regression_and_noise_are_told_apart() -> None:
    """glimpse takes a third longer with a new engine; the other model's times only vary."""
    keep("20261120T100000Z-aaaaaa", 20, {"glimpse": BASE, "other": BASE}, engine_version="b11")
    keep("20261122T100000Z-bbbbbb", 22, {"glimpse": times(1.33), "other": NOISY}, 1.01, engine_version="b12")
    done = guide("--fail-on-regression")
    assert done.exit_code == 1
    figures = [line.partition(" 1.33")[0].partition(" 0.75")[0] for line in said(done)]
    assert figures == [
        f"regression: glimpse (llama.cpp-f16): {figure}"
        for figure in (
            "average inference",
            "time to first token, image",
            "time to first token, text",
            "decode speed",
        )
    ]
    assert all(
        line.endswith("; engine version b11 then, b12 now (since 20261120T100000Z-aaaaaa, 2026-11-20)")
        for line in said(done)
    )
    assert "engine version b11 then, b12 now" in done.stdout, "the guide is written as usual"
    assert "no change seen in 9 figures (since 20261120T100000Z-aaaaaa, 2026-11-20)" in done.stdout
    assert guide().exit_code == 0, "nothing fails without being asked to"


def test_noise_alone_is_no_regression() -> None:
    keep("run-1", 20, {"glimpse": BASE})
    keep("run-2", 22, {"glimpse": NOISY}, 1.02)
    done = guide("--fail-on-regression", "--compare", "run-1")
    assert (done.exit_code, said(done)) == (0, ["no regression"])


def test_a_slower_machine_is_no_regression() -> None:
    keep("run-1", 20, {"glimpse": BASE})
    keep("run-2", 22, {"glimpse": times(1.33)}, 1.33, governor="powersave")
    done = guide("--fail-on-regression")
    assert (done.exit_code, said(done)) == (0, ["no regression"])
    assert "no change beyond the machine's own in 9 figures (since run-1, 2026-11-20)" in done.stdout


def test_a_run_is_compared_with_in_place_of_the_previous_one() -> None:
    """The previous run was slow already: only against the one before it is the newest a regression."""
    keep("20261118T1", 18, {"glimpse": BASE})
    keep("20261120T1", 20, {"glimpse": times(1.5)})
    keep("20261122T1", 22, {"glimpse": times(1.5)})
    assert guide("--fail-on-regression").exit_code == 0
    done = guide("--fail-on-regression", "--compare", "20261118")
    assert done.exit_code == 1
    assert "average inference 1.50 times" in said(done)[0]
    assert "since 2026-11-18" not in viewfinder.guide(compare="20261120T1")
    assert "against run 20261118T1 of 2026-11-18" in viewfinder.guide(compare="20261118T1")


def test_fewer_right_answers_are_a_regression() -> None:
    keep("run-1", 20, {"glimpse": {}})
    keep("run-2", 22, {"glimpse": {"right": [True] * 40 + [False] * 20}})
    done = guide("--fail-on-regression")
    assert done.exit_code == 1
    assert said(done)[0].startswith("regression: glimpse (llama.cpp-f16): right image answers -30.0 points (")
    assert said(done)[0].endswith("nothing else that is recorded differs (since run-1, 2026-11-20)")


def test_a_model_that_fails_now_is_a_regression_and_one_that_was_not_measured_is_named() -> None:
    keep("run-1", 20, {"glimpse": BASE, "gone": BASE})
    keep(
        "run-2",
        22,
        {"glimpse": {"status": "failed", "failure": "The engine died."}, "young": BASE},
    )
    done = guide("--fail-on-regression", "--compare", "run-1")
    assert done.exit_code == 1
    assert said(done) == [
        "not compared: glimpse (llama.cpp-f16): in this run it failed: The engine died",
        "not compared: gone (llama.cpp-f16): it was not measured again since",
        "not compared: young (llama.cpp-f16): no earlier run of it to compare with",
        "regression: glimpse (llama.cpp-f16): it failed: The engine died; verified then; "
        "nothing else that is recorded differs (since run-1, 2026-11-20)",
    ]


def test_a_model_that_fails_again_fails_again() -> None:
    """Its second failing run would pass, if only what became worse counted."""
    failed = {"status": "failed", "failure": "The engine died."}
    keep("run-1", 20, {"glimpse": failed})
    keep("run-2", 22, {"glimpse": failed})
    done = guide("--fail-on-regression")
    assert done.exit_code == 1
    assert "it failed: The engine died; failed then" in said(done)[-1]


def test_what_could_not_be_compared_of_a_model_is_named() -> None:
    keep("run-1", 20, {"glimpse": BASE})
    keep("run-2", 22, {"glimpse": {"contaminated": "two fleets", "status": "provisional", "others": 60}})
    done = guide("--fail-on-regression", "--compare", "run-1")
    assert done.exit_code == 0
    assert [line.removeprefix("not ") for line in said(done)] == [
        "sure: glimpse (llama.cpp-f16): status verified then, provisional now",
        "compared: glimpse (llama.cpp-f16): right follow-up answers: too few samples that both runs have",
        "compared: glimpse (llama.cpp-f16): load time; average inference; time to first token, image; "
        "time to first token, text; decode speed: its timings were disturbed: two fleets",
        "no regression",
    ]


def test_a_newer_run_that_was_not_completed_is_named() -> None:
    """The guide shows the last complete one, and that is what was compared."""
    keep("run-1", 20, {"glimpse": BASE})
    keep("run-2", 21, {"glimpse": NOISY})
    keep("run-3", 22, {"glimpse": {"status": "incomplete"}})
    done = guide("--fail-on-regression")
    assert done.exit_code == 0
    assert said(done) == [
        "not compared: glimpse (llama.cpp-f16): its newest run run-3, which is incomplete",
        "no regression",
    ]


def test_what_cannot_be_compared_is_named_and_is_no_failure() -> None:
    keep("run-1", 20, {"glimpse": {"suite": "thorough"}})
    keep("run-2", 22, {"glimpse": times(2)})
    done = guide("--fail-on-regression")
    assert done.exit_code == 0
    assert said(done) == [
        "not compared: glimpse (llama.cpp-f16): the earlier run was of the suite thorough, this one of quick",
        "no regression, because nothing could be compared",
    ]


@pytest.mark.parametrize(
    ("word", "says", "hint"),
    [
        ("run-9", "There is no run 'run-9'.", "`viewfinder results` lists the runs."),
        ("", "There is no run ''.", "`viewfinder results` lists the runs."),
        ("run-", "2 runs begin with 'run-'.", "`viewfinder results` lists the runs."),
        ("run-2", "has no model in common with a later one: glimpse was", "Run: viewfinder bench glimpse"),
        ("empty", "The run empty has no result to compare with.", "`viewfinder results` lists the runs."),
    ],
)
def test_a_run_that_cannot_be_compared_with_is_refused(word: str, says: str, hint: str) -> None:
    keep("run-1", 20, {"glimpse": BASE})
    keep("run-2", 22, {"glimpse": BASE})
    with Store(paths.results_file()) as store:
        store.begin(Run("empty", "quick", "2026-11-23T10:00:00Z", "", MACHINE))
    done = guide("--compare", word)
    assert isinstance(done.exception, BadRequest)
    assert (done.exception.exit_code, done.exception.hint) == (2, hint)
    assert says in done.exception.message


def test_a_run_is_named_by_its_first_letters_where_it_is_shown_and_never_where_it_is_removed() -> None:
    keep("20261120T100000Z-aaaaaa", 20, {"glimpse": BASE})
    runner = CliRunner()
    assert runner.invoke(app, ["results", "show", "20261120"]).exit_code == 0
    assert isinstance(runner.invoke(app, ["results", "rm", "20261120"]).exception, BadRequest)
