"""The answers of several models to one question: python compare.py IMAGE QUESTION MODEL...

A look, no measurement: for that, `viewfinder bench MODEL...` and `viewfinder guide`.
"""

import sys
import time

import viewfinder

image, question, *names = sys.argv[1:]
for name in names:
    with viewfinder.load(name) as model:
        model.ask(image, question)  # the first answer takes longer
        began_s = time.monotonic()
        answer = model.ask(image, question)
        print(f"{name:24} {time.monotonic() - began_s:6.2f} s  {answer}")
