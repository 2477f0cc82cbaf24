"""Where the conversations of /v1/responses are kept: in a file of this computer, or where store_url says;
called by `api`."""

from pathlib import Path

from viewfinder.core.config import Settings
from viewfinder.core.errors import BadRequest
from viewfinder.core.version import IN_THE_CHECKOUT, install_command
from viewfinder.gateway.kept import KeptTurns


def kept_where(folder: Path, settings: Settings) -> KeptTurns:
    """The conversations, whose store is checked first. Raises BadRequest, which never has the password."""
    if settings.store_url is None or not settings.store_url.get_secret_value():
        return KeptTurns(folder, settings.responses)
    try:
        from viewfinder.gateway.kept_in_postgres import KeptInPostgres
    except ImportError:
        raise BadRequest(
            "store_url needs the package psycopg, which is not installed.",
            hint=f"Run: {install_command('postgres')}{IN_THE_CHECKOUT}",
            param="store_url",
        ) from None
    store = KeptInPostgres(settings.store_url.get_secret_value(), settings.responses)
    store.check()
    return KeptTurns(folder, settings.responses, store=store)
