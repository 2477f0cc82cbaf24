"""A folder's pictures into folders, by their color: python sort_folder.py FOLDER [MODEL]"""

import sys

import viewfinder

folder, model_name = sys.argv[1], (sys.argv[2:] or ["glimpse"])[0]
with viewfinder.load(model_name) as model:
    counts = viewfinder.sort(
        model,
        folder,
        {"blue": "the circle is blue", "red": "the circle is red", "green": "the circle is green"},
        question="What color is the circle?",
        on_picture=lambda one: print(one.file, "->", one.path or one.error, flush=True),
    )
print(dict(counts.sorted), counts.failed, "failed")
