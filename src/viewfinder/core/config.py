"""All settings, with named defaults; flag > environment (`VIEWFINDER_PORT`) > `viewfinder.toml`.

Built once by `api`, which passes them to every room that needs them.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from viewfinder.core import variables
from viewfinder.core.cluster_settings import ClusterSettings
from viewfinder.core.coordinates import CoordinateStyle
from viewfinder.core.engine_settings import EngineChanges, EngineSettings
from viewfinder.core.errors import BadRequest
from viewfinder.core.native_build import native_build_in_use
from viewfinder.core.request_defaults import RequestDefaults
from viewfinder.core.settings_files import read_settings, settings_files

MIB = 1024 * 1024
LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
OPEN_SCHEMES = ("http", "https", "ws", "wss", "ftp", "file", "data", "blob", "about")
"""Of which anybody can make pages."""


def _sendable(key: SecretStr) -> SecretStr:
    """A key that a client can send in a header."""
    text = key.get_secret_value()
    if not (text and text.isprintable() and text == text.strip()):
        raise ValueError("no header can have an empty key, one with a line end, or with a blank at its ends")
    return key


def _host_name(name: str) -> str:
    """A name or an address that a Host header can have, without its port."""
    try:
        if ":" in name:
            ipaddress.IPv6Address(name.removeprefix("[").removesuffix("]"))
            return name
    except ValueError:
        pass
    else:
        if re.fullmatch(r"[A-Za-z0-9._-]+", name):
            return name
    raise ValueError(f"{name!r} is no name of a host: leave out http://, the port and the path")


def _origin(origin: str) -> str:
    """What a browser sends as the origin of a page, in any case and perhaps with the page's slash; or the
    scheme of an app's pages, for all of them (`app://`)."""
    if origin.lower() in ("null", "*"):
        raise ValueError(f"{origin!r} would allow pages of anybody: write it like https://example.org:8443")
    parts = re.fullmatch(r"([a-z][a-z0-9+.-]*)://([^\s/?#]*)/?", origin.lower())
    if parts is None:
        raise ValueError(f"{origin!r} is never what a browser sends: write it like https://example.org:8443")
    scheme, host = parts.groups()
    if host in ("", "*") and scheme in OPEN_SCHEMES:
        raise ValueError(f"{origin!r} would allow pages of anybody: only an app's scheme can stand alone")
    if "*" in host and host != "*":
        raise ValueError(f"{origin!r} has a wildcard, which no browser sends: write each origin")
    return origin


def _reachable(url: str) -> str:
    """An address whose host and port can exist; `urlsplit` raises ValueError for one that cannot."""
    parts = urlsplit(url)
    if not parts.hostname or parts.port == 0:
        raise ValueError("it has no host, or a port that nothing can listen on")
    return url


def _log_place(place: str) -> str:
    """A word that looks like a model's name is most likely one: the flag takes the word that follows it."""
    if place in ("", "-", "on") or "/" in place or "." in place:
        return place
    raise ValueError(f"{place!r} is no path: write on, - or a file (./{place})")


ApiKey = Annotated[SecretStr, AfterValidator(_sendable)]


def _database(url: SecretStr) -> SecretStr:
    """A PostgreSQL database, whose password every reader of the address finds; no message has any of it."""
    if not (text := url.get_secret_value()):
        return url
    before, _, rest = text.partition("://")
    if before not in ("postgresql", "postgres") or not text.isprintable():
        raise ValueError("it must begin with postgresql:// (empty: a file of this computer)")
    server, _, path = rest.partition("/")
    if server.count("@") > 1 or "@" in path.partition("?")[0] or set("?#") & set(server):
        raise ValueError("write @, / and other signs of a user's name or password as %40, %2F and so on")
    return url


StoreUrl = Annotated[SecretStr, AfterValidator(_database)]


