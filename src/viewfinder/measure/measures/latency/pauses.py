"""The pauses before a request, and the scenario of each; used by `ask` and `find`."""

PAUSES_S = (0.2, 2.0)
"""Between an answer and the next question, as people ask: a moment, and long enough for threads and caches to
rest."""
PAUSED = {f"paused/{pause_s:g}": pause_s for pause_s in PAUSES_S}
"""Scenario > the pause before each of its requests, in seconds."""
