"""What is shown of llama.cpp's log when a start fails: the line that names the cause."""

import pytest

from viewfinder.engines.llama_cpp_log import is_of_the_files, reason

FAILED = "RuntimeError: Failed to init server, please check the input params."
WRONG_PROJECTOR = f"""loading the llama.cpp library
0.00.000.791 I srv          init: initializing ...
0.00.024.411 I cmn          init: llama threadpool init, n_threads = 1
0.03 E mtmd_init_from_file: error: mismatch between text model (n_embd = 9) and mmproj (n_embd = 8)
hint: you may be using wrong mmproj

0.00.037.996 E srv    load_model: failed to load multimodal model, 'mmproj-other.gguf'
0.00.038.640 E srv          init: exiting due to model loading error
{FAILED}
"""
UNKNOWN = f"""0.00.010.735 E llama_model_load: error loading model: unknown model architecture: 'x'
0.00.010.751 E llama_model_load_from_file_impl: failed to load model
0.00.013.238 E srv    load_model: failed to load model, 'a.gguf'
{FAILED}
"""
NO_MEMORY = f"""E ggml_backend_alloc_buffer: failed to allocate buffer of size 68719476736
E llama_model_load: error loading model: unable to allocate CPU buffer
{FAILED}
"""
ABORTED = """0.00.010.735 I load: x
0.00.010.900 E clip_init: a warning that looks like an error
/build/llama.cpp/ggml/src/ggml.c:1234: GGML_ASSERT(n_dims <= 4) failed
"""


@pytest.mark.parametrize(
    ("log", "says", "for_ever"),
    [
        (
            WRONG_PROJECTOR,
            "mtmd_init_from_file: error: mismatch between text model (n_embd = 9) and mmproj (n_embd = 8)",
            True,
        ),
        (UNKNOWN, "llama_model_load: error loading model: unknown model architecture: 'x'", True),
        (
            NO_MEMORY,
            "ggml_backend_alloc_buffer: failed to allocate buffer of size 68719476736",
            False,
        ),
        (ABORTED, "/build/llama.cpp/ggml/src/ggml.c:1234: GGML_ASSERT(n_dims <= 4) failed", False),
        ("loading the llama.cpp library\n", "", False),
        ("", "", False),
    ],
)
def test_the_cause_is_shown_and_not_what_followed_from_it(log: str, says: str, for_ever: bool) -> None:
    assert reason(log) == says
    assert is_of_the_files(says) == for_ever
