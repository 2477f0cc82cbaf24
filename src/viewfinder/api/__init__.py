"""The Python facade: what the command line and people's own programs call; wires the rooms together.

The names are listed in `viewfinder` itself.
"""
