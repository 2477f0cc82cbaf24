"""Stored exchanges in other programs' forms, read back as those programs read them."""

import csv
import dataclasses
import io
import json

from tests.measure.store.test_store import EXCHANGE, RUN, sample
from viewfinder.client.exchange import Exchange
from viewfinder.measure.export import as_csv, jsonl, lmms_eval, row
from viewfinder.measure.measures.own_images.score import in_one
from viewfinder.measure.store.rows import Sample

FAILED = Exchange(started_s=1.0, finished_s=1.5, error="engine_refused: The server, oh no")


def graded(
    place: int, *, right: bool, text: str = "Red.", scene: str = "s", scenario: str = "vision"
) -> Sample:
    exchange = Exchange(started_s=1.0, finished_s=2.0, text=text)
    return sample(
        place=place,
        right=right,
        scene=scene,
        expected="Red.",
        scenario=scenario,
        exchange=exchange,
        process=0,
    )


def rows_of(*some: Sample) -> list[dict[str, object]]:
    return [row(RUN, one, variant="v", fingerprint="abc") for one in some]


def test_jsonl_has_every_stamp() -> None:
    (line,) = jsonl(rows_of(sample(place=3)))
    found = json.loads(line)
    assert (found["run"], found["model"], found["variant"], found["fingerprint"]) == (
        "run1",
        "glimpse",
        "v",
        "abc",
    )
    assert found["token_times_s"] == list(EXCHANGE.token_times_s)
    assert (found["started_s"], found["first_token_s"], found["finished_s"]) == (1.0, 1.25, 2.0)
    assert (found["time_to_first_token_s"], found["request_latency_s"]) == (0.25, 1.0)
    assert found["time_per_output_token_s"] == 0.5
    assert (found["text"], found["timings"]) == (EXCHANGE.text, EXCHANGE.timings)
    assert (found["place"], found["right"], found["error_code"]) == (3, None, "")


def test_a_line_is_a_line_whatever_the_model_says() -> None:
    said = 'one\ntwo\r\n\u2028three, "four"'
    (line,) = jsonl(rows_of(graded(0, right=False, text=said)))
    assert line.count("\n") == 1
    assert json.loads(line)["text"] == said
    page = "".join(as_csv(rows_of(graded(0, right=False, text=said), sample())))
    first, second = csv.DictReader(io.StringIO(page, newline=""))
    assert first["text"] == said
    assert (first["right"], second["right"]) == ("False", "")
    assert "token_times_s" not in first


def test_csv_without_rows_is_empty() -> None:
    assert list(as_csv([])) == []


def test_warm_up_is_marked_and_errors_have_their_code() -> None:
    warm, failed = rows_of(sample(scenario="warm-up"), sample(exchange=FAILED, right=False))
    assert (warm["counted"], failed["counted"]) == (False, True)
    assert (failed["error_code"], failed["text"]) == ("engine_refused", "")


def test_lmms_eval_reads_our_grades() -> None:
    """As its baseline loader does: doc_id > score, the results file named by what precedes "_samples_"."""
    some = [graded(0, right=True), graded(1, right=True, text="It is red", scene="t"), graded(2, right=False)]
    lost = sample(place=3, exchange=FAILED, right=False, scenario="vision", expected="Red.")
    files = lmms_eval(RUN, "glimpse", "v", [*some, lost, sample(scenario="images")])
    samples_name, results_name = sorted(files, reverse=True)
    assert samples_name == "2026-01-01T00-00-00_samples_viewfinder_vision.jsonl"
    assert results_name == samples_name.split("_samples_")[0] + "_results.json"
    samples = [json.loads(line) for line in files[samples_name].splitlines()]
    assert {one["doc_id"]: one["score"] for one in samples} == {0: 1.0, 1: 1.0, 2: 0.0, 3: 0.0}
    assert samples[1]["filtered_resps"] == ["It is red"]
    assert (samples[3]["filtered_resps"], samples[3]["error_code"]) == ([""], "engine_refused")
    assert samples[0]["doc_hash"] == samples[2]["doc_hash"] != samples[1]["doc_hash"]
    task = json.loads(files[results_name])["results"]["viewfinder_vision"]
    assert task["exact_match,none"] == 0.5
    assert 0 < task["exact_match_stderr,none"] < 0.5
    assert task["interval_95"][0] < 0.5 < task["interval_95"][1]


def test_nothing_graded_gives_no_files() -> None:
    assert lmms_eval(RUN, "glimpse", "v", [sample(scenario="images")]) == {}


def test_own_questions_have_both_scores() -> None:
    """The accuracy is what lmms-eval's baseline compares; a question keeps its number whatever is asked with
    it next time."""
    votes = in_one(["red"] * 2 + ["blue"] * 8)
    part = graded(0, right=False, text="Red", scenario="vqa", scene="a.png#1")
    exact = graded(1, right=True, text="blue", scenario="vqa", scene="b.png#2")
    some = [dataclasses.replace(one, expected=votes) for one in (part, exact)]
    assert [line["score"] for line in rows_of(*some)] == [0.6, 1.0]
    assert [line["score"] for line in rows_of(sample(), graded(0, right=True))] == [None, 1.0]
    files = lmms_eval(RUN, "glimpse", "v", some)
    samples_name, results_name = sorted(files, reverse=True)
    assert samples_name.endswith("_samples_viewfinder_vqa.jsonl")
    samples = [json.loads(line) for line in files[samples_name].splitlines()]
    assert [(one["score"], one["vqa_accuracy"], one["exact_match"]) for one in samples] == [
        (0.6, 0.6, 0.0),
        (1.0, 1.0, 1.0),
    ]
    assert samples[0]["target"] == votes
    again = lmms_eval(RUN, "glimpse", "v", [dataclasses.replace(some[1], place=7)])[samples_name]
    assert json.loads(again)["doc_id"] == samples[1]["doc_id"] != samples[0]["doc_id"]
    results = json.loads(files[results_name])
    task = results["results"]["viewfinder_vqa"]
    assert (task["vqa_accuracy,none"], task["exact_match,none"]) == (0.8, 0.5)
    assert task["interval_95"][0] < 0.8 < task["interval_95"][1]
    metrics = [one["metric"] for one in results["configs"]["viewfinder_vqa"]["metric_list"]]
    assert metrics == ["vqa_accuracy", "exact_match"]
