"""What stands between a client and an engine, measured side by side: Viewfinder and others like it."""
