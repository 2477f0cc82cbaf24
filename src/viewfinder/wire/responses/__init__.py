"""OpenAI's Responses API, translated into chat completions and back; called by the gateway. No I/O."""
