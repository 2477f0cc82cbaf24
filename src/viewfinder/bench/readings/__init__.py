"""From exchanges and stamps to figures."""
