"""What all models of one run share, and how their server processes are created; made by `runner`."""

from dataclasses import dataclass

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.hashes import Hashes
from viewfinder.core.config import Settings
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.paths import Folders
from viewfinder.engines.registry import engine_named
from viewfinder.fleet.process.servers import make_server
from viewfinder.host.power import read_power
from viewfinder.measure.deadline import Deadline
from viewfinder.measure.progress import Steps
from viewfinder.measure.store import fingerprint
from viewfinder.measure.store.fingerprint import Fingerprint
from viewfinder.measure.store.rows import Run
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
        settings: EngineSettings,
        process: int,
        *,
        resumable: bool = False,
        deadline: Deadline | None = None,
    ) -> Subject:
        """A fresh server process, noted in the store and not started yet; see `Subject`. If it is
        `resumable`, the samples of an interrupted one of this number count."""
        answered = self.store.samples(self.run.run, card.name, process) if resumable else ()
        set_aside = self.store.begin_process(self.run.run, card.name, process, resumable=resumable)
        files = self.catalog.resolve(variant)
        server = make_server(
            card,
            variant,
            engine_named(variant.engine),
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
            files=[] if variant.server is not None else files.all,
            limits=self.settings.limits,
            deadline=deadline,
        )

    def fingerprint(self, variant: Variant, settings: EngineSettings) -> Fingerprint:
        """The fingerprint of a variant with these settings, here and now; hashes every file that is new."""
        engine, hash_of_files = engine_named(variant.engine), self.hash_of_files(variant)
        version, machine = engine.version(settings), self.run.machine
        return fingerprint.take(variant, engine, version, hash_of_files, settings, machine, read_power())

    def hash_of_files(self, variant: Variant) -> str:
        """The hash of all files of the variant; empty for a running server, which has its own."""
        return "" if variant.server is not None else self.hashes.of(variant, self.catalog.resolve(variant))
