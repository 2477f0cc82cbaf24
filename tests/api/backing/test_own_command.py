"""A real command as our child."""

from viewfinder.api.backing.own_command import OwnCommand
from viewfinder.core import paths


async def test_an_error_is_told_as_the_command_line_tells_it() -> None:
    """Also of a command that prints it for people alone."""
    command = await OwnCommand.start(["guide"])
    end = await command.wait()
    assert end.exit.code == 1
    assert end.failing is not None
    assert (end.failing.code, end.failing.message) == ("no_results", "Nothing was measured here yet.")
    assert end.failing.hint == "Run: viewfinder bench"
    assert list(paths.run_folder().iterdir()) == [], "no log and no record is left"


async def test_a_command_that_is_stopped_has_not_failed() -> None:
    command = await OwnCommand.start(["bench", "--progress", "json", "--", "nonesuch"])
    end = await command.stop(2.0)
    assert (end.exit.stopped, end.failing) == (True, None)
