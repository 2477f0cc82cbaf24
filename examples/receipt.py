"""Data from a photographed receipt, always of this form: python receipt.py IMAGE [MODEL]

Any model answers in the form; to read a receipt it has to be one that reads text (qwen2.5-vl-3b, not
glimpse).
"""

import base64
import json
import sys
from pathlib import Path

from openai import OpenAI

import viewfinder

RECEIPT = {
    "type": "object",
    "properties": {
        "shop": {"type": "string", "maxLength": 60},
        "date": {"type": "string", "format": "date"},
        "items": {"type": "integer", "minimum": 0, "maximum": 99},
        "paid": {"enum": ["cash", "card", "unknown"]},
    },
    "required": ["shop", "date", "items", "paid"],
    "additionalProperties": False,
}

image, model_name = Path(sys.argv[1]), (sys.argv[2:] or ["glimpse"])[0]
url = f"data:image/png;base64,{base64.b64encode(image.read_bytes()).decode()}"
with viewfinder.load(model_name) as model:
    client = OpenAI(base_url=model.base_url, api_key=model.api_key)
    reply = client.chat.completions.create(
        model=model.name,
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": url}},
                    {"type": "text", "text": "What does this receipt say?"},
                ],
            }
        ],
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "receipt", "strict": True, "schema": RECEIPT},
        },
    )
    print(json.dumps(json.loads(reply.choices[0].message.content), indent=2))
