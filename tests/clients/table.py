"""The clients that `make test-clients` runs; docs/clients.md is their table."""

from tests.clients.row import Client, not_applicable

TEXTS_ONLY = "it has texts only"
EVALUATES = "it asks single questions and waits for the whole answer"
MEASURES = "it measures speed: made-up questions, and no second one"

CLIENTS = (
    Client(
        "openai-chat",
        "OpenAI (Python), chat completions",
        "openai",
        "openai",
    ),
    Client(
        "openai-responses",
        "OpenAI (Python), responses",
        "openai",
        "openai",
        also={"decisions": "yes or no and a choice about an image, through /v1/decisions"},
    ),
    Client(
        "anthropic",
        "Anthropic (Python)",
        "anthropic",
        "anthropic",
        also={"count tokens": "through /v1/messages/count_tokens"},
    ),
    Client(
        "litellm",
        "LiteLLM",
        "litellm",
        "litellm",
        also={"responses": "through /v1/responses", "completions": "through /v1/completions"},
    ),
    Client(
        "litellm-proxy",
        "LiteLLM proxy, for OpenAI (Python)",
        "litellm",
        "litellm",
        also={
            "responses": "through /v1/responses",
            "after an error": "the next request after errors: the proxy has not taken the model away",
        },
        timeout_s=240,
    ),
    Client(
        "instructor",
        "Instructor, default mode",
        "instructor",
        "instructor",
    ),
    Client(
        "pydantic-ai",
        "Pydantic AI, default output",
        "pydantic-ai",
        "pydantic-ai-slim",
    ),
    Client(
        "langchain-openai",
        "LangChain",
        "langchain-openai",
        "langchain-openai",
        also={"responses": "through /v1/responses"},
    ),
    Client(
        "openai-npm-chat",
        "OpenAI (JavaScript), chat completions",
        "npm",
        "openai",
    ),
    Client(
        "openai-npm-responses",
        "OpenAI (JavaScript), responses",
        "npm",
        "openai",
    ),
    Client(
        "ai-sdk",
        "AI SDK, `openai(...)` as it comes",
        "npm",
        "ai",
    ),
    Client("ai-sdk-chat", "AI SDK, `openai.chat(...)`", "npm", "ai"),
    Client(
        "ai-sdk-compatible",
        "AI SDK, `openai-compatible`",
        "npm",
        "ai",
    ),
    Client(
        "llama-index",
        "LlamaIndex, `OpenAILike`",
        "llama-index",
        "llama-index-llms-openai-like",
        also={"completions": "its default, through /v1/completions"},
    ),
    Client(
        "llm",
        "llm, with our models in its YAML",
        "llm",
        "llm",
        nos=not_applicable("it offers tools and never requires one; a tiny model answers in words", "tool"),
        also={"tools offered": "an answer to a request with tools"},
    ),
    Client(
        "inspect",
        "Inspect, `openai-api/`",
        "inspect",
        "inspect-ai",
        also={
            "openai/": "an evaluation of images by the other provider",
            "openai/ with responses": "the same through /v1/responses",
        },
    ),
    Client(
        "lm-eval",
        "lm-evaluation-harness, `local-chat-completions`",
        "lm-eval",
        "lm-eval",
        also={"completions": "`local-completions` with texts, through /v1/completions"},
        nos={
            **not_applicable(TEXTS_ONLY, "image"),
            **not_applicable(EVALUATES, "stream", "follow-up", "structured", "tool"),
        },
    ),
    Client(
        "lmms-eval",
        "lmms-eval, `openai`",
        "lmms-eval",
        "lmms-eval",
        nos={
            **not_applicable(EVALUATES, "stream", "follow-up", "structured"),
            **not_applicable("tools come from an MCP server in another of its classes only", "tool"),
        },
        also={
            "async_openai": "an evaluation of images by its other class",
            "long answers": "a task that allows 49152 tokens, as tasks of its own do",
        },
        timeout_s=600,
    ),
    Client(
        "aider",
        "Aider",
        "aider",
        "aider-chat",
        nos={
            **not_applicable("a file is added to its chat in a terminal only", "image"),
            **not_applicable("it has neither schemas nor tools", "structured", "tool"),
            **not_applicable("one message per call here", "follow-up"),
        },
        timeout_s=240,
    ),
    Client(
        "aiperf",
        "AIPerf, with `ignore_eos`",
        "aiperf",
        "aiperf",
        nos=not_applicable(MEASURES, "follow-up", "structured", "tool"),
        timeout_s=400,
    ),
    Client(
        "guidellm",
        "GuideLLM, as it comes",
        "guidellm",
        "guidellm",
        nos={
            **not_applicable("always streamed", "text", "image"),
            **not_applicable(MEASURES, "follow-up", "structured", "tool"),
        },
        timeout_s=240,
    ),
    Client(
        "ollama",
        "Ollama (Python)",
        "ollama",
        "ollama",
        nos=not_applicable(
            "Ollama's own API is not here; ours is another",
            *("text", "image", "stream", "follow-up", "structured", "tool"),
        ),
    ),
    Client(
        "promptfoo",
        "promptfoo, `openai:chat`",
        "promptfoo",
        "promptfoo",
        nos=not_applicable("it waits for whole answers", "stream"),
        timeout_s=240,
    ),
)
