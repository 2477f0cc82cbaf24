"""What repeated measurements allow to be said; pure. Called by metrics, standings and scenarios."""
