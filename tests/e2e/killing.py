"""Kills an owner of engines, its warden, or both, at a random moment, and checks what is left; no tests.

Most owners are a small program that owns one child as `serve` owns an engine, in a shape that an engine may
take; each tenth is a real `viewfinder serve` with glimpse. A variable in the environment marks the processes
of a kill, so that none escapes: no session, group or parent is relied on.
"""

import json
import os
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from viewfinder.host.leftovers import sweep
from viewfinder.host.records import MARK
from viewfinder.scenes.drawing import encode_png
from viewfinder.scenes.messages import data_url
from viewfinder.scenes.scene import make_scene

from .conftest import PATIENCE_S, VIEWFINDER, first_document, serving

CHILDREN = Path(__file__).parents[1] / "children"
SHAPES = ("sleeps", "forks_three", "ignores_term", "escapes")
VICTIMS = ("owner", "warden", "both")
KILL = "VIEWFINDER_TEST_KILL"
ALLOWED_S = 2.0


@dataclass(frozen=True)
class Kill:
    """One kill; the same number and seed give the same victim, shape and moment."""

    number: int
    shape: str
    victim: str
    took_s: float
    """Until nothing was left; when both were killed, until the next start had cleaned up."""
    swept: int = 0
    """Processes that were left for the next start."""


def kill_at_a_random_moment(number: int, home: Path) -> Kill:
    """Raises AssertionError, with the number, when a process is left after 2 s."""
    rng = random.Random(f"kill/{number}")
    victim = VICTIMS[(number + number // 4) % 3]
    shape = "serve" if number % 10 == 9 else SHAPES[number % 4]
    here = {KILL: f"{os.getpid()}.{number}"}
    owner = start(shape, home, here)
    try:
        moment = wait_for_a_moment(owner, shape, home, rng)
        warden = warden_of(owner)
        if moment == "up":
            freeze_some(owner, rng)
        if warden is None or victim == "owner":
            return Kill(number, shape, "owner", kill(owner.kill, here))
        mark = {MARK: warden.environ()[MARK]}
        if victim == "warden":
            took_s = kill(warden.kill, mark)  # its owner kills the rest, or restarts it
            return Kill(number, shape, victim, max(took_s, kill(owner.kill, here)))
        began_s = time.monotonic()
        for end in rng.sample((warden.kill, owner.kill), 2):
            end()
        owner.wait()
        left = len(carrying(here))
        start_again(shape, home)
        assert (carrying(here) or carrying(here)) == [], f"kill {number}"
        return Kill(number, shape, victim, time.monotonic() - began_s, left)
    except psutil.NoSuchProcess:  # the warden: its owner was faster
        return Kill(number, shape, "owner", kill(owner.kill, here))
    finally:
        owner.kill()
        owner.communicate()


def start(shape: str, home: Path, here: dict[str, str]) -> subprocess.Popen[str]:
    """An owner of an engine of this shape."""
    words = [*VIEWFINDER, "serve", "--json", "--port", "0", "glimpse"]
    if shape != "serve":
        words = [sys.executable, str(CHILDREN / "owns_a_child.py"), str(home)]
        words += [sys.executable, str(CHILDREN / f"{shape}.py")]
    environment = {**os.environ, "VIEWFINDER_HOME": str(home), **here}
    return subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def wait_for_a_moment(owner: subprocess.Popen[str], shape: str, home: Path, rng: random.Random) -> str:
    """While it starts, just as it starts its engine, or when the engine is up; returns which of them."""
    moment = rng.choice(("starting", "spawning", "up"))
    assert owner.stdout is not None
    if moment == "starting":
        time.sleep(rng.uniform(0, 2.0 if shape == "serve" else 0.4))
    elif moment == "spawning":
        run = home / "run" / str(owner.pid)
        while owner.poll() is None and not any(run.glob("*[0-9].json")):
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.1))
    elif shape == "serve":
        ask(first_document(owner)["url"], wait=rng.random() < 0.5, image=rng.random() < 0.5)
        time.sleep(rng.uniform(0, 0.3))
    else:
        owner.stdout.readline()
        time.sleep(rng.uniform(0, 0.05))
    return moment


def ask(url: str, *, wait: bool, image: bool = False) -> None:
    """Request a long answer, and stop reading at its first byte or before."""
    words = [{"type": "text", "text": "Hello!"}]
    picture = {"type": "image_url", "image_url": {"url": data_url("png", encode_png(make_scene("killing")))}}
    content = [picture, *words] if image else words
    body = {"model": "glimpse", "stream": True, "messages": [{"role": "user", "content": content}]}
    request = urllib.request.Request(  # noqa: S310
        f"{url}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with suppress(TimeoutError):
        urllib.request.urlopen(request, timeout=PATIENCE_S if wait else 0.05).close()  # noqa: S310


def freeze_some(owner: subprocess.Popen[str], rng: random.Random) -> None:
    """In a third of the cases, stop some of the owner's processes first: once they are up, because only Linux
    tells them of its end, and only after they have asked for that."""
    if sys.platform != "linux" or rng.random() > 1 / 3:
        return
    with suppress(psutil.Error):
        for process in psutil.Process(owner.pid).children(recursive=True):
            if rng.random() < 0.5:
                process.suspend()


def warden_of(owner: subprocess.Popen[str]) -> psutil.Process | None:
    with suppress(psutil.Error):
        for child in psutil.Process(owner.pid).children():
            if MARK in child.environ() and any(word.endswith("warden.py") for word in child.cmdline()):
                return child
    return None


def kill(end: Callable[[], None], what: dict[str, str]) -> float:
    """Seconds until no process with the variable is left."""
    began_s = time.monotonic()
    end()
    while True:
        passed_s = time.monotonic() - began_s  # before the check, which takes long on a busy machine
        left = carrying(what) or carrying(what)  # twice, as in host/child
        if not left:
            return passed_s
        assert passed_s < ALLOWED_S, f"{what}: after {passed_s:.1f} s there still are {left}"
        time.sleep(0.01)


def start_again(shape: str, home: Path) -> None:
    """The cleaning up of the next start; after a real `serve`, a real start."""
    if shape == "serve":
        with serving(home, "--port", "0"):
            pass
    else:
        sweep(home)


def carrying(what: dict[str, str]) -> list[psutil.Process]:
    """The processes with this in their environment; zombies have ended."""
    ((name, value),) = what.items()
    found = []
    for pid in psutil.pids():
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if process.environ().get(name) == value and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
