"""Every field of a chat request that is known here: passed on, ignored or refused, and why.

Read by `extras`, by the schema of requests and by docs/generate/fields.py, which makes docs/fields.md of it.
"""

from dataclasses import dataclass
from typing import Any, Literal

Effect = Literal["passed on", "ignored", "refused"]


@dataclass(frozen=True, slots=True)
class Field:
    """`says` is what it does, why it has no effect, or why it is refused; `instead` what to do then.

    A refused field is ignored with a value of `nothing`, which asks for nothing, or if it is empty.
    """

    name: str
    effect: Effect
    says: str
    instead: str = "Leave it out."
    nothing: tuple[Any, ...] = ()

    def asks_for_nothing(self, value: object) -> bool:
        """Whether the value is empty, or one of `nothing`: true is not 1, as in JSON."""
        return is_empty(value) or any(
            isinstance(value, bool) is isinstance(one, bool) and value == one for one in self.nothing
        )


MOST_CHOICES = 4
"""The largest `n`."""
EMPTY_VALUES: tuple[Any, ...] = (None, "", [], {})


def is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)


_OTHER_SAMPLER = "It is another way to choose tokens."
_SCHEMA = "Use 'response_format' with a JSON schema."
_OFF = "Send 'top_p', 'top_k', 'min_p' or 'typical_p'."

HONORED = (
    Field("model", "passed on", "The model, or an alias of it."),
    Field("messages", "passed on", "The conversation."),
    Field("stream", "passed on", "Sends the answer as it is made."),
    Field("stream_options", "passed on", "`include_usage`: the last chunk has the usage."),
    Field(
        "max_tokens",
        "passed on",
        "The longest answer. More than `limits.output_tokens` is lowered to it, and the header says so.",
    ),
    Field("max_completion_tokens", "passed on", "The newer name of `max_tokens`."),
    Field("temperature", "passed on", "How random the answer is."),
    Field("top_p", "passed on", "Chooses among the likeliest tokens with this probability together."),
    Field("top_k", "passed on", "Chooses among this many tokens; 0 and -1: among all."),
    Field("min_p", "passed on", "Leaves out tokens below this part of the likeliest one's probability."),
    Field("typical_p", "passed on", "Locally typical sampling; 1: off."),
    Field("repeat_penalty", "passed on", "Makes tokens that have occurred less likely; 1: off."),
    Field("presence_penalty", "passed on", "The same, once for a token."),
    Field("frequency_penalty", "passed on", "The same, for each time that a token has occurred."),
    Field("logit_bias", "passed on", "Adds to the logits of tokens, by their number in the vocabulary."),
    Field("ignore_eos", "passed on", "The answer is as long as `max_tokens` allows."),
    Field("seed", "passed on", "The same seed, the same answer; the next choices of `n` get the next seeds."),
    Field("stop", "passed on", "The answer ends before one of these strings."),
    Field("n", "passed on", "That many answers, made one after the other; the prompt counts once."),
    Field("logprobs", "passed on", "The log probability of each token."),
    Field("top_logprobs", "passed on", "And those of this many others; needs `logprobs`."),
    Field("response_format", "passed on", "A JSON schema that the answer fits; see docs/tools.md."),
    Field("tools", "passed on", "Functions that the model may call; see docs/tools.md."),
    Field("tool_choice", "passed on", "Whether it must call one."),
    Field("parallel_tool_calls", "passed on", "false: an answer has one call at most."),
    Field(
        "reasoning_effort",
        "passed on",
        "How much the model thinks, where its template has a place for it or can turn thinking off.",
    ),
    Field("enable_thinking", "passed on", "Whether it thinks, where its template can turn that off."),
    Field("thinking", "passed on", "The same as other APIs say it: the `type` enabled or disabled."),
    Field(
        "max_wait",
        "passed on",
        "Seconds that an answer about images may take: the largest image budget with which it does; see "
        "docs/images.md.",
    ),
)

