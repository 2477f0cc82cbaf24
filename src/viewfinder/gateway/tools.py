"""The tools of a request on one engine: what the engine gets, and the calls in its answer.

Called by `relay`.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from viewfinder.client.chat import CHAT_PATH
from viewfinder.client.endpoint import Endpoint
from viewfinder.core.errors import UnsupportedParameter
from viewfinder.gateway.fitting import ANSWER_FORM, fit_fields
from viewfinder.wire.held_schemas import Held
from viewfinder.wire.pattern_cost import SchemaFault
from viewfinder.wire.tool_calls import CallReader, NoCall
from viewfinder.wire.tool_prompt import fitted

PREFILL = "prefill"
"""In `Endpoint.lacks`: the engine does not continue a last message of the assistant, but answers it."""


class EngineBody:
    """The body for an engine, and where it goes. `ignored` are the names of fields without an effect on this
    engine, `stop` the stop strings to cut at, and `stopped_by` is the one that the engine says it has met."""

    stopped_by: str | None = None

    def __init__(self, body: dict[str, Any], path: str, ignored: list[str]) -> None:
        self.body, self.path, self.ignored = body, path, ignored
        self.stop: list[str] = body.get("stop") or []

    def read(self, raw: dict[str, Any]) -> dict[str, Any]:
        """A reply, or a chunk of one, as `replies` reads it."""
        return raw

    def clean(self, choice: dict[str, Any], part: str) -> None:
        """Called for each choice of the answer, whose words are in this part of it."""

    def continued(self, message: dict[str, Any]) -> None:
        """Called for each message of a whole reply."""


class EngineRequest(EngineBody):
    """A chat request, whose answer is searched for calls.

    Raises UnsupportedParameter for what this engine ignores or gets wrong.
    """

    def __init__(
        self, model: str, body: Mapping[str, Any], endpoint: Endpoint, *, names_its_stop: bool = False
    ) -> None:
        self._model = model
        own = dict(body)
        ignored = fit_fields(own, endpoint)
        parallel = own.pop("parallel_tool_calls", None)
        self._takes_one_call = parallel is False
        fit = fitted(own, endpoint.template)
        fit_body = fit.body
        is_of_llama_cpp = endpoint.template is not None and endpoint.template.is_of_llama_cpp
        if is_of_llama_cpp:
            fit_body = _in_words_of_llama_cpp(fit_body)
        if parallel is not None and fit_body.get("tools") and "parallel_tool_calls" in endpoint.takes:
            fit_body = {**fit_body, endpoint.takes["parallel_tool_calls"]: parallel}
        if names_its_stop and is_of_llama_cpp and fit_body.get("stop"):
            fit_body = {**fit_body, "verbose": True}  # only then does it say which one it has met
        super().__init__(fit_body, CHAT_PATH, ignored)
        self._is_forced = fit.reads not in ("text", "auto")
        self._refuse_what_is_lacking(body, endpoint.lacks)
        self._readers: defaultdict[int, CallReader] = defaultdict(lambda: CallReader(fit.reads, fit.names))
        last = self.body["messages"][-1]
        self.begins_with = (last.get("content") or "") if last["role"] == "assistant" else ""
        """What the answer continues: the text of a last message of the assistant."""

    def read(self, raw: dict[str, Any]) -> dict[str, Any]:
        told = raw.get("__verbose")
        if (
            isinstance(told, dict)
            and told.get("stop_type") == "word"
            and told.get("stopping_word") in self.stop
        ):
            self.stopped_by = told["stopping_word"]
        return raw

    def clean(self, choice: dict[str, Any], part: str) -> None:
        """Find the calls in a choice's text. Raises UnsupportedParameter when one is missing."""
        try:
            self._readers[choice["index"]].rewrite(choice, part)
        except NoCall:
            raise self._no_call() from None
        if self._takes_one_call and (calls := choice[part].get("tool_calls")):
            kept = [call for at, call in enumerate(calls) if not call.get("index", at)]
            choice[part] = {name: choice[part][name] for name in choice[part] if name != "tool_calls"}
            if kept:
                choice[part]["tool_calls"] = kept

    def continued(self, message: dict[str, Any]) -> None:
        """Leave out what the answer continues: llama.cpp repeats it in a whole reply, and not in a stream."""
        if self.begins_with and (text := message.get("content")):
            message["content"] = text.removeprefix(self.begins_with)

    def _refuse_what_is_lacking(self, asked: Mapping[str, Any], lacks: frozenset[str]) -> None:
        """Of the fields that decide the form of the answer; a value without an effect may pass."""
        if PREFILL in lacks and asked["messages"][-1]["role"] == "assistant":
            raise UnsupportedParameter(
                f"The engine of '{self._model}' does not continue a last message of the assistant.",
                hint="End the conversation with a message of the user, or use a variant on llama.cpp.",
                param=f"messages[{len(asked['messages']) - 1}]",
            )
        if self._is_forced and lacks & {"response_format", "tool_choice"}:
            raise self._no_call()
        for name in sorted(lacks & ANSWER_FORM & self.body.keys()):
            if self.body[name] not in (0, False, "auto", "none"):
                raise UnsupportedParameter(
                    f"The engine of '{self._model}' does not support '{name}'.",
                    hint="Leave it out, or use a variant on another engine.",
                    param=name,
                )

    def _no_call(self) -> UnsupportedParameter:
        return UnsupportedParameter(
            f"The engine of '{self._model}' cannot be made to call a tool.",
            hint="Set 'tool_choice' to \"auto\", or use a variant on llama.cpp.",
            param="tool_choice",
        )


def _in_words_of_llama_cpp(body: dict[str, Any]) -> dict[str, Any]:
    """The body, with a schema that llama.cpp's converter means the same by: at most 15 ms for 64 KiB."""
    form = body.get("response_format", {})
    if form.get("type") != "json_schema":
        return body
    try:
        held = Held(form["json_schema"]["schema"]).schema
    except SchemaFault:  # a reference that leads nowhere from a call; the engine says so
        return body
    return {**body, "response_format": {**form, "json_schema": {**form["json_schema"], "schema": held}}}
