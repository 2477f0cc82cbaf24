"""Fuzzing, as `make fuzz` starts it.

Usage:
  python -m tests.fuzz [TARGET]...          fuzz; VIEWFINDER_FUZZ_S is the time for all of them together
  python -m tests.fuzz replay TARGET FILE...  run inputs once, without any fuzzer
  python -m tests.fuzz keep [TARGET]...     keep the smallest corpus of all that was found here
"""

import os
import sys
import time
from pathlib import Path

from . import session
from .session import Outcome
from .table import BY_NAME, TARGETS, Target

DEFAULT_S = 600
MOST_KEPT_BYTES = 30_000
"""Of the corpus of one target."""
FINDING = "finding-"
"""How the names of inputs begin that are kept whatever they reach: each has failed once."""
_ROW = "{:13} {:>10} {:>8} {:>6} {:>6} {:>5}  {}"


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["replay"]:
        return replay(BY_NAME[arguments[1]], [Path(name) for name in arguments[2:]])
    if arguments[:1] == ["keep"]:
        return keep(_chosen(arguments[1:]))
    return fuzz(_chosen(arguments))


def fuzz(targets: tuple[Target, ...]) -> int:
    share_s = max(1, int(os.environ.get("VIEWFINDER_FUZZ_S") or DEFAULT_S) // len(targets))
    tool = (
        "atheris, by coverage"
        if session.is_guided()
        else "hypothesis, at random: atheris is not installed here"
    )
    print(f"Fuzzing {len(targets)} targets for {share_s} s each ({tool}). New inputs: {session.WORK}\n")
    print(_ROW.format("target", "executions", "a second", "edges", "grown", "new", "result"), flush=True)
    outcomes: list[Outcome] = []
    for target in targets:
        began_s = time.monotonic()
        outcomes.append(session.fuzz(target, share_s))
        _show(outcomes[-1], time.monotonic() - began_s)
        if outcomes[-1].is_interrupted:
            break
    failed = [outcome for outcome in outcomes if not outcome.is_good]
    for outcome in failed:
        _explain(outcome)
    total = sum(outcome.executions for outcome in outcomes)
    print(f"\n{total:,} executions, {len(failed)} of {len(outcomes)} targets with a finding.")
    return 1 if failed else 130 if outcomes[-1].is_interrupted else 0


def replay(target: Target, files: list[Path]) -> int:
    """Each input once; the traceback of the first defect is Python's own."""
    for file in files:
        target.check(file.read_bytes())
        print(f"{file}: good")
    return 0


def keep(targets: tuple[Target, ...]) -> int:
    """Replace the corpus by the smallest one that reaches the same, with every input that failed once."""
    for target in targets:
        found, seeds = session.WORK / target.name, session.WORK / "seeds" / target.name
        session.write_inputs(seeds, target.seeds())
        folders = [folder for folder in (found, target.corpus, seeds) if folder.is_dir()]
        kept = session.smallest_corpus(target, folders, MOST_KEPT_BYTES)
        for file in target.kept():
            if not file.name.startswith(FINDING):
                file.unlink()
        session.write_inputs(target.corpus, kept)
        print(f"{target.name}: {len(kept)} inputs, {sum(map(len, kept)):,} bytes", flush=True)
    return 0


def _chosen(names: list[str]) -> tuple[Target, ...]:
    unknown = set(names) - BY_NAME.keys()
    if unknown:
        raise SystemExit(f"No target is named {', '.join(sorted(unknown))}; there are: {', '.join(BY_NAME)}")
    return tuple(BY_NAME[name] for name in names) or TARGETS


def _show(outcome: Outcome, took_s: float) -> None:
    known, all_of_them = outcome.edges or (0, 0)
    result = "good" if outcome.is_good else "FAILED"
    rate = f"{outcome.executions / max(took_s, 0.1):,.0f}"
    row = (
        outcome.name,
        f"{outcome.executions:,}",
        rate,
        all_of_them or "-",
        all_of_them - known or "-",
        outcome.new_inputs,
    )
    print(
        _ROW.format(*row, "interrupted" if outcome.is_interrupted and outcome.is_good else result), flush=True
    )


def _explain(outcome: Outcome) -> None:
    print(f"\n{outcome.name}: its log is {session.WORK / outcome.name}.log")
    for finding in outcome.findings:
        print(f"  {finding.read_bytes()[:200]!r}")
        print(f"  {sys.executable} -m tests.fuzz replay {outcome.name} {finding}")
    if outcome.broken:
        print(outcome.broken)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
