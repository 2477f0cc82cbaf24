"""Ten turns about images: what is said, and what it tells of memory."""
