"""Other names of models, which the user's settings give them; called by `catalog`, which has the models.

An alias stands for a model's name, for the id of one of its repositories, for an `auto:` name, or for another
alias.
"""

import re
from collections.abc import Callable, Collection, Mapping

from viewfinder.catalog.auto_names import AUTO_NAMES, OWN_PREFIXES
from viewfinder.core.errors import BadRequest
from viewfinder.core.variables import nearest

ALIAS = re.compile(r"(?!hf:)[A-Za-z0-9](?:[A-Za-z0-9._:@+/-]{0,198}[A-Za-z0-9._:@+-])?")
"""Also "openai/gpt-4o": it stands in URLs, and the command line takes no path or repository for one."""


class Aliases:
    """Every alias with what it stands for."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = dict(given)

    def __contains__(self, name: object) -> bool:
        return name in self._given

    def names(self) -> list[str]:
        return list(self._given)

    def meant(self, name: str, models: Collection[str]) -> str:
        """What a name stands for in the end; a model's own name and one that is no alias for themselves."""
        for _ in self._given:  # a loop ends, too
            if name in models or name not in self._given:
                break
            name = self._given[name]
        return name

    def check(self, models: Collection[str], is_known: Callable[[str], bool]) -> None:
        """Raises BadRequest for an alias that leads to no model, or hides one; `is_known` says whether a name
        or the id of a repository is that of a model."""
        for alias in self._given:
            if not ALIAS.fullmatch(alias):
                raise _unfit(
                    alias,
                    f"The alias {alias[:100]!r} is no name that requests can have.",
                    "Use at most 200 letters, digits and . _ : @ + / - and start with a letter or a digit.",
                )
            if alias.startswith(OWN_PREFIXES):
                raise _unfit(
                    alias, f"The alias '{alias}' is a name of Viewfinder's own.", "Choose another name."
                )
            if is_known(alias):
                raise _unfit(
                    alias, f"The alias '{alias}' would hide the model of that name.", "Choose another name."
                )
            self._follow(alias, models, is_known)

    def _follow(self, alias: str, models: Collection[str], is_known: Callable[[str], bool]) -> None:
        passed, name = [alias], self._given[alias]
        while name in self._given:
            passed.append(name)
            if name in passed[:-1]:
                raise _unfit(
                    alias,
                    f"The aliases {' > '.join(passed)} lead in a circle.",
                    "Let one of them name a model.",
                )
            name = self._given[name]
        if name not in AUTO_NAMES and not is_known(name):
            meant = nearest(name, [*models, *self._given, *AUTO_NAMES])
            raise _unfit(
                alias,
                f"The alias '{alias}' stands for {name[:100]!r}, and there is no such model.",
                f"{meant} `viewfinder models` lists the models.".strip(),
            )


def _unfit(alias: str, message: str, hint: str) -> BadRequest:
    return BadRequest(
        message, hint=f"{hint} It is under [aliases] in your settings.", param=f"aliases.{alias}"
    )
