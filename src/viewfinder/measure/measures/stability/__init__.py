"""One measure."""
