"""One engine with one model: started, watched by the task that owns its state, and begun anew."""
