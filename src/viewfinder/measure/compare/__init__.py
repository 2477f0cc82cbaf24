"""How stored results differ: between runs, models and engines, and through the machine itself."""
