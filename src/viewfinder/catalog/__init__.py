"""Which models exist, where their files are, and the figures of the report that came before."""
