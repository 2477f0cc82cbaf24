"""The options of several commands that say which files of a model to use: `--variant` and `--mmproj`."""

from collections.abc import Sequence

import typer

from viewfinder.core.errors import BadRequest

HELP = "Use this variant (see `viewfinder models MODEL`); with several models, MODEL=VARIANT."


MMPROJ = typer.Option(metavar="FILE", help="The projector of the .gguf file, in place of the one beside it.")


def wanted_variants(models: Sequence[str], given: Sequence[str]) -> dict[str, str]:
    """Model > variant; a variant without a model is for the one model that was named.

    Raises BadRequest when no model or several were named.
    """
    wanted = {}
    for entry in given:
        model, equals, variant = entry.rpartition("=")
        if not equals and len(models) != 1:
            raise BadRequest(
                f"Which model is the variant '{entry}' for?",
                hint=f"Write: --variant MODEL={entry}",
                param="variant",
            )
        wanted[model if equals else models[0]] = variant
    return wanted
