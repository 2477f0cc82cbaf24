"""`viewfinder tune`: finds settings with which a model answers faster here (`run`), writes them into the
user's settings and takes them back (`written`)."""
