"""The state of an unfinished stage, so that an interrupted one resumes; called by each stage."""

from pathlib import Path

import torch


class Progress:
    """Model, optimizer and schedule of a stage in one file, which is replaced as a whole."""

    def __init__(
        self,
        file: Path,
        model: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LRScheduler,
    ) -> None:
        self._file = file
        self._parts = {"model": model, "optimizer": optimizer, "schedule": schedule}

    def resume(self) -> int:
        """Load the state of an interrupted run; returns how many of its steps are done."""
        if not self._file.exists():
            return 0
        kept = torch.load(self._file)
        for name, part in self._parts.items():
            part.load_state_dict(kept[name])
        return int(kept["step"])

    def keep(self, step: int) -> None:
        """Write the state after this step."""
        kept = {name: part.state_dict() for name, part in self._parts.items()}
        unfinished = self._file.with_suffix(".part")
        torch.save(kept | {"step": step}, unfinished)
        unfinished.replace(self._file)

    def forget(self) -> None:
        """The stage is finished: its checkpoint holds the weights."""
        self._file.unlink(missing_ok=True)
