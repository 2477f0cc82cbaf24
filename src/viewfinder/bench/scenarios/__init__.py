"""What is asked of a server process; adding a scenario is adding a file. Called by `bench/trial`."""
