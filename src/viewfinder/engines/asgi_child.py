"""Hosts a library's own server app on a private Unix socket; started under the warden by `mlx` and by
`transformers`, whose file beside this one (`options["app"]`) loads the model and returns the app.

A program, not a module of the package: it imports nothing of Viewfinder. The model is loaded before the
socket exists, so an answer at the health path means that the model is loaded. The warden ends it.
"""

import contextlib
import json
import os
import runpy
import socket
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PYTHON_FILES = (".py", ".pyc", ".so", ".dylib")
SPELLINGS = (os.path.abspath, os.path.realpath)
"""The hub's cache consists of links: a file is in a folder by its own path or by that of its target."""


def main() -> None:
    options: dict[str, Any] = json.loads(sys.argv[1])
    print(f"loading {options['model']}", flush=True)  # before the library's long import
    if not options["remote_code"]:
        refuse_code((options["model"], *options["caches"]))
    try:
        app = runpy.run_path(options["app"])["load"]({**options, "as_words": as_words})
    except BaseException as error:
        traceback.print_exc()
        reason = str(getattr(error, "detail", "") or error or type(error).__name__)
        print(f"The model was not loaded: {' '.join(reason.split())}", file=sys.stderr, flush=True)
        os._exit(1)  # threads of the library may still run, and would delay or spoil the end
    serve(app, Path(options["socket"]))


def as_words(processor: Any, text: str) -> str:
    """The text of a message, with an invisible space within each of the processor's tokens that it spells.

    It would be taken for the place of an image, and be an error where there are fewer images.
    """
    for name, token in vars(processor).items():
        if name.endswith("_token") and isinstance(token, str) and len(token) > 1:
            text = text.replace(token, f"{token[0]}\u200b{token[1:]}")
    return text


def refuse_code(folders: tuple[str, ...]) -> None:
    """Run no Python from a model's repository, whatever the library would allow.

    mlx-vlm runs a file that the model's config.json names as `model_file`, and trusts the tokenizers of
    some models without being told to.
    """
    forbidden = tuple({f"{spelling(folder)}{os.sep}" for folder in folders for spelling in SPELLINGS})
    # A virtual environment may lie in such a folder: what was importable from the start stays importable.
    own = tuple(f"{path}{os.sep}" for path in sys.path if path.startswith(forbidden))

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in ("open", "import"):
            return
        file = arguments[event == "import"]
        if not isinstance(file, str) or not file.endswith(PYTHON_FILES):
            return
        paths = [spelling(file) for spelling in SPELLINGS]
        if any(path.startswith(forbidden) and not path.startswith(own) for path in paths):
            raise PermissionError(f"{file} is code from a model's repository, and its card allows none")

    sys.addaudithook(hook)


def serve(app: Any, path: Path) -> None:
    """Answer requests until a signal ends the process."""
    import uvicorn

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield  # SIGTERM ends the process at once: there is nothing to clean up

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o600)  # before anybody can connect; uvicorn itself would open it to every user
        config = uvicorn.Config(app, log_level="warning", access_log=False)
        Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
