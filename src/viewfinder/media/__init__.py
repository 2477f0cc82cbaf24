"""Hostile bytes in, one safe image out; the only place that decodes."""
