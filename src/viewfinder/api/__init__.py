"""The Python API, which the command line and other programs call; wires the rooms together.

Its public names are those that `viewfinder` exports.
"""
