"""`--variant`, as `serve` and `bench` take it: which variant of which model is wanted."""

from collections.abc import Sequence

from viewfinder.core.errors import BadRequest

HELP = "Use this variant (see `viewfinder models MODEL`); MODEL=VARIANT where several models are named."


def wanted_variants(models: Sequence[str], given: Sequence[str]) -> dict[str, str]:
    """Model > variant; a variant alone is meant for the one model that was named.

    Raises BadRequest when no or several models were.
    """
    wanted = {}
    for entry in given:
        model, equals, variant = entry.rpartition("=")
        if not equals and len(models) != 1:
            raise BadRequest(
                f"It is not clear which model the variant '{entry}' is of.",
                hint=f"Write --variant MODEL={entry}.",
                param="variant",
            )
        wanted[model if equals else models[0]] = variant
    return wanted