IGNORED = (
    Field("user", "ignored", "Nothing here depends on who asks, but for the API key."),
    Field("safety_identifier", "ignored", "Nothing here depends on who asks, but for the API key."),
    Field("store", "ignored", "A chat is never kept; POST /v1/responses keeps conversations."),
    Field("metadata", "ignored", "A chat is never kept."),
    Field("service_tier", "ignored", "All requests are served alike; clients take turns."),
    Field("priority", "ignored", "All requests are served alike; clients take turns."),
    Field("moderation", "ignored", "Nothing is moderated."),
    Field("verbosity", "ignored", "No model here has a switch for it."),
    Field("prediction", "ignored", "It only makes answers faster elsewhere."),
    Field("prompt_cache_key", "ignored", "The beginning of a conversation is known again without it."),
    Field("prompt_cache_retention", "ignored", "How long that lasts is for the engine to decide."),
    Field("prompt_cache_options", "ignored", "How long that lasts is for the engine to decide."),
    Field("cache_control", "ignored", "The beginning of a conversation is known again without it."),
    Field("cache_salt", "ignored", "The beginning of a conversation is known again without it."),
    Field("keep_alive", "ignored", "How long a model stays loaded is a setting (`idle_unload_s`)."),
    Field("ttl", "ignored", "How long a model stays loaded is a setting (`idle_unload_s`)."),
    Field("timings_per_token", "ignored", "Times are in /metrics."),
    Field("return_progress", "ignored", "Times are in /metrics."),
    Field("usage", "ignored", "Usage is in every whole reply; for streams send `stream_options`."),
    Field("request_id", "ignored", "The header `x-request-id` is the id of a request."),
    Field("session_id", "ignored", "Nothing is kept between requests."),
    Field("provider", "ignored", "There is one provider: this computer."),
    Field("include_reasoning", "ignored", "What a model thinks is in `reasoning_content`."),
    Field("reasoning", "ignored", "Send `reasoning_effort`."),
    Field("think", "ignored", "Send `enable_thinking`."),
)

