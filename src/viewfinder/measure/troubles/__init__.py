"""Faults of a server that continues to answer: how they are provoked, found and reported. Called by the
measures `stability` and `soak`."""
