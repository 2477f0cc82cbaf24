"""mlx-vlm's server app with one model loaded; run by `asgi_child` for `mlx`, without Viewfinder's modules."""

import importlib
import secrets
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from functools import partial
from types import SimpleNamespace
from typing import Any

counts: ContextVar[bool] = ContextVar("counts", default=False)
"""Whether the tokens of this request are counted, and no answer is made."""
TEXT_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
"""The model inputs of a prompt without images."""


def load(options: dict[str, Any]) -> Any:
    """The app, once the model is in memory."""
    from mlx_vlm.server import openai

    server: Any = importlib.import_module("mlx_vlm.server.app")  # the package hides it behind its app
    server.ResponseGenerator = with_counts(with_limits(server.ResponseGenerator, options))
    openai._build_gen_args = with_stop_and_seed(openai._build_gen_args)
    # When a conversation grows too long, it would have the model summarize it, unasked.
    openai.compaction._context_limit = lambda config, *, required=True: None
    fix_rotation()
    fix_patch_order()
    _, processor, _ = server.get_cached_model(options["model"], None, model_kind="text_generation")
    as_words = partial(options["as_words"], processor)
    openai._chat_message_to_prompt = with_words(openai._chat_message_to_prompt, as_words)
    add_count(server.app, options["count_path"], openai)
    return server.app


def add_count(app: Any, path: str, openai: Any) -> None:
    """Answer a chat request, which must not be a stream, with the tokens of its prompt."""
    from fastapi import Request

    async def count(body: openai.ChatRequest, request: Request) -> dict[str, int]:
        counts.set(True)
        reply = await openai.chat_completions_endpoint(body, request)
        return {"input_tokens": reply.usage.prompt_tokens}

    app.post(path)(count)


def with_words(read: Any, as_words: Any) -> Any:
    """The words of a message are words, whatever they spell."""

    def worded(message: dict[str, Any]) -> Any:
        content = message.get("content")
        if isinstance(content, str):
            content = as_words(content)
        elif isinstance(content, list):
            content = [
                {**part, "text": as_words(part["text"])} if "text" in part else part for part in content
            ]
        return read({**message, "content": content})

    return worded


def fix_rotation() -> None:
    """Use the base of the rotary position embedding that the model's folder states.

    transformers 5 writes it as `rope_parameters.rope_theta`; most ports look for `rope_theta` alone, and
    use a default of their own when that is missing.
    """
    from mlx_vlm import utils

    read = utils.load_config

    def lifted(*arguments: Any, **named: Any) -> Any:
        config = read(*arguments, **named)
        text = config.get("text_config") or config
        base = (text.get("rope_parameters") or {}).get("rope_theta")
        if base is not None:
            text.setdefault("rope_theta", base)
        return config

    utils.load_config = lifted


def fix_patch_order() -> None:
    """Number the patches of a whole tile in their order.

    The port of Idefics3 and SmolVLM divides in single precision to find each patch's position, which puts
    patch 5 of 12 in a row at 4; it is right for SmolVLM's 32. Without a mask it simply counts.
    """
    from mlx_vlm.models.idefics3.vision import VisionEmbeddings

    look = VisionEmbeddings.__call__

    def counted(self: Any, tiles: Any, patch_attention_mask: Any = None) -> Any:
        whole = patch_attention_mask is None or bool(patch_attention_mask.all())
        return look(self, tiles, None if whole else patch_attention_mask)

    VisionEmbeddings.__call__ = counted


def with_stop_and_seed(build: Any) -> Any:
    """Also pass on `stop`, which the server's chat ignores, and a random seed for each request without one:
    the server would always use 0 (Blaizzy/mlx-vlm 1818)."""

    def built(request: Any, *arguments: Any, **named: Any) -> Any:
        args = build(request, *arguments, **named)
        args.stop = getattr(request, "stop", None) or []
        if "seed" not in request.model_fields_set:
            args.seed = secrets.randbits(32)
        return args

    return built


def with_limits(base: Any, options: dict[str, Any]) -> Any:
    """The server's generator, which stops where the context is full and at a stop string."""
    import mlx.core as mx

    limit, request = options["context_tokens"], threading.local()

    class Generator(base):  # type: ignore[misc]
        def _initialize_model(self) -> None:
            super()._initialize_model()
            if mx.default_device() == mx.Device(mx.cpu):
                # The CPU emulates half precision, which decodes at half the speed.
                self.model.set_dtype(mx.float32)
                mx.eval(self.model.parameters())
            # Moondream's tokenizer has no token to pad with; a single prompt is never padded anyway.
            self.tokenizer.pad_token = self.tokenizer.pad_token or self.tokenizer.convert_ids_to_tokens(0)
            if options["chat_template"]:
                self.processor.chat_template = self.tokenizer.chat_template = options["chat_template"]

        def generate(self, *given: Any, args: Any, **named: Any) -> Any:
            request.args = args
            text = getattr(self.config, "text_config", None) or self.config
            if args.top_k >= getattr(text, "vocab_size", 0):  # all of them: an error to mlx-vlm
                args.top_k = 0
            context, tokens = super().generate(*given, args=args, **named)
            return context, Tokens(tokens, args.stop)

        def _preprocess_request(self, prompt: Any, images: Any = None, *given: Any, **named: Any) -> Any:
            inputs = super()._preprocess_request(prompt, images, *given, **named)
            if images and not any(
                value is not None for name, value in inputs.items() if name not in TEXT_INPUTS
            ):
                raise ValueError("the images did not reach the model: it has no processor for them")
            text = getattr(self.config, "text_config", None)
            most = min(limit, getattr(text, "max_position_embeddings", None) or limit)
            if not counts.get():
                fit(request.args, int(inputs["input_ids"].size), most)
            return inputs

    return Generator


def fit(args: Any, tokens: int, most: int) -> None:
    """Refuse a prompt that fills the context; limit the answer to the rest of it."""
    from mlx_vlm.server.generation import PromptTooLongError

    if tokens >= most:
        raise PromptTooLongError(f"exceed_context_size_error: {tokens} tokens, where {most} fit")
    args.max_tokens = min(args.max_tokens, most - tokens)


def with_counts(base: Any) -> Any:
    """The generator, which makes no answer to a request whose tokens are counted."""

    class Counter(base):  # type: ignore[misc]
        def generate(self, *given: Any, args: Any, **named: Any) -> Any:
            if not counts.get():
                return super().generate(*given, args=args, **named)
            self.wait_until_ready()
            with self._tokenizer_lock:
                inputs = self._preprocess_request(*given, **named, **args.preprocessing_kwargs())
            return SimpleNamespace(prompt_tokens=int(inputs["input_ids"].size)), iter(())

    return Counter


class Tokens:
    """The tokens of one answer, up to the first stop string in its text; the gateway cuts the string off."""

    def __init__(self, tokens: Any, stop: list[str]) -> None:
        self._tokens, self._stop, self._text = tokens, stop, ""

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        token = next(self._tokens)
        self._text += token.text
        if any(string in self._text for string in self._stop):
            self.close()
            token.finish_reason = "stop"
        return token

    def close(self) -> None:
        self._tokens.close()
