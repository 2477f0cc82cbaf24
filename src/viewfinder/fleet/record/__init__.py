"""What happened, to be read by people, logs, metrics and bug reports."""
