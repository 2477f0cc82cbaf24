"""The scenarios of the stability measure: the kinds of its requests, by which their answers are sorted."""

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
"""The kinds of requests that may come between two images, in words."""
LEFT, BROKEN = "stability/leave", "stability/broken"
PROVOKED = (LEFT, BROKEN, AGAIN)
"""Requests that need not be answered: their failures are caused by the measure, or counted already."""
