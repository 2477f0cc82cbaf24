"""What a request is given where it says nothing: by a model's card, or by the settings; applied by the
gateway, which takes the same values in requests (held by `tests/wire/test_chat.py`)."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class RequestDefaults(BaseModel):
    """Fields of a request for one model; None: what the engine itself does."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: (
        Annotated[tuple[Annotated[str, Field(min_length=1, max_length=256)], ...], Field(max_length=4)] | None
    ) = None
    top_k: Annotated[int, Field(ge=-1, lt=2**31)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    repeat_penalty: Annotated[float, Field(ge=0.1, le=2)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    max_wait: Annotated[float, Field(gt=0, le=86_400)] | None = None

    def given(self) -> dict[str, Any]:
        """Those that are set, as JSON has them."""
        said = {name: value for name, value in self if value is not None}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}

    def over(self, others: "RequestDefaults") -> "RequestDefaults":
        """These, and the others where these say nothing."""
        return others.model_copy(update={name: getattr(self, name) for name in self.given()})
