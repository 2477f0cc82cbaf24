"""Runs `viewfinder` commands, each in a fork with an environment of its own, because a start takes a second.

Reads JSON lines {words, environment, folder}, and answers each with {code, out, err}. With "removed" the
folder is gone, with "nameless" the user has no entry. Modes of files stop the administrator, too.
"""

import ctypes
import gc
import json
import os
import pwd
import signal
import sys
import tempfile
import traceback
from typing import Any, NoReturn

import viewfinder.api.doctor
import viewfinder.api.exporting
import viewfinder.api.logs
import viewfinder.api.measuring
import viewfinder.api.model
import viewfinder.api.serving  # noqa: F401
from viewfinder.cli.main import main

PATIENCE_S = 20
CAPABILITIES_3 = 0x20080522
"""Of capset(2): the version of its arguments."""


def give_up_powers() -> None:
    """An administrator may write everywhere, so that no test of a refusal would hold for one."""
    if os.getuid() == 0 and sys.platform == "linux":
        header, none = (ctypes.c_uint32 * 2)(CAPABILITIES_3, 0), (ctypes.c_uint32 * 6)()
        assert ctypes.CDLL(None).capset(header, none) == 0


def nameless(_: int) -> NoReturn:
    raise KeyError("no entry")


def run(order: dict[str, Any], out: int, err: int) -> int:
    """In the fork: become the command."""
    signal.alarm(PATIENCE_S)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    if order.get("removed"):
        os.rmdir(order["folder"])  # noqa: PTH106
    if order.get("nameless"):
        pwd.getpwuid = nameless
    give_up_powers()
    sys.argv = ["viewfinder", *order["words"]]
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    return 70


def answer(order: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if not pid:
            code = run(order, out.fileno(), err.fileno())
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        said = []
        for stream in (out, err):
            stream.seek(0)
            said.append(stream.read().decode("utf-8", "replace"))
    return {"code": code, "out": said[0], "err": said[1]}


if __name__ == "__main__":
    gc.collect()
    gc.freeze()  # or each fork would look through what it was given
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
