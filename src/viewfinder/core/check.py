"""One line of `doctor`: what was checked, its state, and the command that fixes it."""

from dataclasses import dataclass
from typing import Literal

CheckState = Literal["good", "note", "fix"]


@dataclass(frozen=True, slots=True)
class Check:
    """`state`: good; note (it works, but could be better or is good to know); fix (it does not work).

    `command` is the command that fixes or improves it, empty when there is none. `step` says what that gains,
    in a sentence, where it is worth doing: `doctor` ends with the three most useful ones.
    """

    about: str
    state: CheckState
    says: str
    command: str = ""
    step: str = ""


def good(about: str, says: str) -> Check:
    return Check(about, "good", says)


def note(about: str, says: str, command: str = "", step: str = "") -> Check:
    return Check(about, "note", says, command, step)


def fix(about: str, says: str, command: str = "", step: str = "") -> Check:
    return Check(about, "fix", says, command, step)
