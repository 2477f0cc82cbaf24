"""OpenAI's decisions API: typed questions, each answered by probabilities of named answers; no I/O."""
