"""Whatever a shell, a service or a container hands to a command, it says one sentence (row 18)."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from viewfinder.core import variables
from viewfinder.core.config import Settings

CHILD = Path(__file__).parents[1] / "children" / "runs_commands.py"
VALUES = "0 -1 1 nan 1e400 true abc é [] {} [1] tcp://10.0.0.1:80 http:// socks5://h:1 :// % $HOME"
PATHS = "~ ~/x ~nobody_here/x . .. x/y /dev/null /dev/zero /proc/self/mem /proc/none/x"
BAD_TEXTS = ("", " ", "a\nb", "\x1b[31m", "x" * 5000, "\udcff", '{"a": {"b": 1}}')
ANY = (*VALUES.split(), *PATHS.split(), *BAD_TEXTS)
"""Values that people, shells and orchestrators put into variables."""
FOLDERS = ("HOME", "VIEWFINDER_HOME", "VIEWFINDER_CONFIG", "TMPDIR", "PWD", "HF_HOME", "HF_HUB_CACHE")
FOLDERS += ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "PATH", "SSL_CERT_FILE")
COLOR = re.compile(r"\x1b\[[0-9;]*m")
OTHERS = ("LANG", "LC_ALL", "TERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TZ", "USER", "SHELL")
OTHERS += ("HTTP_PROXY", "https_proxy", "ALL_PROXY", "NO_PROXY", "HF_ENDPOINT", "HF_TOKEN", "HF_HUB_OFFLINE")
OTHERS += ("HF_HUB_ETAG_TIMEOUT", "OMP_NUM_THREADS", "TTY_COMPATIBLE", "VIEWFINDER_")
OTHERS += ("VIEWFINDER_ENDPOINT_KEY", "VIEWFINDER_PROT", "viewfinder_port", "VIEWFINDER_ENGINE__SLOT")
NAMES = (*FOLDERS, *OTHERS, *variables._names(Settings))
COMMANDS = [
    words.split()
    for words in (
        *("models", "models glimpse --json", "ps", "results", "guide", "events", "suspects", "logs glimpse"),
        *("export", "ask glimpse /dev/zero What", "ask nonesuch What", "stop glimpse", "serve nonesuch"),
        *("bench nonesuch", "pull nonesuch", "guide -o /proc/none/guide.md", "--version", "--help"),
    )
]
SENTENCES = 6
"""The most lines of an error: its sentence, its hint, and notes on variables."""


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


class Computer:
    """Runs commands in a folder of its own, under any environment."""

    def __init__(self, folder: Path, process: "subprocess.Popen[str]") -> None:
        self.folder = folder
        self._process = process

    def run(self, *words: str, changes: dict[str, str | None], **more: Any) -> Done:
        """With the environment of a plain login, changed: None leaves a variable out."""
        usual = {"PATH": os.defpath, "HOME": str(self.folder / "user"), "LANG": "C.UTF-8"}
        environment = {name: value for name, value in (usual | changes).items() if value is not None}
        if not environment.get("HOME") and not more:
            environment["HOME"] = "/proc/none"  # the developer's own, or /, must not be written to
        order = {"words": words, "environment": environment, "folder": str(self.folder / "work")} | more
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return Done(**json.loads(self._process.stdout.readline()))

    def make(self, name: str, mode: int = 0o700) -> Path:
        made = self.folder / name
        made.mkdir()
        made.chmod(mode)
        return made


@pytest.fixture(scope="module")
def starter() -> "Iterator[subprocess.Popen[str]]":
    """The process that runs the commands."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VIEWFINDER_")}
    with subprocess.Popen(
        [sys.executable, str(CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=kept
    ) as process:
        yield process
        process.stdin.close()


@pytest.fixture
def computer(starter: "subprocess.Popen[str]") -> Iterator[Computer]:
    folder = Path(tempfile.mkdtemp(prefix="vf-", dir="/tmp"))
    folder.chmod(0o755)
    made = Computer(folder, starter)
    made.make("user")
    made.make("work")
    yield made
    for kept in folder.rglob("*"):
        if kept.is_dir() and not kept.is_symlink():
            kept.chmod(0o700)
    shutil.rmtree(folder)


def check(done: Done) -> None:
    """Nothing but a usual exit code, and for an error its sentence."""
    said = done.out + done.err
    assert done.code in (0, 1, 2, 3), said
    assert "Traceback" not in said
    assert "internal_error" not in said
    if done.code and "Usage" not in said:
        plain = COLOR.sub("", done.err)  # FORCE_COLOR has it in a pipe, too
        assert "error (" in plain, said
        lines = [line for line in plain.splitlines() if " WARNING " not in line]
        assert len(lines) <= SENTENCES, done.err


def property_of(examples: int) -> Any:
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


environments = st.dictionaries(st.sampled_from(NAMES), st.one_of(st.none(), st.sampled_from(ANY)), max_size=5)


def _holds(computer: Computer, changes: dict[str, str | None], words: list[str]) -> None:
    check(computer.run(*words, changes=changes))
    assert not (computer.folder / "work" / "~").exists(), "a folder named ~ was made"


@property_of(60)
@given(changes=environments, words=st.sampled_from(COMMANDS))
def test_any_environment_gets_one_sentence(
    computer: Computer, changes: dict[str, str | None], words: list[str]
) -> None:
    _holds(computer, changes, words)


@pytest.mark.soak
@property_of(2000)
@given(changes=environments, words=st.sampled_from(COMMANDS))
def test_two_thousand_environments(
    computer: Computer, changes: dict[str, str | None], words: list[str]
) -> None:
    _holds(computer, changes, words)


@pytest.mark.parametrize("name", FOLDERS)
def test_each_variable_of_a_folder_takes_anything(computer: Computer, name: str) -> None:
    for value in ("", "~", "x/y", "/dev/null", "/proc/none/x", "/proc/self/mem"):
        check(computer.run("models", changes={name: value}))


def test_without_a_home_folder_the_variable_to_set_is_named(computer: Computer) -> None:
    """As in containers that run as a user without an entry: a folder named ~ was made."""
    for chosen in (None, "~/x"):
        changes = {"HOME": None, "VIEWFINDER_HOME": chosen}
        refused = computer.run("models", changes=changes, nameless=True)
        check(refused)
        assert (refused.code, "(no_home)" in refused.err) == (2, True)
        assert "Set VIEWFINDER_HOME" in refused.err
    state = {"HOME": None, "VIEWFINDER_HOME": str(computer.folder / "state")}
    assert computer.run("models", changes=state, nameless=True).code == 0
    assert list((computer.folder / "work").iterdir()) == []


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_home_that_is_its_own_name_gets_one_sentence(computer: Computer, words: list[str]) -> None:
    """What a service writes that sets HOME=~: there is nothing that ~ could stand for."""
    for name in ("VIEWFINDER_CONFIG", "VIEWFINDER_ENGINE__LLAMA_SERVER", "VIEWFINDER_ACCESS_LOG", "HF_HOME"):
        _holds(computer, {"HOME": "~", name: "~/x"}, words)


def test_a_disk_that_is_read_only_is_enough_to_read(computer: Computer) -> None:
    state = computer.make("state")
    changes: dict[str, str | None] = {"VIEWFINDER_HOME": str(state), "TMPDIR": "/proc/none"}
    for made in ("logs", "run"):
        computer.make(f"state/{made}")
    (state / "logs" / "glimpse.log").write_text("a line\n")
    (state / "logs" / "events.jsonl").touch()
    for folder in (state / "logs", state / "run", state):
        folder.chmod(0o500)
    for words in (["models"], ["logs", "glimpse"], ["events"], ["results"]):
        done = computer.run(*words, changes=changes)
        check(done)
        assert done.code == 0, done
    for words, said in (
        (["ps"], "not_running"),
        (["guide"], "no_results"),
        (["serve", "--port", "0"], "system"),
    ):
        done = computer.run(*words, changes=changes)
        check(done)
        assert f"error ({said})" in done.err, done
    missing = computer.run("models", changes={"VIEWFINDER_HOME": str(state / "none")})
    assert missing.code == 0, missing


def test_a_folder_of_another_user_is_refused_in_one_sentence(computer: Computer) -> None:
    if os.getuid() == 0:
        other = computer.make("other", 0o755)
        os.chown(other, 65534, 65534)
        changes: dict[str, str | None] = {"VIEWFINDER_HOME": str(other)}
    else:
        changes = {"VIEWFINDER_HOME": "/usr"}
    for words in (["models"], ["ps"], ["serve", "--port", "0"]):
        done = computer.run(*words, changes=changes)
        check(done)
        assert (done.code, "belongs to another user" in done.err) == (2, True), done


def test_a_folder_that_others_use_is_not_closed_to_them(computer: Computer) -> None:
    """VIEWFINDER_HOME=/tmp, set by an administrator, would have taken /tmp from everybody."""
    shared = computer.make("shared", 0o755)
    for name in ("run", "tmp"):  # as / has them
        computer.make(f"shared/{name}")
    done = computer.run("models", changes={"VIEWFINDER_HOME": str(shared)})
    assert (done.code, "unsafe_folder" in done.err) == (2, True), done
    assert shared.stat().st_mode & 0o777 == 0o755
    assert f"{shared}/viewfinder" in done.err


def test_a_working_folder_that_is_gone(computer: Computer) -> None:
    gone = computer.make("gone")
    done = computer.run("models", changes={}, folder=str(gone), removed=True)
    check(done)
    assert done.code == 0
    gone.mkdir()
    relative = computer.run("models", changes={"VIEWFINDER_HOME": "x"}, folder=str(gone), removed=True)
    check(relative)
    assert "no_working_folder" in relative.err


@pytest.mark.parametrize(
    "changes",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "utf-16", "PYTHONOPTIMIZE": "2", "PYTHONSAFEPATH": "1", "COLUMNS": "1"},
    ],
    ids=str,
)
def test_what_python_itself_reads(computer: Computer, changes: dict[str, str]) -> None:
    settings_file = computer.folder / "viewfinder.toml"
    settings_file.write_text('[models.m]\nmodel = "/nonexistent/é\U0001f600.gguf"\n', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "viewfinder", "ask", "m", "é?"],
        env={**os.environ, "VIEWFINDER_CONFIG": str(settings_file), **changes},
        capture_output=True,
        check=False,
        timeout=60,
    )
    said = (done.stdout + done.stderr).decode(
        "utf-16" if "utf-16" in changes.values() else "utf-8", "replace"
    )
    assert "Traceback" not in said
    code = (2, "(encoding)") if "LC_ALL" in changes else (1, "(model_missing)")
    assert (done.returncode, code[1] in said) == (code[0], True), said