class _Frozen(BaseModel):
    """Data that never changes once it is read, and in which a misspelt field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False)


class Limits(_Frozen):
    """Limits that are checked before any work is done."""

    body_bytes: int = Field(64 * MIB, gt=0, description="of one request's body")
    text_bytes: int = Field(2 * MIB, gt=0, description="of a request's body without its images")
    images: int = Field(16, gt=0, description="images in one request")
    pixels: int = Field(50_000_000, gt=0, description="pixels of one image, read from its header")
    request_pixels: int = Field(400_000_000, gt=0, description="pixels of all images of one request")
    pixels_together: int = Field(
        1_600_000_000, gt=0, description="pixels of the images of all requests that are not decoded yet"
    )
    encoded_bytes: int = Field(
        64 * MIB, gt=0, description="of the images of one request, as they are sent to the engine"
    )
    held_bytes: int = Field(128 * MIB, gt=0, description="of the bodies and images of all requests together")
    decoders: int = Field(
        0, ge=0, description="processes that decode large images; 0: one for each core, at most 8"
    )
    decode_budget_s: float = Field(
        20.0, gt=0, description="decoder time of late after which a client leaves half of them to others"
    )
    messages: int = Field(512, gt=0, description="messages of one request")
    output_tokens: int = Field(16_384, gt=0, description="what a higher max_tokens is lowered to")
    schema_states: int = Field(
        50_000, gt=0, description="of all JSON schemas of a request, with their repetitions written out"
    )
    schema_ways: int = Field(
        150, gt=0, description="ways through a JSON schema that an engine has to follow at the same time"
    )
    receive_timeout_s: float = Field(30.0, gt=0, description="for the whole body of a request to arrive")
    delivery_timeout_s: float = Field(
        60.0, gt=0, description="for which a client may read nothing of an answer that waits for it"
    )
    connections: int = Field(
        1024, gt=0, description="open at the same time; fewer where the limit of open files is low"
    )
    connections_per_address: int = Field(512, gt=0, description="open at the same time from one address")
    decode_timeout_s: float = Field(20.0, gt=0, description="for one image to be decoded")
    clips: int = Field(4, gt=0, description="clips in one request")
    clip_bytes: int = Field(40 * MIB, gt=0, description="of one clip's file")
    clip_s: float = Field(600.0, gt=0, description="the longest clip")
    clip_pixels: int = Field(3840 * 2160, gt=0, description="pixels of a clip's own frames")
    clip_frames: int = Field(8, gt=0, le=64, description="frames of a clip where a request says nothing")
    clip_most_frames: int = Field(
        32, gt=0, le=64, description="frames that are sent to the model, of all clips of a request"
    )
    clip_frame_pixels: int = Field(
        512 * 512, ge=64 * 64, description="pixels of a frame that is sent; a larger one is scaled down"
    )
    clip_decode_s: float = Field(20.0, gt=0, description="processor time for one clip to be decoded")
    remote_image_bytes: int = Field(20 * MIB, gt=0, description="of one image or clip that is fetched")
    remote_image_s: float = Field(10.0, gt=0, description="for it to be fetched, with all redirects")


class ImageSettings(_Frozen):
    """How large the pictures are that models see."""

    budget: Literal["measured", "full"] = Field(
        "measured",
        description="`measured`: the smallest that `bench` showed to be as good on this computer, where it "
        "did; `full`: all that the model can use",
    )


class FleetSettings(_Frozen):
    """How server processes are scheduled, watched and restarted."""

    memory_budget_gb: float = Field(
        0.0,
        ge=0,
        description="for all models together, at most what there is; 0: 80 % of this computer's memory, or "
        "of the container's limit",
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
    deaths_within_s: float = Field(60.0, gt=0, description="the time for `deaths`")
    stable_s: float = Field(10.0, gt=0, description="once up for this long, earlier deaths no longer count")
    canary: bool = Field(True, description="keep checking each model with known images")
    canary_idle_s: float = Field(60.0, gt=0, description="run the canary when idle for this long")
    canary_requests: int | None = Field(
        None, gt=0, description="run the canary after this many answers; unset: 50, or by its cost (4 %)"
    )
    check_upgrades: bool = Field(
        True,
        description="when a model's engine or files changed, check whether it answers as before, and as fast",
    )
    upgrade_idle_s: float = Field(60.0, gt=0, description="do that when the model is idle for this long")
    stall_factor: float = Field(
        3.0, gt=1, description="silence of this many times the expected time is suspicious"
    )
    stall_floor_s: float = Field(5.0, gt=0, description="a shorter silence is never suspicious")


class ResponsesSettings(_Frozen):
    """What is kept of the conversations of /v1/responses."""

    keep_s: float = Field(3600.0, ge=0, description="for this long after their last turn; 0: nothing is kept")
    keep_bytes: int = Field(
        256 * MIB, ge=0, description="on disk, of all conversations together; 0: nothing is kept"
    )


class LocalModel(_Frozen):
    """A model from files on disk."""

    model: Path = Field(description="a GGUF file, or the folder of a model")
    mmproj: Path | None = Field(None, description="its projector; none: the one beside it that fits")
    engine: str = Field("", description="empty: the one for this kind of file")
    coordinates: CoordinateStyle | None = Field(
        None, description="how it writes boxes and points (docs/boxes.md); none: they are not looked for"
    )


class RunningServer(_Frozen):
    """An OpenAI-compatible server that Viewfinder did not start and never stops."""

    kind: Literal["openai", "viewfinder"] = Field(
        "openai",
        description="`viewfinder`: another `viewfinder serve`, with all of its models (docs/peers.md)",
    )
    base_url: Annotated[str, AfterValidator(_reachable)] = Field(
        pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$", description="http://HOST:PORT/v1"
    )
    model: str = Field("", description="the model's name on that server; none for kind viewfinder")
    api_key: ApiKey | None = Field(None, description="the key that this server asks for")
    vision: bool = Field(True, description="whether it takes images")
    text: bool = Field(True, description="whether it takes requests without an image")
    coordinates: CoordinateStyle | None = Field(
        None, description="how it writes boxes and points (docs/boxes.md); none: they are not looked for"
    )

    @model_validator(mode="after")
    def _names_a_model(self) -> "RunningServer":
        if self.kind == "openai" and not self.model:
            raise ValueError('it needs the name of its model on that server: model = "..."')
        return self

    @property
    def root(self) -> str:
        """The address without the path of the API (`/v1`, `/v1/chat/completions`) at its end."""
        return re.sub(r"(/v1)?(/chat/completions)?/*$", "", self.base_url)


class Settings(BaseSettings):
    """The settings of one invocation."""

    model_config = SettingsConfigDict(
        env_prefix=variables.PREFIX,
        env_nested_delimiter=variables.NESTED,
        env_ignore_empty=True,  # shells and compose files set a variable to "" for "not set"
        extra="forbid",
        frozen=True,
    )

    host: str = Field("127.0.0.1", description="the address to listen on; beyond loopback, a key is needed")
    port: int = Field(8080, ge=0, le=65535, description="0: any free port")
    strict_port: bool = Field(False, description="exit when the port is taken; false: take the next free one")
    api_key: ApiKey | None = Field(None, description="required for any bind that is not loopback")
    allowed_hosts: tuple[Annotated[str, AfterValidator(_host_name)], ...] = Field(
        (), description="Host headers that are accepted besides loopback names and this computer's own"
    )
    allowed_origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = Field(
        (),
        description="browser origins that are accepted besides our own; app:// is all of that scheme",
    )
    access_log: Annotated[str, AfterValidator(_log_place)] = Field(
        "",
        description="a file with one JSON line for each request, never its words; on: `access.jsonl` in the "
        "folder of logs; -: standard output; empty: none",
    )
    store_url: StoreUrl | None = Field(
        None,
        description="postgresql://USER:PASSWORD@HOST/DATABASE: where the conversations of /v1/responses are "
        "kept, for several gateways (docs/responses.md); none: a file of this computer",
    )
    remote_images: bool = Field(
        False, description="fetch images from public http and https addresses that clients send"
    )
    limits: Limits = Limits()
    engine: EngineSettings = EngineSettings()
    engine_for: dict[str, EngineChanges] = Field(
        default_factory=dict, description="what differs from [engine] for one model"
    )
    images: ImageSettings = ImageSettings()
    fleet: FleetSettings = FleetSettings()
    responses: ResponsesSettings = ResponsesSettings()
    cluster: ClusterSettings = ClusterSettings()
    defaults_for: dict[str, RequestDefaults] = Field(
        default_factory=dict, description="what the requests for one model get where they say nothing"
    )
    aliases: dict[str, str] = Field(
        default_factory=dict,
        description="other names for models: a name, and the model, its repository's id, or auto:best",
    )
    models: dict[str, LocalModel] = Field(default_factory=dict)
    endpoints: dict[str, RunningServer] = Field(default_factory=dict)
    variants: dict[str, str] = Field(
        default_factory=dict,
        description="for a model, the variant to run in place of the one chosen for this computer",
    )

    def engine_of(self, model: str) -> EngineSettings:
        """The settings that this model's engine is started with."""
        changes = self.engine_for.get(model)
        return self.engine if changes is None else changes.over(self.engine)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        if isinstance(env_settings, EnvSettingsSource):
            given = env_settings.env_vars.items()
            env_settings.env_vars = {
                name: value for name, value in given if not variables.is_service_link(name, value)
            }
        files = [InitSettingsSource(settings_cls, found) for _, found in read_settings()]
        if built := native_build_in_use():
            files.append(InitSettingsSource(settings_cls, {"engine": {"llama_server": built.program}}))
        return init_settings, env_settings, *files


