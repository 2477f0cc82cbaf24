"""Measures models over HTTP like any client: suite > scenario > trial > result."""
