"""The words a person types; one file per command, each calling only `viewfinder.api`."""
