"""The search for the engine settings with which a model answers faster here, at no price in right answers:
what may be changed (`axes`), how two ways to run it are compared (`judging`), in which order (`search`), and
how they are asked (`ask`). Called by `api/tuning`."""
