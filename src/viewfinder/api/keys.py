"""The named API keys of this computer's gateway; called by the CLI."""

from viewfinder.core import paths
from viewfinder.gateway.keys import KeyFile, StoredKey


def add_key(name: str, *, admin: bool = False) -> str:
    """A new key, which is stored as a hash and cannot be shown again. A running `serve` knows it at once.
    `admin`: it opens /fleet, too. Raises BadRequest when the name is taken or cannot be one."""
    return KeyFile(paths.keys_file()).add(name, admin=admin)


def remove_key(name: str) -> None:
    """Raises BadRequest when there is no such key."""
    KeyFile(paths.keys_file()).remove(name)


def all_keys() -> list[StoredKey]:
    """In the order in which they were added."""
    return list(KeyFile(paths.keys_file()).all())
