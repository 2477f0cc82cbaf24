"""Text of models, engines and servers, made harmless for a terminal; called by `cli`.

An escape sequence can rename the window, clear the screen, or paste and hide commands. Only what controls a
terminal is spelled out: joined emoji and every script stay as they are.
"""

import re

_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # all but tab and line feed; 9B alone begins a sequence, too
    "\u202a-\u202e\u2066-\u2069"  # these change the order in which all that follows is shown
    "\ud800-\udfff]"  # no characters: parts of pairs, and bytes of names that are not UTF-8
)


def harmless(text: str) -> str:
    """The text with every character that controls a terminal spelled out, as \\x1b; line ends become \\n."""
    return _CONTROLS.sub(lambda found: ascii(found.group())[1:-1], text.replace("\r\n", "\n"))
