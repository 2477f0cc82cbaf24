"""What can be concluded from repeated measurements; pure. Called by `metrics`, `compare` and the measures."""
