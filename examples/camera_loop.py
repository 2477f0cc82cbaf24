"""What a camera sees, again and again: python camera_loop.py FILE [MODEL] [TIMES]

FILE is what the camera writes, each picture over the last (fswebcam --loop 1 now.jpg).
"""

import sys
import time
from pathlib import Path

import viewfinder

file = Path(sys.argv[1])
model_name = (sys.argv[2:] or ["glimpse"])[0]
times = int(sys.argv[3]) if len(sys.argv) > 3 else sys.maxsize
with viewfinder.load(model_name) as model:
    said = ""
    for _ in range(times):
        began_s = time.monotonic()
        try:
            sees = model.ask(file.read_bytes(), "Describe this image.")
        except viewfinder.ViewfinderError as error:  # a picture that is half written
            sees = f"({error})"
        if sees != said:
            print(f"{time.strftime('%H:%M:%S')}  {sees}  [{time.monotonic() - began_s:.2f} s]", flush=True)
            said = sees
        time.sleep(max(0.0, 1.0 - (time.monotonic() - began_s)))
