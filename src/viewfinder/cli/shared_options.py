"""Arguments and options of several commands: which model and files, about what, and how it is asked."""

from collections.abc import Sequence

import typer

from viewfinder.core.errors import BadRequest

HELP = "Use this variant (see `viewfinder models MODEL`); with several models, MODEL=VARIANT."

ONE_VARIANT = typer.Option("--variant", help="Use this variant of the model (see `viewfinder models MODEL`).")
MMPROJ = typer.Option(metavar="FILE", help="The projector of the .gguf file, in place of the one beside it.")
ANY_MODEL = typer.Argument(
    metavar="MODEL", help="A model's name or id, hf:owner/name, a file or folder, or auto:best."
)
PICTURES_AND_QUESTION = typer.Argument(
    metavar="[IMAGE...] QUESTION",
    help="Image files or clips, then the question about all of them; of a folder, each image is asked about.",
)
FRAMES = typer.Option(min=1, max=64, help="How many frames of a clip the model is shown at most.")
CHOOSE = typer.Option(help="Its frames: evenly over its time, or where most changes.")
TEMPERATURE = typer.Option(min=0.0, max=2.0, help="0 always picks the likeliest word.")


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
