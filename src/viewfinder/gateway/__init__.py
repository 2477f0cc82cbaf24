"""HTTP in, engine, HTTP out: the OpenAI-compatible API, its guards and its one table of errors."""
