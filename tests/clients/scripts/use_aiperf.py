"""AIPerf, streamed, with `ignore_eos` and a fixed length of answers."""

import json
import os
import tempfile
from pathlib import Path

from checking import MODEL, NO_MODEL, URL, check
from programs import run

TOKENS = 12
REQUESTS = 4


def profile(model, *words):
    folder = Path(tempfile.mkdtemp())
    said = run(
        *("aiperf", "profile", "--model", model, "--url", URL, "--endpoint-type", "chat"),
        *("--tokenizer", os.environ["CLIENT_TOKENIZER"], "--concurrency", 2, "--request-count", REQUESTS),
        *("--synthetic-input-tokens-mean", 16, "--output-tokens-mean", TOKENS, "--workers-max", 1),
        *("--extra-inputs", "ignore_eos:true", "--ui", "none", "--artifact-dir", folder),
        *("--no-gpu-telemetry", "--no-server-metrics", *words),
    )
    return json.loads((folder / "profile_export_aiperf.json").read_text()), said


def finished(document):
    count = document["request_count"]["avg"]
    assert count == REQUESTS, document["request_count"]
    return f"{count:g} requests"


@check("text")
def text():
    return finished(profile(MODEL)[0])


@check("stream")
def stream():
    document, _ = profile(MODEL, "--streaming")
    assert document["time_to_first_token"]["p50"] > 0
    return finished(document)


@check("image")
def image():
    document, _ = profile(MODEL, "--image-width-mean", 64, "--image-height-mean", 64)
    return finished(document)


@check("error")
def error():
    try:
        document, said = profile(NO_MODEL)
        said += json.dumps(document)
    except RuntimeError as failed:
        said = str(failed)
    assert "inference request(s) failed" in said, said[-500:]
    return "all requests failed: it does not show the words of errors"
