"""One streamed OpenAI client, over TCP or a Unix socket; gateway, readiness and bench all use it."""
