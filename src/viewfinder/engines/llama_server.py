"""A native `llama-server`, built for this computer; called by `llama_cpp` when the settings name one."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from viewfinder.core.errors import EngineError, EngineMissing
from viewfinder.engines.base import SHARES_CORES, Launch

OLDEST_BUILD = 10434
"""The first that was tried: it listens on a Unix socket and has every option below."""
PATIENCE_S = 20.0
SLOTS = "/slots"
"""Lists the slots of the server, of the wheel's, too."""


def launch(program: Path, options: Mapping[str, Any]) -> Launch:
    """The command for the same options as the child takes.

    Raises EngineMissing when there is no such program, EngineError when it does not run here or is too old.
    """
    argv = [str(program), "--model", options["model"], "--host", options["socket"]]
    argv += ["--ctx-size", str(options["context_tokens"]), "--parallel", str(options["slots"])]
    argv += ["--jinja", "--no-ui", "--offline"]
    # See llama_cpp_child: the host prompt cache is large, and has mixed up images.
    argv += ["--cache-ram", "0"]
    if options["mmproj"]:
        argv += ["--mmproj", options["mmproj"]]
    if options["chat_template"]:
        argv += ["--chat-template", options["chat_template"]]
    if options["threads"]:
        argv += ["--threads", str(options["threads"]), "--threads-batch", str(options["threads"])]
    if options["image_tokens"]:
        argv += ["--image-max-tokens", str(options["image_tokens"])]
    return Launch(tuple(argv), environment(), slots_path=SLOTS, version=version(program))


def environment() -> dict[str, str]:
    """The parent's, without what would make llama.cpp reach a hub or take options from outside."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LLAMA_", "HF_"))}
    return SHARES_CORES | kept | {"HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}


def version(program: Path) -> str:
    """What the program reports; builds from a release report their number. Raises as `launch` does."""
    try:
        done = subprocess.run(
            [program, "--version"],
            env=environment(),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE_S,
            check=False,
        )
    except FileNotFoundError:
        raise EngineMissing(
            f"{program} is not there.", hint="Fix engine.llama_server, or remove it to use the wheel's."
        ) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"{program} does not run here: {error}.") from None
    said = re.search(r"version: (\S+) \((?:build )?(\S+?)[,)]", done.stdout + done.stderr)
    if done.returncode != 0 or said is None:
        raise EngineError(
            f"{program} --version failed (status {done.returncode}).",
            hint="It may be built for another processor; build it here, or use the wheel's.",
        )
    if said[1].isdigit() and int(said[1]) < OLDEST_BUILD:
        raise EngineError(
            f"{program} is build {said[1]}; {OLDEST_BUILD} or later is needed.", hint="Update llama.cpp."
        )
    return f"native {said[1]} ({said[2]})"