def load_settings(**flags: object) -> Settings:
    """The settings of this invocation; flags that are None were not given.

    Raises BadRequest, naming the setting and where it was given, when a value is not valid.
    """
    variables.report_unknown(Settings)
    given = {key: value for key, value in flags.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        raise _invalid(error, given) from None
    except SettingsError as error:  # not JSON, where a list or table is expected
        name = re.search(r'field "(\w+)"', str(error))
        path = (name[1],) if name else ()
        raise BadRequest(
            f"The variable {variables.variable_of(path, os.environ) or variables.PREFIX} is not valid JSON.",
            hint='Write lists and tables as JSON, for example \'["one", "two"]\'.',
            param=".".join(path),
        ) from None


def _invalid(error: ValidationError, flags: Mapping[str, object]) -> BadRequest:
    """The first mistake, as an error that says where it was made."""
    first = error.errors()[0]
    path = tuple(first["loc"])
    named = ".".join(map(str, path))
    if first["type"] == "extra_forbidden":
        meant = variables.nearest(str(path[-1]), variables.fields_at(Settings, path[:-1]))
        return BadRequest(
            f"There is no setting '{named}'.", hint=f"{meant} {where_given(path, flags)}".strip(), param=named
        )
    says = first["msg"].removeprefix("Value error, ")
    return BadRequest(
        f"The setting '{named}' is not valid: {says}.", hint=where_given(path, flags), param=named
    )


def where_given(path: tuple[str | int, ...], flags: Mapping[str, object]) -> str:
    """The hint that says where a setting was given: the flag, the variable or the file."""
    if path and path[0] in flags:
        return f"Fix --{str(path[0]).replace('_', '-')}."
    if name := variables.variable_of(path, os.environ):
        return f"Fix the variable {name}."
    for file, found in read_settings():
        if path and path[0] in found:
            return f"Fix it in {file}."
    return f"Fix it in {settings_files()[0]}."
