"""All settings, with named defaults; flag > environment (`VIEWFINDER_PORT`) > `viewfinder.toml`.

Built once by `api`, read by every room that it is handed to.
"""

import os
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


class Limits(BaseModel):
    """Caps that are checked before any work is done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    body_bytes: int = Field(64 * MIB, gt=0)
    images: int = Field(16, gt=0, description="images in one request")
    pixels: int = Field(50_000_000, gt=0, description="pixels of one image, read from its header")
    messages: int = Field(512, gt=0)
    output_tokens: int = Field(16_384, gt=0, description="the most that max_tokens may ask for")
    receive_timeout_s: float = Field(30.0, gt=0, description="until a request's body must be here")
    decode_timeout_s: float = Field(20.0, gt=0, description="until an image must be decoded")


class EngineSettings(BaseModel):
    """What an engine is started with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    context_tokens: int = Field(4096, gt=0)
    slots: int = Field(2, gt=0, description="requests that one server process answers at once")
    threads: int = Field(0, ge=0, description="0: as many as there are physical cores")
    start_timeout_s: float = Field(120.0, gt=0, description="without any sign of progress")
    image_tokens: int = Field(0, ge=0, description="image budget; 0: the model's own")
    remote_code: tuple[str, ...] = Field(
        (), description="models whose publisher's own Python may run, at the commit that their card pins"
    )
    llama_server: Path | None = Field(None, description="a native llama-server in place of the wheel's")


class EngineChanges(BaseModel):
    """What one model's engine is started with where that differs from `[engine]`; None: as there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    context_tokens: int | None = Field(None, gt=0)
    slots: int | None = Field(None, gt=0)
    threads: int | None = Field(None, ge=0)
    start_timeout_s: float | None = Field(None, gt=0)
    image_tokens: int | None = Field(None, ge=0)


class FleetSettings(BaseModel):
    """How server processes are scheduled, watched and restarted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    memory_budget_gb: float = Field(
        0.0, ge=0, description="for all models together; 0: 80 % of this computer's memory"
    )
    idle_unload_s: float = Field(0.0, ge=0, description="unload a model unused for so long; 0: never")
    pinned: tuple[str, ...] = Field((), description="models that are never unloaded to make room")
    queue_per_model: int = Field(256, gt=0, description="requests that may wait for one model")
    queue: int = Field(512, gt=0, description="requests that may wait for all models together")
    drain_s: float = Field(10.0, ge=0, description="for answers in progress, before what is ended is cut off")
    deaths: int = Field(5, gt=0, description="so many deaths within deaths_within_s: failed, for good")
    deaths_within_s: float = Field(60.0, gt=0)
    stable_s: float = Field(10.0, gt=0, description="up for so long: earlier deaths no longer count")
    canary: bool = Field(True, description="ask known images again and again")
    canary_idle_s: float = Field(60.0, gt=0, description="idle for so long: the canary is asked")
    canary_requests: int = Field(50, gt=0, description="so many answers: the canary is asked")
    stall_factor: float = Field(3.0, gt=1, description="so many times the expected time: suspicious")
    stall_floor_s: float = Field(5.0, gt=0, description="a shorter silence is never suspicious")


class LocalModel(BaseModel):
    """A model from files on disk."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Path
    mmproj: Path | None = None


class RunningServer(BaseModel):
    """An OpenAI-compatible server that runs already and is not ours."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    base_url: str = Field(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$")
    model: str = Field(min_length=1, description="what that server calls it")
    api_key: SecretStr | None = None
    vision: bool = True
    text: bool = True

    @property
    def root(self) -> str:
        """The address without the `/v1` that many give with it."""
        return self.base_url.rstrip("/").removesuffix("/v1")


class Settings(BaseSettings):
    """The settings of one invocation."""

    model_config = SettingsConfigDict(
        env_prefix="VIEWFINDER_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535, description="0: any free port")
    strict_port: bool = False
    api_key: SecretStr | None = Field(None, description="required for any bind that is not loopback")
    allowed_hosts: tuple[str, ...] = Field((), description="Host headers accepted beside loopback names")
    allowed_origins: tuple[str, ...] = Field((), description="browser origins accepted beside our own")
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
        description="model > its variant to use, where not the one chosen for this machine",
    )

    def engine_of(self, model: str) -> EngineSettings:
        """What a model's engine is started with."""
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
    """`VIEWFINDER_CONFIG`, or `viewfinder.toml` of the working folder."""
    return Path(os.environ.get("VIEWFINDER_CONFIG", "viewfinder.toml"))


def load_settings(**flags: object) -> Settings:
    """Settings of this invocation; `flags` that are None were not given.

    Raises BadRequest with the offending key when a value is wrong.
    """
    given = {key: value for key, value in flags.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadRequest(
            f"The setting '{place}' is wrong: {first['msg']}.",
            hint=f"Mend it on the command line, in VIEWFINDER_{place.upper().replace('.', '__')} "
            f"or in {config_file()}.",
            param=place,
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"{config_file()} is not valid TOML: {error}.") from None
    except SettingsError as error:  # not even JSON, where several values are wanted
        raise BadRequest(f"The environment is wrong: {error}.", hint="Lists are written as JSON.") from None
    except OSError as error:
        raise BadRequest(f"{config_file()} cannot be read: {error.strerror}.") from None
