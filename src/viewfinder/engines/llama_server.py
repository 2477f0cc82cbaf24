"""A native `llama-server`, built for this computer; called by `llama_cpp` when the settings name one."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from viewfinder.core.errors import EngineError, EngineMissing
from viewfinder.engines import cores
from viewfinder.engines.base import Launch
from viewfinder.engines.environment import inherited
from viewfinder.host.hardware import this_machine

OLDEST_BUILD = 10434
"""The first that was tested: it listens on a Unix socket and has every option below."""
_VERSION_TIMEOUT_S = 20.0
SLOTS_PATH = "/slots"
TEMPLATE_PATH = "/props"
COUNT_PATH, COMPLETION_PATH = "/v1/chat/completions/input_tokens", "/v1/completions"
DECISION_PATH = "/v1/systemone"
"""Of this server, and of the one in the wheel."""
TAKES = {
    "top_k": "top_k",
    "min_p": "min_p",
    "typical_p": "typical_p",
    "repeat_penalty": "repeat_penalty",
    "ignore_eos": "ignore_eos",
    "parallel_tool_calls": "parallel_tool_calls",
    "enable_thinking": "chat_template_kwargs.enable_thinking",
    "reasoning_effort": "chat_template_kwargs.reasoning_effort",
}
"""What it takes beyond OpenAI's fields (`Launch.takes`)."""


def launch(program: Path, options: Mapping[str, Any]) -> Launch:
    """The command for the same options as the child takes.

    Raises EngineMissing when there is no such program, EngineError when it does not run here or is too old.
    """
    argv = [str(program), "--model", options["model"], "--host", options["socket"]]
    argv += ["--ctx-size", str(options["context_tokens"]), "--parallel", str(options["slots"])]
    argv += ["--jinja", "--no-ui", "--offline"]
    # The host prompt cache is large and has mixed up images: see llama_cpp_child.
    argv += ["--cache-ram", "0"]
    if options["mmproj"]:
        argv += ["--mmproj", options["mmproj"]]
    if options["chat_template"]:
        argv += ["--chat-template", options["chat_template"]]
    if options["threads"]:
        argv += ["--threads", str(options["threads"]), "--threads-batch", str(options["threads"])]
    if options["image_tokens"]:
        argv += ["--image-max-tokens", str(options["image_tokens"])]
    argv += _of_options(options)
    return Launch(
        tuple(argv),
        environment(options["threads"]),
        queues_in_order=True,
        slots_path=SLOTS_PATH,
        template_path=TEMPLATE_PATH,
        count_path=COUNT_PATH,
        completion_path=COMPLETION_PATH,
        decision_path=DECISION_PATH,
        version=version(program),
        takes=TAKES,
    )


def _of_options(options: Mapping[str, Any]) -> list[str]:
    """The words for what differs from llama.cpp's own defaults; the user's own come last."""
    cache_type = options["cache_type"]
    words = [] if options["gpu_layers"] == "auto" else ["--gpu-layers", str(options["gpu_layers"])]
    if options["flash_attention"] != "auto":
        words += ["--flash-attn", options["flash_attention"]]
    if cache_type != "f16":
        words += ["--cache-type-k", cache_type, "--cache-type-v", cache_type]
    for name, word in (("batch", "--batch-size"), ("micro_batch", "--ubatch-size")):
        if options[name]:
            words += [word, str(options[name])]
    return [*words, *options["args"]]


def environment(threads: int = 0) -> dict[str, str]:
    """What an engine with this many threads may have of ours, but nothing that makes llama.cpp contact a hub
    or sets its options."""
    kept = inherited(without=("LLAMA_", "HF_"))
    shared = cores.environment(threads, this_machine(), kept)
    return shared | {"HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}


def version(program: Path) -> str:
    """What the program reports; builds from a release report their number. Raises as `launch` does."""
    try:
        done = subprocess.run(
            [program, "--version"],
            env=environment(),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_VERSION_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        raise EngineMissing(
            f"There is no program {program}.",
            hint="Fix engine.llama_server, or remove it to use the llama.cpp that comes with Viewfinder.",
        ) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"{program} cannot be run on this computer: {error}.") from None
    stated = re.search(r"version: (\S+) \((?:build )?(\S+?)[,)]", done.stdout + done.stderr)
    if done.returncode != 0 or stated is None:
        raise EngineError(
            f"{program} --version failed (status {done.returncode}).",
            hint="It may be built for another processor: build it here, or remove engine.llama_server.",
        )
    if stated[1].isdigit() and int(stated[1]) < OLDEST_BUILD:
        raise EngineError(
            f"{program} is build {stated[1]}; {OLDEST_BUILD} or later is needed.", hint="Update llama.cpp."
        )
    return f"native {stated[1]} ({stated[2]})"