REFUSED = (
    Field("grammar", "refused", "A grammar of a client can stop an engine.", _SCHEMA),
    *(
        Field(name, "refused", "It is another server's name for a grammar.", _SCHEMA)
        for name in (
            "json_schema",
            "format",
            "guided_json",
            "guided_regex",
            "guided_choice",
            "guided_grammar",
            "structured_outputs",
        )
    ),
    Field(
        "chat_template",
        "refused",
        "A template is a program that the engine would run.",
        "Send what it should say in 'messages'.",
    ),
    Field(
        "chat_template_kwargs",
        "refused",
        "It can change anything in what the model is told.",
        "To turn thinking on or off, send 'enable_thinking' or 'reasoning_effort'.",
    ),
    *(
        Field(
            name,
            "refused",
            "How images are read is decided here: it can exhaust an engine's memory.",
            "Use an image's 'detail'.",
        )
        for name in ("mm_processor_kwargs", "media_io_kwargs")
    ),
    Field(
        "n_discard", "refused", "It made engines write beyond their memory (CVE-2026-21869).", nothing=(0,)
    ),
    Field("n_keep", "refused", "Nothing of a conversation is dropped here.", nothing=(0,)),
    Field("prompt_embeds", "refused", "An engine would load a client's tensors."),
    *(
        Field(name, "refused", "Models are used as they are.")
        for name in ("lora", "lora_request", "adapters")
    ),
    Field(
        "options",
        "refused",
        "It is a field of Ollama's own API.",
        "Send 'temperature', 'top_k', 'max_tokens' and the like as fields of the request.",
    ),
    Field(
        "extra_body",
        "refused",
        "It is an argument of the Python client, not a field.",
        "Send what it holds as fields of the request.",
    ),
    Field("audio", "refused", "Answers are text."),
    Field("modalities", "refused", "Answers are text.", 'Send ["text"], or leave it out.', (["text"],)),
    Field("functions", "refused", "It is the old form of 'tools'.", "Send 'tools'."),
    Field(
        "function_call", "refused", "It is the old form of 'tool_choice'.", "Send 'tools'.", ("none", "auto")
    ),
    Field("web_search_options", "refused", "Nothing is searched."),
    *(
        Field(name, "refused", "It is a field of other APIs.", "Send it in 'messages'.")
        for name in ("images", "documents")
    ),
    Field(
        "prompt",
        "refused",
        "It is a field of POST /v1/completions.",
        "Send the request there, or write the conversation in 'messages'.",
    ),
    Field(
        "repetition_penalty",
        "refused",
        "Its name here is another.",
        "Send 'repeat_penalty'.",
        (1,),
    ),
    Field("mirostat", "refused", _OTHER_SAMPLER, _OFF, (0,)),
    Field("xtc_probability", "refused", _OTHER_SAMPLER, _OFF, (0,)),
    Field("dynatemp_range", "refused", _OTHER_SAMPLER, _OFF, (0,)),
    Field("dry_multiplier", "refused", _OTHER_SAMPLER, _OFF, (0,)),
    Field("top_n_sigma", "refused", _OTHER_SAMPLER, _OFF, (0, -1)),
    Field("top_a", "refused", _OTHER_SAMPLER, _OFF, (0,)),
    Field("tfs_z", "refused", _OTHER_SAMPLER, _OFF, (1,)),
    Field("use_beam_search", "refused", _OTHER_SAMPLER, _OFF, (False,)),
    Field("best_of", "refused", "No answer is compared with others.", "Send 'n'.", (1,)),
    Field("length_penalty", "refused", "No answer is compared with others.", nothing=(1,)),
    Field("min_tokens", "refused", "An answer ends when the model ends it.", "Send 'ignore_eos'.", (0,)),
    Field("n_predict", "refused", "Its name here is another.", "Send 'max_tokens'.", (-1,)),
    Field("stop_token_ids", "refused", "An answer ends at strings.", "Send 'stop'."),
    Field(
        "include_stop_str_in_output", "refused", "An answer ends before its stop string.", nothing=(False,)
    ),
    Field("skip_special_tokens", "refused", "Answers have no special tokens.", nothing=(True,)),
    Field("spaces_between_special_tokens", "refused", "Answers have no special tokens.", nothing=(True,)),
    Field("add_special_tokens", "refused", "The template decides.", nothing=(False,)),
    Field("return_token_ids", "refused", "Tokens have no numbers here.", "Send 'logprobs'.", (False,)),
    Field("return_tokens", "refused", "Tokens have no numbers here.", "Send 'logprobs'.", (False,)),
    Field("post_sampling_probs", "refused", "Its name here is another.", "Send 'logprobs'.", (False,)),
    Field("prompt_logprobs", "refused", "Only an answer has them.", "Send 'logprobs'.", (0,)),
    Field("separate_reasoning", "refused", "Thoughts are in `reasoning_content`.", nothing=(True,)),
    Field(
        "reasoning_format", "refused", "Thoughts are in `reasoning_content`.", nothing=("auto", "deepseek")
    ),
    Field("echo", "refused", "An answer never repeats its question.", nothing=(False,)),
    Field("add_generation_prompt", "refused", "The template decides.", nothing=(True,)),
    Field(
        "continue_final_message",
        "refused",
        "A last message of the assistant is continued without it.",
        nothing=(False,),
    ),
    Field("cache_prompt", "refused", "The engine always knows the beginning again.", nothing=(True,)),
    Field("id_slot", "refused", "The engine chooses the slot."),
)

FIELDS = (*HONORED, *IGNORED, *REFUSED)
ROWS = {field.name: field for field in FIELDS}

STREAM_OPTIONS = (
    Field("include_obfuscation", "ignored", "Nothing is added to a stream."),
    Field("continuous_usage_stats", "ignored", "A stream has its usage at its end."),
)
"""Of `stream_options`; any other is ignored, too."""

NOT_OF_A_MESSAGE = {
    "images": "Images are parts of a message's 'content'.",
    "image": "Images are parts of a message's 'content'.",
    "image_url": "Images are parts of a message's 'content'.",
    "videos": "Videos are parts of the type 'video_url' in 'content'.",
    "files": "Send a file's text, or its pages as images, in 'content'.",
    "attachments": "Send a file's text, or its pages as images, in 'content'.",
    "documents": "Send a document's text, or its pages as images, in 'content'.",
    "function_call": "Send a call in 'tool_calls'.",
}
"""Keys of a message that are refused, because the answer would be another without them; and what to do. Any
other unknown key of a message has no effect."""

NOT_OF_A_PART = {
    "text": "Send text in a part of the type 'text'.",
    "image": "Send images in parts of the type 'image_url'.",
    "image_url": "Send images in parts of the type 'image_url'.",
    "input_audio": "Send what is said as text.",
    "video": "Send a video in a part of the type 'video_url'.",
    "video_url": "Send a video in a part of the type 'video_url'.",
    "file": "Send a file's text, or its pages as images.",
}
"""The same of a part, where its type has no such key."""
