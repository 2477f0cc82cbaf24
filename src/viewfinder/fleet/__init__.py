"""Which variant suits this machine, which model is up, and who may use it now."""
