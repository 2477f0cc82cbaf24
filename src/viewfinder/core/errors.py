"""Every error that a user or a client can see; raised everywhere, turned into HTTP by `gateway/problems`.

ViewfinderError
├── BadRequest                 invalid usage or an invalid request             exit 2
│   ├── UnknownModel
│   ├── UnknownAnswer
│   ├── UnknownResponse        none is kept under this id, for this key
│   ├── UnsupportedParameter
│   ├── InvalidImage
│   ├── RequestTooLarge
│   ├── CapabilityMissing      this model cannot do that (no vision, no text)
│   └── ContextExceeded        the conversation is longer than the model's context
├── Unauthorized               the API key is missing or wrong
├── Forbidden                  the Host, Origin or content type is not allowed, or the key may not do it
├── Busy                       try again later
├── MemoryShort                the memory budget has no room for this model
├── NoModelFits                no model here can answer a request to an `auto:` name
├── AlreadyRunning             another Viewfinder owns the state folder        exit 3
├── NotRunning                 no `viewfinder serve` runs
├── PortInUse                  another program listens on the port
├── ModelFilesError            missing, truncated or corrupt files
│   ├── FilesMissing           some are not on this disk, and the hub has them
│   └── HubError               the hub cannot be reached, or refuses them
└── EngineError
    ├── EngineMissing          not installed
    ├── EngineDied             exited or was killed by a signal
    ├── EngineStalled          alive, but no progress
    ├── EngineQuarantined      its canary failed: its answers are not passed on
    ├── ModelFailed            given up after repeated deaths; `viewfinder load` starts it
    ├── EmptyAnswer            an answer without a word
    ├── EngineRefused          answered with an error
    └── PeerRefused            another gateway refused: its own error, passed on
"""

from collections.abc import Mapping
from typing import ClassVar


class ViewfinderError(Exception):
    """An error with a stable `code`, a message that says what happened, and a `hint` for what to do."""

    code: ClassVar[str] = "internal_error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", param: str | None = None, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.param = param
        self.reason = code or self.code
        """The code to show: that of the class, or a narrower one given where it was raised."""

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class BadRequest(ViewfinderError):
    code = "invalid_request"
    exit_code = 2


class UnknownModel(BadRequest):
    code = "model_not_found"


class UnknownAnswer(BadRequest):
    code = "answer_not_found"


class UnknownResponse(BadRequest):
    code = "response_not_found"


class UnsupportedParameter(BadRequest):
    code = "unsupported_parameter"


class InvalidImage(BadRequest):
    code = "invalid_image"


class RequestTooLarge(BadRequest):
    code = "request_too_large"


class CapabilityMissing(BadRequest):
    code = "capability_missing"


class ContextExceeded(BadRequest):
    """The sentence is OpenAI's: clients look for it to shorten a conversation, or to use another model.

    `most` is the context in tokens, None when the engine did not say.
    """

    code = "context_length_exceeded"

    def __init__(self, sent: str = "", most: int | None = None, *, hint: str = "Send less.") -> None:
        limit = f"This model's maximum context length is {most} tokens." if most else ""
        says = f"However, your messages resulted in {sent}." if limit and sent else ""
        super().__init__(
            f"{limit} {says}".strip() or "The conversation is longer than the model's context.",
            hint=hint,
            param="messages",
        )
        self.most = most


class Unauthorized(ViewfinderError):
    code = "invalid_api_key"


class Forbidden(ViewfinderError):
    code = "forbidden"


class Busy(ViewfinderError):
    code = "busy"

    def __init__(self, message: str, *, retry_after_s: float = 1.0, hint: str = "", code: str = "") -> None:
        super().__init__(message, hint=hint, code=code)
        self.retry_after_s = retry_after_s

    @classmethod
    def short_of_descriptors(cls) -> "Busy":
        """For what failed because this process may open no more files and connections."""
        return cls(
            "Viewfinder has too many files and connections open.",
            hint="Retry in a moment, or raise its limit of open files (ulimit -n).",
            code="overloaded",
        )


class MemoryShort(ViewfinderError):
    code = "memory_short"


class NoModelFits(ViewfinderError):
    code = "no_model_fits"


class AlreadyRunning(ViewfinderError):
    code = "already_running"
    exit_code = 3


class NotRunning(ViewfinderError):
    code = "not_running"


class PortInUse(ViewfinderError):
    code = "port_in_use"


class ModelFilesError(ViewfinderError):
    code = "model_files"


class FilesMissing(ModelFilesError):
    """`model` (a card's name or an `hf:` reference) and `variant` (a name or "") are what to pull."""

    code = "model_missing"

    def __init__(self, message: str, model: str, variant: str = "", *, code: str = "") -> None:
        wanted = f"{model} --variant {variant}" if variant else model
        super().__init__(message, hint=f"Run: viewfinder pull {wanted}", code=code)
        self.model = model
        self.variant = variant


class HubError(ModelFilesError):
    code = "hub_error"


class EngineError(ViewfinderError):
    code = "engine_error"


class EngineMissing(EngineError):
    code = "engine_missing"


class EngineDied(EngineError):
    code = "engine_died"


class EngineStalled(EngineError):
    code = "engine_stalled"


class EngineQuarantined(EngineError):
    code = "engine_quarantined"


class ModelFailed(EngineError):
    code = "model_failed"


class EmptyAnswer(EngineError):
    code = "empty_answer"


class EngineRefused(EngineError):
    """`status` is the engine's HTTP status, 0 when there was none; `said` is its error object, and `headers`
    are those of its reply, both untrusted."""

    code = "engine_refused"

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        hint: str = "",
        said: object = None,
        headers: Mapping[bytes, bytes] | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.said = said
        self.headers = headers or {}


class PeerRefused(EngineError):
    """What another gateway refused, as it said it: its `status`, the `kind` of the error, `headers`."""

    code = "peer_refused"

    def __init__(
        self,
        message: str,
        *,
        status: int = 502,
        kind: str = "server_error",
        param: str | None = None,
        code: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, param=param, code=code)
        self.status, self.kind = status, kind
        self.headers = headers or {}
