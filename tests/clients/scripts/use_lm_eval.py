"""lm-evaluation-harness on a task of our own: sums, asked as chats."""

import json
import tempfile
from pathlib import Path

from checking import MODEL, NO_MODEL, V1, check
from programs import run

FOLDER = Path(tempfile.mkdtemp())
SUMS = [{"question": f"What is {a} plus {b}?", "answer": f"{a + b}."} for a, b in ((3, 4), (2, 2), (5, 1))]
(FOLDER / "sums.jsonl").write_text("".join(json.dumps(one) + "\n" for one in SUMS))
TASK = {
    "task": "sums",
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": {"test": str(FOLDER / "sums.jsonl")}},
    "test_split": "test",
    "output_type": "generate_until",
    "doc_to_text": "{{question}}",
    "doc_to_target": "{{answer}}",
    "generation_kwargs": {"until": ["\n\n"], "max_gen_toks": 16, "do_sample": False, "temperature": 0},
    "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
}
(FOLDER / "sums.yaml").write_text(json.dumps(TASK))


def evaluate(model, kind="local-chat-completions", path="chat/completions", more="", *words):
    options = f"model={model},base_url={V1}/{path},num_concurrent=2,max_retries=1{more}"
    out = FOLDER / f"out-{model}-{kind}"
    said = run(
        *("lm_eval", "--model", kind, "--model_args", options),
        *("--include_path", FOLDER, "--tasks", "sums", "--output_path", out, *words),
        OPENAI_API_KEY="not-needed",
    )
    (file,) = out.rglob("results_*.json")
    return json.loads(file.read_text())["results"]["sums"], said


@check("text")
def text():
    scores, _ = evaluate(MODEL, "local-chat-completions", "chat/completions", "", "--apply_chat_template")
    assert scores["exact_match,none"] >= 0.6, scores
    return f"exact match {scores['exact_match,none']:.2f}"


@check("completions")
def completions():
    """`local-completions`: without a template a tiny model answers nothing right."""
    text_only = ",tokenizer_backend=None,tokenized_requests=False"
    scores, _ = evaluate(MODEL, "local-completions", "completions", text_only)
    assert "exact_match,none" in scores, scores
    return f"exact match {scores['exact_match,none']:.2f}"


@check("error")
def error():
    try:
        _, said = evaluate(
            NO_MODEL, "local-chat-completions", "chat/completions", "", "--apply_chat_template"
        )
    except RuntimeError as failed:
        said = str(failed)
    assert "404" in said, said[-400:]
    return "404, without our sentence: it does not show the words of errors"
