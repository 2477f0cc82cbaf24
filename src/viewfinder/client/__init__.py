"""One streamed OpenAI client, over TCP or a Unix socket; gateway, readiness and measure all use it."""
