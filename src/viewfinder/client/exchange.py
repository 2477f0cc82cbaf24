"""One request with its time-stamped reply; made by `client/chat`, read by measure and the canary.

The definitions are those of AIPerf and vLLM: TTFT is the time to the first text, E2E to the last byte, ITL
the gaps between texts, and TPOT excludes the first token, whose time includes the prompt.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Exchange:
    """Time stamps are seconds of the monotonic clock, taken when the bytes arrived.

    `token_times_s` has one stamp for each piece of text (most engines send one token per piece);
    `last_token_s` is when the engine reported the end of the answer. A token count is None when the engine
    reported none. `top_tokens` are the likeliest first tokens with their log-probabilities, where the request
    wants them. `error` is empty, or a stable code and a message; the other fields hold what came before.
    """

    started_s: float
    finished_s: float
    first_byte_s: float | None = None
    first_token_s: float | None = None
    last_token_s: float | None = None
    token_times_s: tuple[float, ...] = ()
    text: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    finish_reason: str = ""
    error: str = ""
    timings: dict[str, Any] = field(default_factory=dict)
    top_tokens: tuple[tuple[str, float], ...] = ()

    @property
    def e2e_s(self) -> float:
        """From sending the request to the complete reply."""
        return self.finished_s - self.started_s

    @property
    def ttft_s(self) -> float | None:
        """From sending the request to the first text; None when there was none."""
        return None if self.first_token_s is None else self.first_token_s - self.started_s

    @property
    def itl_s(self) -> tuple[float, ...]:
        """The gaps between one piece of text and the next."""
        return tuple(b - a for a, b in zip(self.token_times_s, self.token_times_s[1:], strict=False))

    @property
    def later_tokens(self) -> int:
        """Tokens after the first stamp: one less than the engine counted, and fewer still when a late reader
        got several pieces at once."""
        return max(0, (self.completion_tokens or 0) - self.token_times_s.count(self.first_token_s or 0.0))

    @property
    def tpot_s(self) -> float | None:
        """Seconds per token after the first; None when there was none, or the engine counted none."""
        if self.first_token_s is None or self.last_token_s is None or not self.later_tokens:
            return None
        return (self.last_token_s - self.first_token_s) / self.later_tokens
