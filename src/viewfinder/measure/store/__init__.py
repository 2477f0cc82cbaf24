"""The results file: its contents, and how they are written and read."""
