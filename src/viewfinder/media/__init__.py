"""Hostile bytes in, one safe image out; the only room that decodes images."""
