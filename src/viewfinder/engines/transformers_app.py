"""The server app of `transformers serve` with one model loaded; run by `asgi_child` for `transformers`.

It imports nothing of Viewfinder. Where the server deviates from OpenAI's API, its handler is corrected here.
"""

import os
from functools import partial
from typing import Any


def load(options: dict[str, Any]) -> Any:
    """The app, once the model is in memory."""
    import torch
    from transformers import AutoConfig
    from transformers.cli.serving.chat_completion import ChatCompletionHandler
    from transformers.cli.serving.model_manager import ModelManager
    from transformers.cli.serving.server import build_server
    from transformers.cli.serving.utils import GenerationState, Modality

    if options["threads"]:
        torch.set_num_threads(options["threads"])
    torch.seed()  # otherwise every process of torch starts with the same random numbers
    device = best_device(torch)
    os.chdir(options["model"])  # the server would take what follows an "@" in a path for a revision
    trusted = options["remote_code"]
    config = AutoConfig.from_pretrained(".", trust_remote_code=trusted)
    # CPUs emulate float16: measured 4 to 6 times as slow as single precision.
    dtype = "float32" if device == "cpu" and config.dtype == torch.float16 else "auto"
    models = ModelManager(device=device, dtype=dtype, trust_remote_code=trusted, force_model=".")
    (loaded,) = models.loaded_models.values()
    if options["vision"] and models.get_model_modality(loaded.model, loaded.processor) == Modality.LLM:
        raise ValueError("the folder contains no image processor: images would be ignored silently")
    if options["chat_template"]:
        loaded.processor.chat_template = options["chat_template"]
    loaded.model.generate = with_its_tokenizer(loaded.model.generate)
    state = GenerationState()
    worded = with_words(ChatCompletionHandler, partial(options["as_words"], loaded.processor))
    handler = corrected(worded, options["context_tokens"])
    chat = handler(models, state)
    app = build_server(
        models,
        chat,
        completion_handler=None,  # only chat is used
        response_handler=None,
        transcription_handler=None,
        systemone_handler=None,
        generation_state=state,
    )
    counter = counting(handler)(models, state)

    async def count(body: dict[str, Any]) -> dict[str, int]:
        counted: dict[str, int] = await counter.handle_request(body, "")
        return counted

    app.post(options["count_path"])(count)
    return app


def best_device(torch: Any) -> str:
    """One device for the whole model: "auto" would silently move what does not fit to slower ones."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def with_its_tokenizer(generate: Any) -> Any:
    """Stop strings need the tokenizer's vocabulary, and the server passes the processor around it instead."""

    def generated(*arguments: Any, tokenizer: Any = None, **named: Any) -> Any:
        return generate(*arguments, tokenizer=getattr(tokenizer, "tokenizer", tokenizer), **named)

    return generated


def corrected(base: Any, context_tokens: int) -> Any:
    """The server's chat handler, which samples when a request says so and stops where the context is full."""
    from fastapi import HTTPException

    class Handler(base):  # type: ignore[misc]
        def _build_generation_config(self, body: dict[str, Any], *arguments: Any, **named: Any) -> Any:
            config = super()._build_generation_config(body, *arguments, **named)
            # The server turns sampling off at temperature 0, but never on.
            if body.get("temperature", body.get("top_p")):
                config.do_sample = True
            if not any(body.get(name) for name in ("max_tokens", "max_completion_tokens")):
                config.max_new_tokens = context_tokens
            return config

        def _streaming(self, request_id: str, model: Any, *arguments: Any, **named: Any) -> Any:
            self.fit(model, *arguments)
            return super()._streaming(request_id, model, *arguments, **named)

        async def _non_streaming(self, request_id: str, model: Any, *arguments: Any, **named: Any) -> Any:
            self.fit(model, *arguments)
            return await super()._non_streaming(request_id, model, *arguments, **named)

        def fit(self, model: Any, processor: Any, model_id: str, inputs: Any, config: Any) -> None:
            """Refuse a prompt that fills the context; limit the answer to the rest of it."""
            text = model.config.get_text_config()
            most = min(context_tokens, getattr(text, "max_position_embeddings", None) or context_tokens)
            tokens = inputs["input_ids"].shape[-1]
            if tokens >= most:
                refusal = {"type": "exceed_context_size_error", "n_prompt_tokens": tokens, "n_ctx": most}
                raise HTTPException(400, refusal)
            config.max_new_tokens = min(config.max_new_tokens, most - tokens)

    return Handler


def with_words(base: Any, as_words: Any) -> Any:
    """The handler, for which the words of a message are words."""

    class Handler(base):  # type: ignore[misc]
        def get_processor_inputs_from_messages(self, *given: Any, **named: Any) -> Any:
            messages = super().get_processor_inputs_from_messages(*given, **named)
            for message in messages:
                for part in message["content"] if isinstance(message["content"], list) else ():
                    if part["type"] == "text":
                        part["text"] = as_words(part["text"])
            return messages

    return Handler


def counting(base: Any) -> Any:
    """The same handler, which counts the tokens of a prompt that is not a stream, however long it is."""

    class Counter(base):  # type: ignore[misc]
        async def _non_streaming(
            self, request_id: str, model: Any, processor: Any, model_id: str, inputs: Any, *_: Any, **__: Any
        ) -> dict[str, int]:
            return {"input_tokens": int(inputs["input_ids"].shape[-1])}

    return Counter
