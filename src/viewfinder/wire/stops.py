"""Cuts a text before its first stop string, even when it arrives in pieces; called by the gateway's relay.

Engines end the answer there themselves, but some (transformers, mlx-vlm) leave the string in it.
"""

from collections.abc import Sequence


class Stops:
    """The stop strings of one answer. A text that may be the start of one is held back until it is known."""

    def __init__(self, strings: Sequence[str]) -> None:
        self.met: str | None = None
        """The stop string that has occurred first."""
        self._strings = strings
        self._held = ""

    def cut(self, text: str, *, last: bool) -> str:
        """As much of the text as may be sent now; nothing once a stop string has occurred."""
        if self.met is not None:
            return ""
        text = self._held + text
        found = [(at, string) for string in self._strings if (at := text.find(string)) >= 0]
        if found:
            at, self.met = min(found)
            return text[:at]
        held = 0 if last else max((_begun(string, text) for string in self._strings), default=0)
        free, self._held = text[: len(text) - held], text[len(text) - held :]
        return free


def _begun(string: str, text: str) -> int:
    """How many of the string's first characters the text ends with."""
    longest = min(len(string) - 1, len(text))
    return next((count for count in range(longest, 0, -1) if text.endswith(string[:count])), 0)
