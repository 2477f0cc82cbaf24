"""One line of the doctor's: what was looked at, how it is, and the command that mends it."""

from dataclasses import dataclass
from typing import Literal

CheckState = Literal["good", "note", "fix"]


@dataclass(frozen=True, slots=True)
class Check:
    """`state`: good; note, works but could be better or should be known; mend, does not work.

    `command` is the one line that mends or betters it; empty where none does.
    """

    about: str
    state: CheckState
    says: str
    command: str = ""


def good(about: str, says: str) -> Check:
    return Check(about, "good", says)


def note(about: str, says: str, command: str = "") -> Check:
    return Check(about, "note", says, command)


def fix(about: str, says: str, command: str = "") -> Check:
    return Check(about, "fix", says, command)
