"""Settings, errors, paths and notes: what every room may use; imports nothing of ours."""
