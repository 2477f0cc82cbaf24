"""Hosts llama.cpp's server on a private Unix socket; started by `llama_cpp` under the warden.

A program, not a module of the package: it imports nothing of Viewfinder, so that a start takes only the
engine's own time. The warden ends it.
"""

import json
import os
import signal
import sys
from typing import Any


def main() -> None:
    options: dict[str, Any] = json.loads(sys.argv[1])
    print("loading the llama.cpp library", flush=True)
    cores = os.sched_getaffinity(0) if sys.platform == "linux" else None
    import xllamacpp  # only now: the first line must be printed before the library is mapped

    if cores:  # OpenMP has bound this thread to the first, which those that read and write would inherit
        os.sched_setaffinity(0, cores)

    os.umask(0o077)  # only this user can open the socket, from its first moment
    try:
        server = xllamacpp.Server(_params(xllamacpp, options))
    except RuntimeError as error:
        sys.exit(str(error))  # the library has printed why
    print(f"listening on {server.listening_address}", flush=True)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        signal.pause()


def _params(xllamacpp: Any, options: dict[str, Any]) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = options["model"]
    if options["mmproj"]:
        params.mmproj.path = options["mmproj"]
    params.hostnames = [options["socket"]]
    params.n_ctx = options["context_tokens"]
    params.n_parallel = options["slots"]
    params.use_jinja = True
    if options["chat_template"]:
        params.chat_template = options["chat_template"]
    if options["threads"]:
        params.cpuparams.n_threads = options["threads"]
        params.cpuparams_batch.n_threads = options["threads"]
    if options["image_tokens"]:
        params.image_max_tokens = options["image_tokens"]
    _set_options(xllamacpp, params, options)
    # The host prompt cache takes up to 8 GiB by default (ggml-org/llama.cpp 25740) and has restored one
    # conversation into another's slot (27148).
    params.cache_ram_mib = 0
    params.ui = False
    params.offline = True
    return params


def _set_options(xllamacpp: Any, params: Any, options: dict[str, Any]) -> None:
    """What differs from llama.cpp's own defaults."""
    layers, flash, cache_type = options["gpu_layers"], options["flash_attention"], options["cache_type"]
    if layers != "auto":
        params.n_gpu_layers = -2 if layers == "all" else layers
    if flash != "auto":
        kind = xllamacpp.llama_flash_attn_type
        is_on = flash == "on"
        params.flash_attn_type = (
            kind.LLAMA_FLASH_ATTN_TYPE_ENABLED if is_on else kind.LLAMA_FLASH_ATTN_TYPE_DISABLED
        )
    if cache_type != "f16":
        params.cache_type_k = params.cache_type_v = getattr(
            xllamacpp.ggml_type, f"GGML_TYPE_{cache_type.upper()}"
        )
    if options["batch"]:
        params.n_batch = options["batch"]
    if options["micro_batch"]:
        params.n_ubatch = options["micro_batch"]


if __name__ == "__main__":
    main()
