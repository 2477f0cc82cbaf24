"""Which models exist, where their files are, and what the old report said of them."""
