"""One row of the clients' table: a client, how it is run, and what of it is known not to work, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENVIRONMENTS = ROOT / ".venv-clients"

CHECKS = {
    "text": "a question in words",
    "image": "a question about an image",
    "stream": "the answer as a stream",
    "follow-up": "a second question, the reply object appended as it came",
    "structured": "an answer by a schema",
    "tool": "a tool call, and its result sent back",
    "error": "a model that is not there: the client's own error, with our sentence where it shows any",
}
"""The columns of the table; a client may have checks of its own besides."""

Whose = Literal["ours", "the client's", "not applicable"]


@dataclass(frozen=True, slots=True)
class No:
    """Why a check is not passed."""

    whose: Whose
    why: str


@dataclass(frozen=True)
class Client:
    """A client in the environment `environment`, run by the script of its name in `scripts` or `npm`.

    `package` is the one whose version the table shows. `nos` has the checks that must not pass, those that
    are not applicable among them, which the script leaves out. `also` has the checks of its own, with what
    they are.
    """

    name: str
    title: str
    environment: str
    package: str
    nos: Mapping[str, No] = field(default_factory=dict)
    also: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 120

    @property
    def is_npm(self) -> bool:
        return (HERE / self.environment / "package.json").exists()

    @property
    def left_out(self) -> set[str]:
        """The checks that its script does not have."""
        return {name for name, no in self.nos.items() if no.whose == "not applicable"}

    @property
    def checks(self) -> set[str]:
        """What its script must report."""
        return {*CHECKS, *self.also} - self.left_out


def not_applicable(why: str, *checks: str) -> dict[str, No]:
    return dict.fromkeys(checks, No("not applicable", why))


def ours(why: str, *checks: str) -> dict[str, No]:
    return dict.fromkeys(checks, No("ours", why))


def the_clients(why: str, *checks: str) -> dict[str, No]:
    return dict.fromkeys(checks, No("the client's", why))
