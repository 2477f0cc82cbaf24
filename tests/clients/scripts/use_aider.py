"""Aider, one message: it streams, and sends a long system prompt."""

from checking import KEY, MODEL, NO_MODEL, V1, check
from programs import run


def aider(model, *words):
    return run(
        *("aider", "--model", f"openai/{model}", "--openai-api-base", V1, "--openai-api-key", KEY),
        *("--no-git", "--no-auto-commits", "--yes-always", "--no-show-model-warnings", "--no-check-update"),
        *("--no-analytics", "--no-pretty", "--no-gitignore", "--chat-mode", "ask", "--map-tokens", "0"),
        *("--no-show-release-notes", "--no-detect-urls", *words),
    )


def answered(said):
    assert "Tokens:" in said, said[-500:]
    return said.strip().splitlines()[-1]


@check("text")
def text():
    return answered(aider(MODEL, "--no-stream", "--message", "What is 3 plus 4?"))


@check("stream")
def stream():
    return answered(aider(MODEL, "--stream", "--message", "What is 3 plus 4?"))


@check("error")
def error():
    said = aider(NO_MODEL, "--message", "What is 3 plus 4?")
    assert NO_MODEL in said
    assert "There is no model named" in said, said[-500:]
    return "There is no model named"
