"""Hosts a library's own server app on a private Unix socket; started under the warden by `mlx` and by
`transformers`, whose file beside this one (`options["app"]`) loads the model and gives the app.

A program, not a module of the package: it imports nothing of ours. The model is loaded before the socket
exists, so that an answer of the health path means a loaded model. It ends when the warden ends it.
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

CODE = (".py", ".pyc", ".so", ".dylib")
PLACES = (os.path.abspath, os.path.realpath)
"""The hub's cache is made of links: a file is in a folder by its name or by where it leads."""


def main() -> None:
    options: dict[str, Any] = json.loads(sys.argv[1])
    print(f"loading {options['model']}", flush=True)  # out before the library's long import
    if not options["remote_code"]:
        refuse_code((options["model"], *options["caches"]))
    try:
        app = runpy.run_path(options["app"])["load"](options)
    except BaseException as error:
        traceback.print_exc()
        reason = str(getattr(error, "detail", "") or error or type(error).__name__)
        print(f"The model was not loaded: {' '.join(reason.split())}", file=sys.stderr, flush=True)
        os._exit(1)  # threads of the library may still run, and would delay or spoil the end
    serve(app, Path(options["socket"]))


def refuse_code(folders: tuple[str, ...]) -> None:
    """No Python from a model's repository is run, whatever the library thinks of it.

    mlx-vlm runs a file that the model's config.json names as `model_file`, and trusts the tokenizers of
    some models by itself, without asking.
    """
    places = tuple({f"{place(folder)}{os.sep}" for folder in folders for place in PLACES})
    # A virtual environment may lie in such a folder: what was importable from the start stays so.
    own = tuple(f"{path}{os.sep}" for path in sys.path if path.startswith(places))

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in ("open", "import"):
            return
        file = arguments[event == "import"]
        if not isinstance(file, str) or not file.endswith(CODE):
            return
        paths = [place(file) for place in PLACES]
        if any(path.startswith(places) and not path.startswith(own) for path in paths):
            raise PermissionError(f"{file} is code from a model's repository, and its card allows none")

    sys.addaudithook(hook)


def serve(app: Any, place: Path) -> None:
    """Answer until a signal ends the process."""
    import uvicorn

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield  # SIGTERM ends us at once: there is nothing to say goodbye to

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        place.chmod(0o600)  # before anybody can connect; uvicorn itself would open it to every user
        config = uvicorn.Config(app, log_level="warning", access_log=False)
        Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
