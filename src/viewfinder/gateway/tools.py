"""The tools of a request on one engine: what the engine gets, and the calls in its answer.

Called by `relay`.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from viewfinder.client.endpoint import Endpoint
from viewfinder.core.errors import UnsupportedParameter
from viewfinder.gateway.fitting import ANSWER_FORM, fit_fields
from viewfinder.wire.held_schemas import Held
from viewfinder.wire.pattern_cost import SchemaFault
from viewfinder.wire.tool_calls import CallReader, NoCall
from viewfinder.wire.tool_prompt import fitted

PREFILL = "prefill"
"""In `Endpoint.lacks`: the engine does not continue a last message of the assistant, but answers it."""


class EngineRequest:
    """The body for an engine, and what its answer is searched for. `stop` are the stop strings to cut at.

    Raises UnsupportedParameter for what this engine ignores or gets wrong.
    """

    def __init__(self, model: str, body: Mapping[str, Any], endpoint: Endpoint) -> None:
        self._model = model
        own = dict(body)
        self.ignored = fit_fields(own, endpoint)
        """The names of fields that have no effect on this engine."""
        parallel = own.pop("parallel_tool_calls", None)
        self._takes_one_call = parallel is False
        fit = fitted(own, endpoint.template)
        self.body = fit.body
        if parallel is not None and self.body.get("tools") and "parallel_tool_calls" in endpoint.takes:
            self.body = {**self.body, endpoint.takes["parallel_tool_calls"]: parallel}
        if endpoint.template is not None and endpoint.template.is_of_llama_cpp:
            self.body = _in_words_of_llama_cpp(fit.body)
        self.stop: list[str] = self.body.get("stop") or []
        self._is_forced = fit.reads not in ("text", "auto")
        self._refuse_what_is_lacking(body, endpoint.lacks)
        self._readers: defaultdict[int, CallReader] = defaultdict(lambda: CallReader(fit.reads, fit.names))
        last = self.body["messages"][-1]
        self.begins_with = (last.get("content") or "") if last["role"] == "assistant" else ""
        """What the answer continues: the text of a last message of the assistant."""

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
