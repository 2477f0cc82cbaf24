"""Stored samples in forms that other programs read; pure, called by `api`.

    jsonl      one JSON object a sample, with every stamp
    csv        the same without what is not a single value
    lmms-eval  a folder: the samples and results files that its --log_samples writes and its --baseline reads

Samples that do not count (of a server process that was cut short) are left out; warm-up requests are in,
marked so.
"""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from viewfinder.measure.measures.own_images.score import VQA, exact_of, score_of
from viewfinder.measure.statistics.clusters import share
from viewfinder.measure.store.rows import Run, Sample
from viewfinder.measure.warm_up import WARM_UP

NESTED = ("token_times_s", "timings")
"""What has no place in a table's cell."""
METRIC = "exact_match"
VQA_METRIC = "vqa_accuracy"

ExportRow = dict[str, Any]


def row(run: Run, asked: Sample, *, variant: str, fingerprint: str) -> ExportRow:
    """One exchange; seconds are of the monotonic clock of its run, times of the day are not kept."""
    exchange = asked.exchange
    return {
        "run": run.run,
        "suite": run.suite,
        "started_at": run.started_at,
        "fingerprint": fingerprint,
        "model": asked.model,
        "variant": variant,
        "process": asked.process,
        "scenario": asked.scenario,
        "place": asked.place,
        "counted": asked.scenario != WARM_UP,
        "scene": asked.scene,
        "question": asked.question,
        "expected": asked.expected,
        "right": asked.right,
        "score": _score(asked),
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
    """A line each."""
    for one in rows:
        yield json.dumps(one, ensure_ascii=False) + "\n"


def as_csv(rows: Iterable[ExportRow]) -> Iterator[str]:
    """A line each after the header (RFC 4180); nothing at all without rows. None is an empty cell."""
    page = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for one in rows:
        flat = {name: value for name, value in one.items() if name not in NESTED}
        if writer is None:
            writer = csv.DictWriter(page, list(flat))
            writer.writeheader()
        writer.writerow(flat)
        yield page.getvalue()
        page.seek(0)
        page.truncate()


def lmms_eval(run: Run, model: str, variant: str, asked: Sequence[Sample]) -> dict[str, str]:
    """File name > content, for one model of one run; empty when nothing was graded.

    A question has the same `doc_id` in every run and for every model, by which lmms-eval pairs them; its
    `score` is our grade, which lmms-eval takes before its own comparison of words; of the user's own
    questions it is VQA v2's accuracy, beside the strict exact match. A question without an answer is scored 0
    and says its error code beside it: no error's words stand in an answer's place.
    """
    graded: dict[str, list[Sample]] = {}
    for one in asked:
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
            task: {"task": task, "metric_list": [{"metric": metric} for metric in _metrics(some)]}
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
        METRIC: float(bool(one.right)),
        "score": _score(one),
    }
    if one.scenario == VQA:  # a folder may have others in these places by the next run
        sample |= {"doc_id": int(digest[:12], 16), METRIC: float(exact_of(one)), VQA_METRIC: _score(one)}
    if one.exchange.error:
        sample["error_code"] = one.exchange.error.partition(":")[0]
    return sample


def _score(one: Sample) -> float | None:
    """0 to 1: what the answer is worth; None when it was not graded."""
    if one.right is None:
        return None
    return score_of(one) if one.scenario == VQA else float(one.right)


def _metrics(some: Sequence[Sample]) -> dict[str, Callable[[Sample], float]]:
    """What a task's answers are judged by."""
    if some[0].scenario == VQA:
        return {VQA_METRIC: score_of, METRIC: exact_of}
    return {METRIC: lambda one: float(bool(one.right))}


def _task(task: str, some: Sequence[Sample]) -> ExportRow:
    """The share of right answers, with the standard error that its clustered interval stands for; the
    interval is that of the first metric."""
    told: ExportRow = {"alias": task}
    for name, judge in _metrics(some).items():
        scenes: dict[str, list[float]] = {}
        for number, one in enumerate(some):
            scenes.setdefault(one.scene or str(number), []).append(judge(one))
        sums, sizes = [sum(hits) for hits in scenes.values()], [len(hits) for hits in scenes.values()]
        value, low, high = share(sums, sizes)
        told |= {f"{name},none": value, f"{name}_stderr,none": (high - low) / 2 / 1.96}
        told.setdefault("interval_95", [low, high])
    return told
