"""The results file: what is in it, how it is read, and what other programs are given of it."""
