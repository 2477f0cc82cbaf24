"""The command line; one file for each command, which calls only `viewfinder.api`."""
