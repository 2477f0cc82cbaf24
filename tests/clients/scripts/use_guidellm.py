"""GuideLLM as it comes: a short benchmark with made-up text, streamed."""

import json
import os
import tempfile
from pathlib import Path

from checking import MODEL, NO_MODEL, URL, check
from programs import run

REQUESTS = 3


def benchmark(model):
    """How many requests were answered, and how many were not."""
    file = Path(tempfile.mkdtemp()) / "out.json"
    run(
        *("guidellm", "run", "--backend", f"kind=openai_http,target={URL},model={model}"),
        *("--profile", "kind=synchronous", "--constraint", f"kind=max_requests,count={REQUESTS}"),
        *("--data", "kind=synthetic_text,prompt_tokens=16,output_tokens=8"),
        *("--tokenizer", f"kind=huggingface_auto,model={os.environ['CLIENT_TOKENIZER']}"),
        *("--output", f"kind=json,path={file}", "--disable-progress"),
    )
    return json.loads(file.read_text())["benchmarks"][0]["metrics"]["request_totals"]


@check("stream")
def stream():
    totals = benchmark(MODEL)
    assert totals["successful"] == REQUESTS, totals
    return json.dumps(totals)


@check("error")
def error():
    totals = benchmark(NO_MODEL)
    assert totals["errored"] == REQUESTS, totals
    return json.dumps(totals)
