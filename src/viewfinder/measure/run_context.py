"""What all models of one run share, and how their server processes are created; made by `runner`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.hashes import Hashes
from viewfinder.core.config import EngineSettings, Settings
from viewfinder.core.paths import Folders
from viewfinder.engines.base import Engine
from viewfinder.fleet.process.servers import make_server
from viewfinder.host.power import read_power
from viewfinder.measure.deadline import Deadline
from viewfinder.measure.progress import Steps
from viewfinder.measure.store import fingerprint
from viewfinder.measure.store.fingerprint import Fingerprint
from viewfinder.measure.store.rows import Run, Sample
from viewfinder.measure.store.store import Store
from viewfinder.measure.subject import Subject
from viewfinder.measure.suite import Suite


@dataclass(frozen=True, slots=True)
class RunContext:
    """A run, its suite, and the parts of the program that it uses."""

    run: Run
    suite: Suite
    catalog: Catalog
    settings: Settings
    store: Store
    folders: Folders
    steps: Steps
    hashes: Hashes
    deadline: Deadline

    def subject(
        self,
        card: ModelCard,
        variant: Variant,
        engine: Engine,
        settings: EngineSettings,
        process: int,
        *,
        answered: Sequence[Sample] = (),
        set_aside: int = 0,
        deadline: Deadline | None = None,
    ) -> Subject:
        """A fresh server process, not started yet; see `Subject`."""
        server = make_server(
            card,
            variant,
            engine,
            self.catalog,
            settings,
            run_folder=self.folders.run,
            log_folder=self.folders.logs,
        )
        return Subject(
            server,
            process,
            run=self.run.run,
            store=self.store,
            steps=self.steps,
            timeout_s=self.suite.request_timeout_s,
            answered=answered,
            set_aside=set_aside,
            files=self._files(variant),
            limits=self.settings.limits,
            deadline=deadline,
        )

    def fingerprint(self, variant: Variant, engine: Engine, settings: EngineSettings) -> Fingerprint:
        """The fingerprint of a variant with these settings, here and now; hashes every file that is new."""
        files = self.catalog.resolve(variant)
        return fingerprint.take(
            variant,
            engine,
            engine.version(settings),
            "" if variant.server is not None else self.hashes.of(variant, files),
            settings,
            self.run.machine,
            read_power(),
        )

    def _files(self, variant: Variant) -> list[Path]:
        if variant.server is not None:
            return []
        files = self.catalog.resolve(variant)
        return [file for file in (files.model, files.mmproj) if file is not None]
