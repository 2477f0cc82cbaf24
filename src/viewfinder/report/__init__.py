"""Turns stored results into the reference guide; pure: never runs a model, never reads a clock."""
