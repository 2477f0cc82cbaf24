"""What Viewfinder knows of an engine; each engine is a file beside this one, or a third party's class.

Implemented by `llama_cpp`, `mlx`, `transformers`, `running_server` and by third parties; read by all rooms
above.
`docs/add-an-engine.md` shows a whole engine.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import ModelFiles
from viewfinder.core.check import Check
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.engines.printed import without_requests
from viewfinder.host.hardware import Machine

LAST = 100
"""The rank of an engine that states none."""


@dataclass(frozen=True, slots=True)
class Installed:
    """An engine that is installed here; `folder` is where its code lies."""

    version: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start one server process of an engine: it must listen on the Unix socket it was given.

    One that can only listen on TCP does so at 127.0.0.1 on `port`, which `host/listeners.free_port` gave, and
    answers no request without `api_key`, made at each launch (`secrets.token_urlsafe`). The engine gets the
    key in its environment, because every user can read a command line.

    `health` is the path that answers 200 once the model is ready, and 503 or nothing before. `slots_path` is
    the path that lists the server's slots as llama.cpp's does; empty: it has none, or chooses a slot itself.
    `template_path` is the path whose reply has `chat_template_caps` as llama.cpp's does; empty: the template
    is read from the model's files.
    `count_path` is the path that answers a chat request with its `input_tokens`, as llama.cpp's server does;
    empty: it cannot count them. `completion_path` is where it continues a text as it is, as OpenAI's API of
    completions; empty: nowhere. `decision_path` is where it takes questions for a model with a decision head,
    as llama.cpp's /v1/systemone does, with "decisions" among the outputs of its /v1/models; empty: nowhere.
    `model` is what requests must call the model; None: the server answers to any name. `version` is that of
    the program if it differs from what `find` returned. `slots` is the number of requests that it may be sent
    at once; None: any number, it queues them itself. `queues_in_order`: it takes more than it has slots for,
    and begins them in the order in which they came. `lacks` are the fields of OpenAI's API that it would
    ignore or get wrong: the gateway refuses those that decide the form of an answer, and ignores and names
    the others. "prefill" stands for a last message of the assistant, which is to be continued. `takes` are
    the fields beyond OpenAI's that it has, each with the engine's name for it (`llama_server.TAKES`): all
    others are ignored and named.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    health: str = "/health"
    slots_path: str = ""
    template_path: str = ""
    count_path: str = ""
    completion_path: str = ""
    decision_path: str = ""
    model: str | None = None
    version: str = ""
    slots: int | None = None
    queues_in_order: bool = False
    lacks: frozenset[str] = frozenset()
    takes: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None
    api_key: SecretStr | None = None


class Engine(ABC):
    """A program that runs a model behind an OpenAI-compatible API: inherit, and override what differs."""

    name: str
    """What cards, settings and stored results call it."""
    install: str
    """The one line that installs it."""
    known_good: str = ""
    """The versions that were tested, as pip writes them (">=0.7,<0.8"); empty: not known."""
    libraries: tuple[str, ...] = ()
    """The Python distributions that decide how fast and how well it answers: results measured with other
    versions of them are not compared."""
    loads_folder: bool = False
    """Whether it loads a model folder as it is on the hub: such a folder is checked before every start."""
    summary: str = ""
    """A sentence or two for `docs/models.md`: what it is for, and where it is slow."""
    comes_with_viewfinder: bool = False
    """Whether it is installed with Viewfinder itself."""
    starts_servers: bool = True
    """False: its servers are running servers, which Viewfinder neither starts nor stops."""

    @property
    def title(self) -> str:
        """How texts write its name."""
        return self.name

    lacks: frozenset[str] = frozenset()
    """As `Launch.lacks`, as far as it is known before a start: a request for such a field loads no model."""
    variables: tuple[str, ...] = ()
    """Names of variables, or their beginnings ("MINE_"), that it gets from our environment in addition to
    those in `environment`."""

    options: frozenset[str] = frozenset()
    """The settings among `OPTIONS` of `core/engine_settings` that it has; it ignores the others, and the log
    says so."""

    def unusable(self, settings: EngineSettings) -> dict[str, str]:
        """The settings with which it could start no model, each with the reason; checked before any start."""
        return {}

    def ignored(self, settings: EngineSettings) -> list[str]:
        """The settings that differ from their defaults, and that it does not have."""
        return [name for name in settings.chosen_options() if name not in self.options]

    def rank(self, machine: Machine) -> int:
        """Its place in the order of engines on a machine; the lowest runs a model that several could run."""
        return LAST

    def remark(self, machine: Machine) -> str:
        """A clause for the reason why a variant was chosen: what a user of this machine should know."""
        return ""

    def checks(self, installed: Installed, machine: Machine) -> list[Check]:
        """What `doctor` reports of the installed engine beyond its version and its known issues."""
        return []

    def version(self, settings: EngineSettings) -> str:
        """That of the program that would be started; empty when it is not known. Raises EngineError."""
        return self.installed_version()

    def installed_version(self) -> str:
        """What `find` says; empty: it is not installed, or its version is not known."""
        installed = self.find()
        return installed.version if installed else ""

    def context_tokens(self, variant: Variant, settings: EngineSettings) -> int | None:
        """How many tokens one request and its answer may have together; None when that is not known."""
        return min(settings.context_tokens, variant.context_tokens or settings.context_tokens)

    def kept(self, line: str) -> str:
        """What its log keeps of a line that it prints while it serves; empty: nothing.

        Override it for an engine that prints figures of its own, with a list of what may pass: it must never
        be a part of a request.
        """
        return without_requests(line)

    def reason(self, log: str) -> str:
        """The line of its output that says why a start failed: by default the last one."""
        return log.strip().rpartition("\n")[2].strip()

    def blames_files(self, reason: str) -> bool:
        """Whether every start with these files would fail for this reason, so that no retry helps."""
        return False

    @abstractmethod
    def find(self) -> Installed | None:
        """Whether it is installed, without importing or starting it; called often."""

    @abstractmethod
    def launch(self, variant: Variant, files: ModelFiles, settings: EngineSettings, socket: Path) -> Launch:
        """The command for one model; called by `fleet/process/life` at each start, in a thread of its own."""
