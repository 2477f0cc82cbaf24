"""`python -m viewfinder` is `viewfinder`."""

from viewfinder.cli.main import main

main()
