"""Every error that a person or a client can meet; raised everywhere, turned into HTTP by `gateway/problems`.

ViewfinderError
├── BadRequest                 the caller's words are wrong                    exit 2
│   ├── UnknownModel
│   ├── UnknownAnswer
│   ├── UnsupportedParameter
│   ├── InvalidImage
│   ├── RequestTooLarge
│   └── CapabilityMissing      this model cannot do that (no vision, no text)
├── Unauthorized               no key, or a wrong one
├── Forbidden                  wrong Host, Origin or content type
├── Busy                       try again later
├── MemoryShort                the memory budget has no room for this model
├── AlreadyRunning             another Viewfinder holds the place              exit 3
├── NotRunning                 there is no `viewfinder serve` to talk to
├── PortInUse                  a foreign program listens there
├── ModelFilesError            missing, truncated or corrupt files
│   ├── FilesMissing           not (all) on this disk, and the hub has them
│   └── HubError               the hub cannot be reached, or does not give them
└── EngineError
    ├── EngineMissing          not installed
    ├── EngineDied             exited or was killed by a signal
    ├── EngineStalled          alive, but no progress
    ├── EngineQuarantined      its canary went wrong: what it says is not passed on
    ├── ModelFailed            died too often: only a person starts it again
    ├── EmptyAnswer            said nothing at all
    └── EngineRefused          answered with an error of its own
"""

from typing import ClassVar


class ViewfinderError(Exception):
    """An error with a stable `code`, one sentence of what happened, and a `hint` that mends it."""

    code: ClassVar[str] = "internal_error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", param: str | None = None, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.param = param
        self.reason = code or self.code
        """The code to show: the class's own, or a narrower one given where it was raised."""

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class BadRequest(ViewfinderError):
    code = "invalid_request"
    exit_code = 2


class UnknownModel(BadRequest):
    code = "model_not_found"


class UnknownAnswer(BadRequest):
    code = "answer_not_found"


class UnsupportedParameter(BadRequest):
    code = "unsupported_parameter"


class InvalidImage(BadRequest):
    code = "invalid_image"


class RequestTooLarge(BadRequest):
    code = "request_too_large"


class CapabilityMissing(BadRequest):
    code = "capability_missing"


class Unauthorized(ViewfinderError):
    code = "invalid_api_key"


class Forbidden(ViewfinderError):
    code = "forbidden"


class Busy(ViewfinderError):
    code = "busy"

    def __init__(self, message: str, *, retry_after_s: float = 1.0, hint: str = "", code: str = "") -> None:
        super().__init__(message, hint=hint, code=code)
        self.retry_after_s = retry_after_s


class MemoryShort(ViewfinderError):
    code = "memory_short"


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
    """`model` and `variant` are what to pull: a card's name or an `hf:` reference, and "" or a name."""

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
    """`status` is the engine's own HTTP status, 0 when there was none; `said` its own error, untrusted."""

    code = "engine_refused"

    def __init__(self, message: str, *, status: int = 0, hint: str = "", said: object = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.said = said