@pytest.mark.parametrize(
    "changes",
    [
        {"HTTPS_PROXY": "socks5://127.0.0.1:9"},
        {"HTTPS_PROXY": "nonsense://127.0.0.1:9"},
        {"ALL_PROXY": "://"},
        {"https_proxy": "http://[::1"},
        {"SSL_CERT_FILE": "/nonexistent.pem"},
        {"SSL_CERT_FILE": "/dev/null"},
        {"HF_HUB_ETAG_TIMEOUT": "soon"},
        {"HF_TOKEN": "\udcff"},
        {"HF_ENDPOINT": "ftp://x"},
        {"HF_ENDPOINT": "http://[::1"},
        {"HF_HUB_OFFLINE": "yes"},
    ],
    ids=str,
)
def test_a_pull_that_cannot_reach_the_hub(computer: Computer, changes: dict[str, str | None]) -> None:
    done = computer.run("pull", "hf:a/b", changes={"HF_ENDPOINT": "https://127.0.0.1:9"} | changes)
    check(done)
    assert done.code == 1, done
    assert "error (hub_" in done.err


def test_a_model_answers_whatever_else_is_set(computer: Computer) -> None:
    """All of it at once; proxies are not for engines on this computer."""
    odd = ("TMPDIR", "PATH", "PWD", "HF_HOME", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "SSL_CERT_FILE", "SHELL")
    changes: dict[str, str | None] = dict.fromkeys(odd, "/proc/none")
    proxies = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")
    changes |= dict.fromkeys(proxies, "http://127.0.0.1:9")
    changes |= {"LANG": "nonsense", "LC_ALL": "xx_YY.none", "TERM": "", "COLUMNS": "0", "TZ": "Nowhere/None"}
    changes |= {
        "OMP_NUM_THREADS": "abc",
        "NO_PROXY": "[",
        "LLAMA_ARG_N_GPU_LAYERS": "x",
        "HF_TOKEN": "\udcff",
    }
    changes |= {"VIEWFINDER_PORT": "tcp://10.0.0.1:80", "VIEWFINDER_SERVICE_HOST": "10.0.0.1"}
    done = computer.run("ask", "glimpse", "What is 3 plus 4?", changes=changes)
    assert (done.code, done.out) == (0, "7.\n"), done
