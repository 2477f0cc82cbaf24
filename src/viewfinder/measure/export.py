"""Stored samples in formats that other programs read; pure, called by `api`.

    jsonl      one JSON object for each sample, with every time stamp
    csv        the same without the lists and objects
    lmms-eval  a folder: the samples and results files that its --log_samples writes and its --baseline reads

Samples that do not count (of a server process that was cut short) are left out; warm-up requests are marked
as not counted.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from viewfinder.measure.measures.own_images.score import VQA, exact_of, score_of
from viewfinder.measure.pacing import WARM_UP
from viewfinder.measure.statistics.clusters import share_by_scene
from viewfinder.measure.store.rows import Run, Sample

_NESTED = ("token_times_s", "timings")
"""Lists and objects, which are no cells of a table."""
_METRIC = "exact_match"
_VQA_METRIC = "vqa_accuracy"

ExportRow = dict[str, Any]


def row(run: Run, sample: Sample, *, variant: str, fingerprint: str) -> ExportRow:
    """One sample; its time stamps are seconds of the monotonic clock of its run."""
    exchange = sample.exchange
    return {
        "run": run.run,
        "suite": run.suite,
        "started_at": run.started_at,
        "fingerprint": fingerprint,
        "model": sample.model,
        "variant": variant,
        "process": sample.process,
        "scenario": sample.scenario,
        "place": sample.place,
        "counted": sample.scenario != WARM_UP,
        "scene": sample.scene,
        "question": sample.question,
        "expected": sample.expected,
        "right": sample.right,
        "score": _grade(sample),
        "text": exchange.text,
        "error_code": exchange.error.partition(":")[0],
        "error": exchange.error,
        "finish_reason": exchange.finish_reason,
        "prompt_tokens": exchange.prompt_tokens,
        "completion_tokens": exchange.completion_tokens,
        "time_to_first_token_s": exchange.ttft_s,
        "time_per_output_token_s": exchange.tpot_s,
        "request_latency_s": exchange.e2e_s,
        "started_s": exchange.started_s,
        "first_byte_s": exchange.first_byte_s,
        "first_token_s": exchange.first_token_s,
        "last_token_s": exchange.last_token_s,
        "finished_s": exchange.finished_s,
        "token_times_s": list(exchange.token_times_s),
        "timings": exchange.timings,
    }


def jsonl(rows: Iterable[ExportRow]) -> Iterator[str]:
    """A line for each row."""
    for one in rows:
        yield json.dumps(one, ensure_ascii=False) + "\n"


def as_csv(rows: Iterable[ExportRow]) -> Iterator[str]:
    """A line for each row, after the header (RFC 4180); no lines without rows. None is an empty cell."""
    for number, one in enumerate(rows):
        page = io.StringIO()
        writer = csv.DictWriter(page, [name for name in one if name not in _NESTED], extrasaction="ignore")
        if not number:
            writer.writeheader()
        writer.writerow(one)
        yield page.getvalue()


def lmms_eval(run: Run, model: str, variant: str, samples: Sequence[Sample]) -> dict[str, str]:
    """File name > content, for one model of one run; empty when nothing was graded.

    A question has the same `doc_id` in every run and for every model, by which lmms-eval pairs answers. Its
    `score` is our grade, which lmms-eval prefers to its own comparison of words; for the user's own questions
    it is VQA v2's accuracy, beside the strict exact match. A question without an answer has the score 0 and
    an error code: the text of an error is never given as an answer.
    """
    graded: dict[str, list[Sample]] = {}
    for one in samples:
        if one.right is not None and one.scenario in ("vision", "text", "follow-up", VQA):
            graded.setdefault(f"viewfinder_{one.scenario.replace('-', '_')}", []).append(one)
    if not graded:
        return {}
    date = run.started_at.replace(":", "-").replace("+00-00", "")
    files = {
        f"{date}_samples_{task}.jsonl": "".join(
            jsonl(_sample(number, one) for number, one in enumerate(some))
        )
        for task, some in graded.items()
    }
    results = {
        "results": {task: _task(task, some) for task, some in graded.items()},
        "configs": {
            task: {"task": task, "metric_list": [{"metric": metric} for metric in _grades(some[0])]}
            for task, some in graded.items()
        },
        "n-samples": {task: {"original": len(some), "effective": len(some)} for task, some in graded.items()},
        "model_source": "viewfinder",
        "model_name": model,
        "model_name_sanitized": model,
        "variant": variant,
        "run": run.run,
        "date": run.started_at,
    }
    return files | {f"{date}_results.json": json.dumps(results, indent=2, ensure_ascii=False) + "\n"}


def _sample(number: int, one: Sample) -> ExportRow:
    digest = hashlib.sha256(f"{one.scene}\n{one.question}".encode()).hexdigest()
    sample: ExportRow = {
        "doc_id": number if one.place is None else one.place,
        "doc_hash": digest,
        "input": one.question,
        "scene": one.scene,
        "target": one.expected,
        "resps": [[one.exchange.text]],
        "filtered_resps": [one.exchange.text],
        "score": _grade(one),
        **_grades(one),
    }
    if one.scenario == VQA:  # by the next run the folder may have other questions in these places
        sample["doc_id"] = int(digest[:12], 16)
    if one.exchange.error:
        sample["error_code"] = one.exchange.error.partition(":")[0]
    return sample


def _grade(one: Sample) -> float | None:
    """0 to 1, how right the answer is; None when it was not graded."""
    return None if one.right is None else next(iter(_grades(one).values()))


def _grades(one: Sample) -> dict[str, float]:
    """How right the answer is by each metric of its task."""
    if one.scenario == VQA:
        return {_VQA_METRIC: score_of(one), _METRIC: float(exact_of(one))}
    return {_METRIC: float(bool(one.right))}


def _task(task: str, some: Sequence[Sample]) -> ExportRow:
    """The share of right answers by each metric, with the standard error that belongs to its clustered
    interval; the interval is that of the first metric."""
    results: ExportRow = {"alias": task}
    for metric in _grades(some[0]):
        value, low, high = share_by_scene(
            (one.scene or str(number), _grades(one)[metric]) for number, one in enumerate(some)
        )
        results |= {f"{metric},none": value, f"{metric}_stderr,none": (high - low) / 2 / 1.96}
        results.setdefault("interval_95", [low, high])
    return results
