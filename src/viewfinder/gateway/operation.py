"""What one path and method of the API does, for its OpenAPI document; made by `openapi` and beside it."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from viewfinder.wire.reply_types import ErrorBody


@dataclass(frozen=True)
class Operation:
    """What one path does: `reply` is a type of JSON or a media type; `errors` come on top of EVERYWHERE, and
    `error` is how they look. The `events` of a stream have names of their own or, as OpenAI's, none and a
    [DONE] behind them."""

    summary: str
    reply: type[Any] | str
    errors: tuple[int, ...] = ()
    parameter: str = ""
    request: type[BaseModel] | None = None
    events: tuple[type[BaseModel], ...] = ()
    have_names: bool = False
    error: type[BaseModel] = ErrorBody
    method: str = "get"
    queries: tuple[tuple[str, dict[str, Any]], ...] = ()
