"""What sets stored results apart: runs, models, engines, and the machine itself."""
