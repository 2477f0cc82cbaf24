"""HTTP in, engine, HTTP out: the OpenAI-compatible surface, its guards and its one table of errors."""
