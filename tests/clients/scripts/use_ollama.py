"""Ollama's client: it speaks Ollama's own API, which is not here; the error must say where ours is."""

import ollama
from checking import MODEL, TEXT, URL, check

client = ollama.Client(host=URL)


def refused(call):
    try:
        call()
    except ollama.ResponseError as error:
        status, said = error.status_code, str(error)
    else:
        raise AssertionError("no error")
    assert status == 404
    assert "/v1/chat/completions" in said, said
    return said


@check("error")
def error():
    refused(client.list)
    refused(lambda: client.generate(model=MODEL, prompt=TEXT))
    return refused(lambda: client.chat(model=MODEL, messages=[{"role": "user", "content": TEXT}]))
