"""Which variant suits this machine, which models are up, and which request may use one now."""
