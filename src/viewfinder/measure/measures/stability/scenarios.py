"""The names of what the stability measure asks, by which its answers are told apart."""

from collections.abc import Mapping

REFERENCE = "stability/reference"
ONE_BY_ONE = "stability/one by one"
AFTER = "stability/after "
REPEAT = "stability/repeat"
AGAIN = "stability/again"
TOGETHER = "stability/together "
BETWEEN: Mapping[str, str] = {
    "text": "a request without an image",
    "long": "a much longer request",
    "leave": "a client that left in the middle of an answer",
    "broken": "a request that the engine refused",
}
"""What may come between two images, and in words."""
LEFT, BROKEN = "stability/leave", "stability/broken"
PROVOKED = (LEFT, BROKEN, AGAIN)
"""No answer is expected of these; what was asked again is no news."""
