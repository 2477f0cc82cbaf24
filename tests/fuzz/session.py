"""Fuzzes targets one after the other, each in a process of its own; called by `__main__`.

atheris (libFuzzer) guides by coverage; where it has no wheel, hypothesis changes the known inputs at random.
"""

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .table import Target

ROOT = Path(__file__).parent.parent.parent
WORK = ROOT / ".fuzz"
"""What fuzzing finds on this computer, which git ignores: new inputs, failing ones, logs."""
MOST_MEMORY_MB = 1024
HANG_S = 20
"""An input that takes longer than this ends its target's run."""
GRACE_S = 90.0
"""How much longer than told a process may take: it starts, and reads the corpus."""
INTERRUPTED = 72
"""What libFuzzer exits with after Ctrl-C."""


@dataclass(frozen=True)
class Outcome:
    """What was found of one target; `edges` are those reached by the known inputs, then by all."""

    name: str
    executions: int = 0
    edges: tuple[int, int] | None = None
    new_inputs: int = 0
    findings: tuple[Path, ...] = ()
    broken: str = ""
    """The last lines of a process that failed without an input to blame."""
    is_interrupted: bool = False

    @property
    def is_good(self) -> bool:
        return not (self.findings or self.broken)


def is_guided() -> bool:
    return importlib.util.find_spec("atheris") is not None


def fuzz(target: Target, seconds: int) -> Outcome:
    """Fuzz one target. Ctrl-C ends it with what was found so far."""
    own, seeds, findings = WORK / target.name, WORK / "seeds" / target.name, WORK / "findings"
    for folder in (own, seeds, findings):
        folder.mkdir(parents=True, exist_ok=True)
    write_inputs(seeds, target.seeds())
    before = len(list(own.iterdir()))
    prefix, log = f"{findings}/{target.name}-", WORK / f"{target.name}.log"
    code, is_interrupted = _run(_command(target, seconds, prefix), log, seconds + GRACE_S)
    said = log.read_text(errors="replace")
    outcome = outcome_of(target.name, said, code, len(list(own.iterdir())) - before)
    return replace(outcome, is_interrupted=True, broken="") if is_interrupted else outcome


def outcome_of(name: str, said: str, code: int, new_inputs: int) -> Outcome:
    """What the output of libFuzzer, or of `unguided`, says."""
    edges = [int(found) for found in re.findall(r"^#\d+\s+\w+\s+cov: (\d+)", said, re.MULTILINE)]
    known = re.search(r"^#\d+\s+INITED\s+cov: (\d+)", said, re.MULTILINE)
    runs = re.findall(
        r"^(?:Done (\d+) runs|stat::number_of_executed_units: (\d+)|#(\d+)\s)", said, re.MULTILINE
    )
    findings = tuple(Path(found) for found in re.findall(r"Test unit written to (\S+)", said))
    is_interrupted = code in (INTERRUPTED, -2, 130)
    return Outcome(
        name,
        executions=max((int("".join(count)) for count in runs), default=0),
        edges=(int(known[1]) if known else edges[0], edges[-1]) if edges else None,
        new_inputs=new_inputs,
        findings=findings,
        broken=(said[-1500:] or f"It ended with {code}.")
        if code and not (findings or is_interrupted)
        else "",
        is_interrupted=is_interrupted,
    )


def smallest_corpus(target: Target, folders: Sequence[Path], most_bytes: int) -> list[bytes]:
    """The smallest inputs of these folders that still reach all that they reach, up to a size together."""
    merged = WORK / "merged" / target.name
    merged.mkdir(parents=True, exist_ok=True)
    for file in merged.iterdir():
        file.unlink()
    options = ["-merge=1", "-use_counters=0", f"-max_len={target.most_bytes}"]
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.guided",
        target.name,
        *options,
        str(merged),
        *map(str, folders),
    ]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    if not any(merged.iterdir()):
        raise RuntimeError(f"libFuzzer kept no input of {target.name}")
    kept, size_bytes = [], 0
    for data in sorted((file.read_bytes() for file in merged.iterdir()), key=len):
        size_bytes += len(data)
        if size_bytes <= most_bytes:
            kept.append(data)
    return kept


def write_inputs(folder: Path, inputs: Iterable[bytes]) -> None:
    """Each in a file that is named for its content."""
    folder.mkdir(parents=True, exist_ok=True)
    for data in inputs:
        (folder / hashlib.sha1(data, usedforsecurity=False).hexdigest()[:16]).write_bytes(data)


def _command(target: Target, seconds: int, prefix: str) -> list[str]:
    if not is_guided():
        return [sys.executable, "-m", "tests.fuzz.unguided", target.name, str(seconds), prefix]
    words = WORK / "seeds" / f"{target.name}.dict"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words.split()))
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={target.most_bytes}",
        f"-rss_limit_mb={MOST_MEMORY_MB}",
        f"-timeout={HANG_S}",
        f"-dict={words}",
        f"-artifact_prefix={prefix}",
        "-print_final_stats=1",
    ]
    folders = [WORK / target.name, target.corpus, WORK / "seeds" / target.name]
    return [
        sys.executable,
        "-m",
        "tests.fuzz.guided",
        target.name,
        *options,
        *(str(one) for one in folders if one.is_dir()),
    ]


def _escaped(word: str) -> str:
    return "".join(
        f"\\x{byte:02x}" if byte in b'"\\' or not 32 < byte < 127 else chr(byte) for byte in word.encode()
    )


def _run(command: list[str], log: Path, timeout_s: float) -> tuple[int, bool]:
    """The exit code of a process whose output goes to the log, and whether Ctrl-C ended it."""
    # Random bytes make Python's own hashes differ from run to run, and coverage with them.
    environment = os.environ | {"PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1"}
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with log.open("wb") as output, tempfile.TemporaryDirectory(dir=memory) as scratch:
        environment["TMPDIR"] = scratch
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            return process.wait(timeout_s), False
        except KeyboardInterrupt:
            return _ended(process, 10.0), True
        except subprocess.TimeoutExpired:
            return _ended(process, 0.0), False


def _ended(process: subprocess.Popen[bytes], wait_s: float) -> int:
    try:
        return process.wait(wait_s)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
