"""The measures: one folder for each subject; `base` is their contract, `registry` their list."""
