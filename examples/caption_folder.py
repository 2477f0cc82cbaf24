"""Captions for every image of a folder, one JSON line each: python caption_folder.py FOLDER [MODEL]"""

import json
import sys
from pathlib import Path

import viewfinder

folder, model_name = Path(sys.argv[1]), (sys.argv[2:] or ["glimpse"])[0]
with viewfinder.load(model_name) as model:
    for image in sorted(folder.iterdir()):
        if image.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp"):
            try:
                line = {"image": image.name, "caption": model.ask(image, "Describe this image.")}
            except viewfinder.ViewfinderError as error:  # a broken file stops nothing
                line = {"image": image.name, "error": str(error)}
            print(json.dumps(line), flush=True)
