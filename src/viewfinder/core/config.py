"""All settings, with named defaults; flag > environment (`VIEWFINDER_PORT`) > `viewfinder.toml`.

Built once by `api`, which passes them to every room that needs them.
"""

import os
import re
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from viewfinder.core.errors import BadRequest

MIB = 1024 * 1024
LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")


class _Frozen(BaseModel):
    """Data that never changes once it is read, and in which a misspelt field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Limits(_Frozen):
    """Limits that are checked before any work is done."""

    body_bytes: int = Field(64 * MIB, gt=0)
    images: int = Field(16, gt=0, description="images in one request")
    pixels: int = Field(50_000_000, gt=0, description="pixels of one image, read from its header")
    messages: int = Field(512, gt=0)
    output_tokens: int = Field(16_384, gt=0, description="the highest max_tokens that is accepted")
    receive_timeout_s: float = Field(30.0, gt=0, description="for the whole body of a request to arrive")
    decode_timeout_s: float = Field(20.0, gt=0, description="for one image to be decoded")


class EngineSettings(_Frozen):
    """The settings that an engine is started with."""

    context_tokens: int = Field(4096, gt=0)
    slots: int = Field(2, gt=0, description="requests that one server process answers at the same time")
    threads: int = Field(0, ge=0, description="0: the number of physical cores")
    start_timeout_s: float = Field(
        120.0, gt=0, description="a start that shows no progress for this long has failed"
    )
    image_tokens: int = Field(0, ge=0, description="the most tokens for one image; 0: the model's default")
    remote_code: tuple[str, ...] = Field(
        (), description="models whose publisher's Python code may run, at the commit that their card pins"
    )
    llama_server: Path | None = Field(
        None, description="path of a native llama-server, used instead of the wheel's llama.cpp"
    )


class EngineChanges(_Frozen):
    """The settings of one model's engine that differ from `[engine]`; None: the same."""

    context_tokens: int | None = Field(None, gt=0)
    slots: int | None = Field(None, gt=0)
    threads: int | None = Field(None, ge=0)
    start_timeout_s: float | None = Field(None, gt=0)
    image_tokens: int | None = Field(None, ge=0)


class FleetSettings(_Frozen):
    """How server processes are scheduled, watched and restarted."""

    memory_budget_gb: float = Field(
        0.0, ge=0, description="for all models together; 0: 80 % of this computer's memory"
    )
    idle_unload_s: float = Field(
        0.0, ge=0, description="unload a model that was idle for this long; 0: never"
    )
    pinned: tuple[str, ...] = Field((), description="models that are never unloaded to make room")
    queue_per_model: int = Field(256, gt=0, description="requests that may wait for one model")
    queue: int = Field(512, gt=0, description="requests that may wait for all models together")
    drain_s: float = Field(
        10.0, ge=0, description="for answers in progress to finish before they are cut off"
    )
    deaths: int = Field(
        5, gt=0, description="after this many deaths within deaths_within_s, give up on the model"
    )
    deaths_within_s: float = Field(60.0, gt=0)
    stable_s: float = Field(10.0, gt=0, description="once up for this long, earlier deaths no longer count")
    canary: bool = Field(True, description="keep checking each model with known images")
    canary_idle_s: float = Field(60.0, gt=0, description="run the canary when idle for this long")
    canary_requests: int = Field(50, gt=0, description="run the canary after this many answers")
    stall_factor: float = Field(
        3.0, gt=1, description="silence of this many times the expected time is suspicious"
    )
    stall_floor_s: float = Field(5.0, gt=0, description="a shorter silence is never suspicious")


class LocalModel(_Frozen):
    """A model from files on disk."""

    model: Path
    mmproj: Path | None = None
    engine: str = Field("", description="empty: the one for this kind of file")


class RunningServer(_Frozen):
    """An OpenAI-compatible server that Viewfinder did not start and never stops."""

    base_url: str = Field(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$")
    model: str = Field(min_length=1, description="the model's name on that server")
    api_key: SecretStr | None = None
    vision: bool = True
    text: bool = True

    @property
    def root(self) -> str:
        """The address without the path of the API (`/v1`, `/v1/chat/completions`) at its end."""
        return re.sub(r"(/v1)?(/chat/completions)?/*$", "", self.base_url)


class Settings(BaseSettings):
    """The settings of one invocation."""

    model_config = SettingsConfigDict(
        env_prefix="VIEWFINDER_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535, description="0: any free port")
    strict_port: bool = False
    api_key: SecretStr | None = Field(None, description="required for any bind that is not loopback")
    allowed_hosts: tuple[str, ...] = Field(
        (), description="Host headers that are accepted besides loopback names"
    )
    allowed_origins: tuple[str, ...] = Field(
        (), description="browser origins that are accepted besides our own"
    )
    limits: Limits = Limits()
    engine: EngineSettings = EngineSettings()
    engine_for: dict[str, EngineChanges] = Field(
        default_factory=dict, description="model > what differs from [engine] for it"
    )
    fleet: FleetSettings = FleetSettings()
    models: dict[str, LocalModel] = Field(default_factory=dict)
    endpoints: dict[str, RunningServer] = Field(default_factory=dict)
    variants: dict[str, str] = Field(
        default_factory=dict,
        description="model > variant, where it is not to be the one chosen for this machine",
    )

    def engine_of(self, model: str) -> EngineSettings:
        """The settings that this model's engine is started with."""
        changes = self.engine_for.get(model, EngineChanges())
        return self.engine.model_copy(update=changes.model_dump(exclude_none=True))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = TomlConfigSettingsSource(settings_cls, toml_file=config_file())
        return init_settings, env_settings, file


def config_file() -> Path:
    """`VIEWFINDER_CONFIG`, or `viewfinder.toml` in the working folder."""
    return Path(os.environ.get("VIEWFINDER_CONFIG", "viewfinder.toml"))


def load_settings(**flags: object) -> Settings:
    """The settings of this invocation; flags that are None were not given.

    Raises BadRequest, naming the setting, when a value is not valid.
    """
    given = {key: value for key, value in flags.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadRequest(
            f"The setting '{place}' is not valid: {first['msg']}.",
            hint=f"Fix it on the command line, in VIEWFINDER_{place.upper().replace('.', '__')} "
            f"or in {config_file()}.",
            param=place,
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"{config_file()} is not valid TOML: {error}.") from None
    except SettingsError as error:  # not JSON, where a list or table is expected
        raise BadRequest(
            f"A VIEWFINDER_ variable is not valid: {error}.", hint="Write lists and tables as JSON."
        ) from None
    except OSError as error:
        raise BadRequest(f"{config_file()} cannot be read: {error.strerror}.") from None
