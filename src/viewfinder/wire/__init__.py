"""OpenAI request, reply and chunk types, strict JSON, and server-sent events; no I/O."""
