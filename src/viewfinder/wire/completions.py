"""OpenAI's older API, POST /v1/completions, in the words of chat completions; called by `chat` through the
gateway.

The prompt travels as one message of the user until the engine gets it, as it is: no chat template is applied.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from pydantic import ValidationError

from viewfinder.core.errors import BadRequest, UnsupportedParameter
from viewfinder.wire.chat import ChatRequest
from viewfinder.wire.completion_types import DEFAULT_TOKENS, CompletionRequest
from viewfinder.wire.dialect import Answer, Dialect, Translated
from viewfinder.wire.fields import is_empty
from viewfinder.wire.outline import Place
from viewfinder.wire.refusals import TEXTS, refusal, require_own_fields, unsupported
from viewfinder.wire.sse import event

AS_IN_CHAT = frozenset(
    {
        "stream",
        "stream_options",
        "max_tokens",
        "temperature",
        "top_p",
        "seed",
        "stop",
        "presence_penalty",
        "frequency_penalty",
        "n",
        "top_k",
        "min_p",
        "typical_p",
        "repeat_penalty",
        "logit_bias",
        "ignore_eos",
    }
)
"""The fields of a chat request that mean the same here."""
OF_CHAT_ONLY = ChatRequest.model_fields.keys() - AS_IN_CHAT - CompletionRequest.model_fields.keys()


class CompletionAnswer(Answer):
    """Writes one reply or one stream; `before` is the prompt if it is to be repeated, `others` as
    `logprobs` of the request."""

    id_prefix = "cmpl-"

    def __init__(self, before: str = "", others: int | None = None) -> None:
        self._before, self._others = before, others
        self._sent: dict[int, int] = {}
        """By choice, how many characters of its text were sent."""

    def whole(self, reply: dict[str, Any]) -> dict[str, Any]:
        choices = [self._choice(choice, choice["message"]) for choice in reply["choices"]]
        return {**reply, "object": "text_completion", "choices": choices}

    def events(self, chunk: dict[str, Any]) -> Iterator[bytes]:
        choices = [self._choice(choice, choice["delta"]) for choice in chunk["choices"]]
        choices = [choice for choice in choices if choice["text"] or choice["finish_reason"] is not None]
        if choices or not chunk["choices"]:
            yield event(orjson.dumps({**chunk, "object": "text_completion", "choices": choices}))

    def _choice(self, choice: Mapping[str, Any], message: Mapping[str, Any]) -> dict[str, Any]:
        index, text = choice["index"], message.get("content") or ""
        before = self._before if index not in self._sent else ""
        at = self._sent.get(index, 0) + len(before)
        self._sent[index] = at + len(text)
        return {
            "text": before + text,
            "index": index,
            "logprobs": self._logprobs(choice.get("logprobs"), at),
            "finish_reason": choice["finish_reason"],
        }

    def _logprobs(self, logprobs: Mapping[str, Any] | None, at: int) -> dict[str, Any] | None:
        if self._others is None or not logprobs:
            return None
        tokens, offsets = logprobs["content"], []
        for token in tokens:
            offsets.append(at)
            at += len(token["token"] or "")
        return {
            "tokens": [token["token"] or "" for token in tokens],
            "token_logprobs": [token["logprob"] for token in tokens],
            "top_logprobs": [
                {top["token"] or "": top["logprob"] for top in token["top_logprobs"][: self._others]}
                for token in tokens
            ]
            if self._others
            else None,
            "text_offset": offsets,
        }


class Completions(Dialect):
    """The dialect."""

    def images(self, value: Any) -> list[Place]:
        return []

    def translate(self, raw: dict[str, Any]) -> Translated:
        given = {name: value for name, value in raw.items() if value is not None}
        require_own_fields(given, TEXTS)
        for name in OF_CHAT_ONLY & given.keys():
            value = given.pop(name)
            if not (is_empty(value) or value is False):
                raise unsupported(name)
        _look_at_prompt(given.get("prompt"), given.get("suffix"))
        own = CompletionRequest.model_fields.keys()
        try:
            request = CompletionRequest.model_validate({name: given[name] for name in given if name in own})
        except ValidationError as error:
            raise refusal(error, given) from None
        _look_at_rest(request, given)
        text = request.prompt if isinstance(request.prompt, str) else request.prompt[0]
        fields = {name: given[name] for name in given if name not in own}
        fields |= {"model": request.model, "messages": [{"role": "user", "content": text}]}
        fields.setdefault("max_tokens", DEFAULT_TOKENS)
        if request.logprobs is not None:
            fields |= {"logprobs": True, "top_logprobs": request.logprobs}
        answer = CompletionAnswer(text if request.echo else "", request.logprobs)
        return Translated(fields, answer, where=_where)


def _where(path: str) -> str:
    if path.startswith("messages"):
        return "prompt"
    return "logprobs" if path == "top_logprobs" else path


def _look_at_prompt(prompt: Any, suffix: Any) -> None:
    """Refuse the prompts of OpenAI's that no engine here takes."""
    if suffix:
        raise UnsupportedParameter(
            "A text is only continued, not filled in.", hint="Leave 'suffix' out.", param="suffix"
        )
    if not isinstance(prompt, list):
        return
    if not prompt:
        raise BadRequest("'prompt' is invalid: it should not be empty.", param="prompt")
    if all(isinstance(item, int | list) for item in prompt):
        raise UnsupportedParameter(
            "A prompt of token ids is not supported.",
            hint="Send the text (lm-eval: tokenized_requests=False).",
            param="prompt",
        )
    if len(prompt) > 1:
        raise UnsupportedParameter(
            f"The request has {len(prompt)} prompts; one is supported.",
            hint="Send a request for each, at the same time if you like.",
            param="prompt",
        )


