"""What is kept of the lines of a serving engine: its own figures, and how it crashed."""

import pytest

from viewfinder.engines.printed import without_requests

FIGURES = [
    "0.01.356.169 I slot print_timing: id 1 | task 0 | prompt eval time = 9.49 ms / 22 tokens",
    "0.01.356.218 I slot      release: id  1 | task 0 | stop processing: n_tokens = 31, truncated = 0",
    "0.09.172.025 W srv          stop: cancel task, id_task = 0",
    "0.01.972.645 E srv  process_sing: failed to launch slot with task, id_task = 127",
    "0.01.972.563 E unsupported grammar, left recursion detected for nonterminal at index 30",
    "ggml_cuda_host_malloc: failed to allocate 12.00 MiB of memory: out of memory",
    "CUDA error: out of memory",
    "Traceback (most recent call last):",
    '  File "/lib/python3.11/site-packages/torch/nn/modules/module.py", line 17, in forward',
    "/llama.cpp/ggml/src/ggml.c:1234: GGML_ASSERT(n_dims >= 1) failed",
    "terminate called after throwing an instance of 'std::runtime_error'",
    "Segmentation fault (core dumped)",
]


@pytest.mark.parametrize("line", FIGURES)
def test_its_own_figures_are_kept(line: str) -> None:
    kept = without_requests(line)
    assert kept
    assert line.startswith(kept.removesuffix(" ..."))
    assert len(kept) > len(line) / 2


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("WARNING: JSON schema conversion was incomplete: pattern ^secret$ is not supported", ""),
        ("root ::= secret", ""),
        ("secret", ""),
        ("4929 1234 5678 9012", ""),
        ("the prompt is 4929 1234 5678 9012", ""),
        (
            '0.01.1.1 W srv    operator(): got exception: {"error":{"message":"secret"}}',
            'got exception: {"error":{" ...',
        ),
        ("0.01.1.1 E srv    send_error: task id = 1, error: secret 4711", "task id = 1, error: ..."),
        ("0.01.1.1 I srv  update_slots: secret", "update_slots: ..."),
        ("ValueError: secret", "ValueError ..."),
        ("torch.OutOfMemoryError: secret", "torch.OutOfMemoryError ..."),
        ("secret.Error: secret", ""),
        ("  what():  secret", "  what(): ..."),
        ("/a/b.cpp:12: secret", "/a/b.cpp:12: ..."),
        ("Segmentation fault of secret", ""),
    ],
)
def test_what_may_be_a_requests_is_not(line: str, kept: str) -> None:
    assert without_requests(line).endswith(kept)
    assert "secret" not in without_requests(line).replace("secret.Error", "")
    assert "4929" not in without_requests(line)
    assert bool(without_requests(line)) == bool(kept)
