"""What happened, for people, logs, metrics and bug reports."""
