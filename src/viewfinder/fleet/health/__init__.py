"""Whether a server process still works: canary, stalls, memory, and what was learned about each model."""
