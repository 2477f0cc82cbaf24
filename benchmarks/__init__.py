"""Speed, measured: `make bench`; what was predicted and found is in notes.md."""
