"""Says something and kills itself with the signal whose number it is given."""

import os
import sys

print("about to die", flush=True)
os.kill(os.getpid(), int(sys.argv[1]))