def _look_at_rest(request: CompletionRequest, given: Mapping[str, Any]) -> None:
    if request.best_of is not None and request.best_of != given.get("n", 1):
        raise UnsupportedParameter(
            "'best_of' is not supported: every answer is given.",
            hint="Leave it out, and ask for several with 'n'.",
            param="best_of",
        )
    if request.echo and request.logprobs is not None:
        raise UnsupportedParameter(
            "'echo' with 'logprobs' is not supported: engines say nothing of the tokens of a prompt.",
            hint="Leave one of them out.",
            param="echo",
        )


def as_chat(raw: dict[str, Any]) -> dict[str, Any]:
    """An engine's completion, or a chunk of one, in the form of a chat completion; what is not one stays as
    it is, for `replies` to refuse."""
    choices = raw.get("choices")
    if not isinstance(choices, list):
        return raw
    return {**raw, "choices": [_as_message(choice) for choice in choices]}


def _as_message(choice: Any) -> Any:
    if not isinstance(choice, dict):
        return choice
    message = {"content": choice.get("text")}
    return {**choice, "message": message, "delta": message, "logprobs": _as_content(choice.get("logprobs"))}


def _as_content(logprobs: Any) -> Any:
    """llama.cpp writes them as in chat; other servers as OpenAI did."""
    if not isinstance(logprobs, dict) or "content" in logprobs:
        return logprobs
    tokens, values = logprobs.get("tokens"), logprobs.get("token_logprobs")
    if not isinstance(tokens, list) or not isinstance(values, list):
        return None
    tops = logprobs.get("top_logprobs")
    tops = tops if isinstance(tops, list) else []
    return {
        "content": [
            {"token": token, "logprob": value, "top_logprobs": _as_list(tops[at] if at < len(tops) else None)}
            for at, (token, value) in enumerate(zip(tokens, values, strict=False))
        ]
    }


def _as_list(top: Any) -> list[dict[str, Any]]:
    known = top if isinstance(top, dict) else {}
    return [{"token": token, "logprob": value} for token, value in known.items()]
