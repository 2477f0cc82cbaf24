"""Measures models over HTTP like any client: suite > measure > process > sample > result."""
