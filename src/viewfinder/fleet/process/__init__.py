"""One engine with one model: started, supervised by the task that owns its state, and restarted."""
