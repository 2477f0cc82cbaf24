"""Stored results in, the reference guide out; pure: never runs a model, never reads a clock."""
