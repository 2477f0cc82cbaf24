"""One line of the doctor's: what was looked at, how it is, and the command that mends it."""

from dataclasses import dataclass
from typing import Literal

State = Literal["good", "note", "mend"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`state`: good; note, works but could be better or should be known; mend, does not work.

    `command` is the one line that mends or betters it; empty where none does.
    """

    about: str
    state: State
    says: str
    command: str = ""


def good(about: str, says: str) -> Finding:
    return Finding(about, "good", says)


def note(about: str, says: str, command: str = "") -> Finding:
    return Finding(about, "note", says, command)


def mend(about: str, says: str, command: str = "") -> Finding:
    return Finding(about, "mend", says, command)
