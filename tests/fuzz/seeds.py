"""Valid and nearly valid inputs of every target, made by code: fuzzing begins with them and the corpus."""

import base64
import io
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from ..catalog import gguf_maker
from ..footage import animation, scenes, video
from ..hostile.schemas import HONEST, HOSTILE

MOST_BYTES = 4096
"""Larger seeds are left out: a fuzzer changes a few bytes of each."""

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def _dumped(*values: object) -> Iterator[bytes]:
    return (json.dumps(value).encode() for value in values)


def bodies() -> Iterator[bytes]:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "detail": "low"}}
    text = {"type": "text", "text": "What is this?"}
    yield from _dumped(
        {"model": "glimpse", "messages": [{"role": "user", "content": [image, text]}]},
        {"messages": [{"content": [image, image]}], "x": "data:image/png;base64,AAAAAAAAAAAA"},
        [{"data:text/plain;base64,AAAAAAAAAAAA": 1}, "data:,", None, True, -1.5e300, "\ud83d\ude00"],
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "assistant", "content": None, "tool_calls": [_call()], "refusal": None},
                {"role": "tool", "content": "4", "tool_call_id": "c"},
                {"role": "user", "content": "a\n\u00e9"},
            ],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": 5,
            "max_completion_tokens": 5,
            "temperature": 0.5,
            "top_p": 1,
            "seed": -1,
            "stop": ["\n", "END"],
            "logprobs": True,
            "top_logprobs": 2,
            "n": 1,
            "tools": [{"type": "function", "function": {"name": "f", "parameters": HONEST["a few words"]}}],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "user": "me",
        },
        {
            "model": "m",
            "messages": [{"role": "user", "content": "x"}],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": {"type": "object"}},
            },
            "stop": "x",
            "presence_penalty": -2,
        },
    )
    yield b'{"messages":[{"content":[{"image_url":{"url":"data:image\\/png;base64,AAAA\\u002BAAAAAAAA"}}]}]}'
    yield b'[1e999, NaN, "\\ud800", {"a":1,"a":2}, 1E5, 12345678901234567890]'


def _call() -> dict[str, object]:
    return {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def schemas() -> Iterator[bytes]:
    return _dumped(*HONEST.values(), *HOSTILE.values())


def patterns() -> Iterator[bytes]:
    for schema in (*HONEST.values(), *HOSTILE.values()):
        if isinstance(pattern := schema.get("pattern"), str):
            yield pattern.encode()
    yield from (
        b"(a|bc){2,3}d?\nabcd",
        b"[^a-c]+\\d\nxy1",
        b"a*(b|)\\.\nab.",
        b"x{2}|y\nxx",
        b"[\\w-]{0,3}\na-b",
    )


def events() -> Iterator[bytes]:
    for ending in (b"\n", b"\r\n", b"\r"):
        yield b"\1\2\3\4" + ending.join(
            [b'data: {"a":1}', b"", b": ping", b"data:b", b"data: c", b"", b"data: [DONE]", b"", b""]
        )
    yield b"\0\0\0\0event: x\nid: 1\ndata\n\ndatabase: \xc3\xa9\n\n\xef\xbb\xbfdata: late\n\n"
    yield b"\7\0\1\3\xef\xbb\xbfdata: caf\xc3\xa9\n\ndata: \xff\n\n"


def engine_streams() -> Iterator[bytes]:
    chunk = {"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1}}
    event = b"data: " + json.dumps(chunk).encode() + b"\n\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    done = b"data: [DONE]\n\n"
    chunked = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (event, done)) + b"0\r\n\r\n"
    yield b"\7\0\3\1" + head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked
    yield b"\0\0\0\0" + head + b"Content-Length: %d\r\n\r\n" % len(event) + event + b"more"
    yield b"\x1f\5\5\5HTTP/1.1 100 Continue\r\n\r\n" + head + b"Connection: close\r\n\r\n" + event
    yield b"\0\1\0\1HTTP/1.0 204 No Content\r\n\r\nHTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}"
    yield b"\2\2\2\2" + head + b"Upgrade: x\r\nConnection: upgrade\r\n\r\n" + event


def engine_replies() -> Iterator[bytes]:
    token = {"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": [{"token": "b", "logprob": -3}]}
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2}}
    message = {"role": "assistant", "content": "Red.", "tool_calls": [{"index": 0, **_call()}]}
    yield from _dumped(
        {
            "choices": [{"message": message, "finish_reason": "stop", "logprobs": {"content": [token]}}],
            "usage": usage,
        },
        {"choices": [{"delta": {"content": "a"}, "finish_reason": None}], "timings": {"x": 1}},
        {"choices": [], "usage": usage},
        {"error": {"type": "exceed_context_size_error", "n_prompt_tokens": 9, "n_ctx": 4, "code": 400}},
        {"error": "exceed_context_size_error: 12 tokens, where 10 fit"},
        {"error": {"message": "at /home/x", "code": 413}, "detail": "y"},
    )


def stop_strings() -> Iterator[bytes]:
    yield from (
        b"END|\nEN\nThe answer.END more",
        b"aab|abab|b\naaabab",
        b"|x\nnothing of it",
        b"\xc3\xa9\ncaf\xc3\xa9",
    )


def images() -> Iterator[bytes]:
    noise = Image.effect_noise((37, 21), 60)
    turned = Image.Exif()
    turned[0x0112] = 6
    for image, format, options in (
        (noise.convert("RGB"), "PNG", {}),
        (noise.convert("RGBA"), "PNG", {"optimize": True}),
        (noise.convert("P"), "PNG", {"transparency": 0}),
        (noise.convert("I;16"), "PNG", {}),
        (noise.convert("1"), "PNG", {}),
        (noise.convert("RGB"), "JPEG", {}),
        (noise, "JPEG", {"progressive": True, "exif": turned.tobytes(), "comment": b"\xff\xc0 no frame"}),
        (noise.convert("CMYK"), "JPEG", {"quality": 30}),
        (noise.convert("RGB"), "WEBP", {"quality": 10}),
        (noise.convert("RGBA"), "WEBP", {"lossless": True}),
        (noise.convert("RGB"), "WEBP", {"exif": turned.tobytes()}),
        (noise.convert("RGB"), "WEBP", {"save_all": True, "append_images": [noise.convert("RGB")]}),
        (noise, "GIF", {}),
        (noise, "BMP", {}),
    ):
        yield _saved(image, format, **options)
    yield b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'
    yield b"\0\0\0\x18ftypavif\0\0\0\0mif1avif"


def _saved(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def ordered_images() -> Iterator[bytes]:
    for order, image in enumerate(images()):
        yield bytes([order]) + image


def ordered_clips() -> Iterator[bytes]:
    shown = scenes(0.2, 0.3, size=(32, 16))
    clips = [
        *(video(shown, form=form, codec=codec) for form, codec in (("mp4", "mpeg4"), ("webm", "libvpx"))),
        *(animation(shown, form=form) for form in ("GIF", "WEBP")),
        b"#EXTM3U\n#EXTINF:9,\nclip.ts\n",
    ]
    for order, clip in enumerate(clips):
        yield bytes([order]) + clip


def data_urls() -> Iterator[bytes]:
    for at, image in enumerate(images()):
        text = base64.b64encode(image) if at % 2 else base64.encodebytes(image)
        yield b"data:image/png;base64," + text
    yield from (
        b"https://example.org/a.png",
        b"data:,",
        b"DATA:;BASE64,AAAA",
        b"data:image/png;base64,A===",
        b"data:",
    )


def gguf_files() -> Iterator[bytes]:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "a.gguf"
        for made in (
            lambda: gguf_maker.model(file),
            lambda: gguf_maker.projector(file),
            lambda: gguf_maker.imatrix(file),
            lambda: gguf_maker.mtp(file),
            lambda: gguf_maker.draft(file),
            lambda: gguf_maker.lora(file),
            lambda: gguf_maker.control_vector(file),
            lambda: gguf_maker.vocabulary(file),
        ):
            made()
            whole = file.read_bytes()
            yield whole
            yield whole[: len(whole) // 2]
    yield (
        b"GGUF"
        + struct.pack("<IQQ", 3, 0, 2)
        + _gguf_text("a", 9, struct.pack("<IQ", 8, 1) + _text("x"))
        + _gguf_text("general.alignment", 4, struct.pack("<I", 64))
    )
    yield b"GGUF" + struct.pack(">I", 3)
    yield b"version https://git-lfs.github.com/spec/v1\n"


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _gguf_text(key: str, kind: int, value: bytes) -> bytes:
    return _text(key) + struct.pack("<I", kind) + value


def hub_files() -> Iterator[bytes]:
    for at, start in enumerate(gguf_files()):
        yield (b"model-Q8_0.gguf\n", b"mmproj-f16.gguf\n", b"a/b.gguf\n")[at % 3] + start


def listings() -> Iterator[bytes]:
    yield b"model-Q8_0.gguf\nmodel-Q4_K_M.gguf\nmmproj-model-f16.gguf\nREADME.md"
    yield b"a-00001-of-00003.gguf\na-00002-of-00003.gguf\na-00003-of-00003.gguf\na.imatrix.gguf"
    yield b"one/config.json\ntwo/config.json\nx.onnx\n.hidden.gguf"
    yield b"UD-Q4_K_XL/m.gguf\nmmproj-F16.gguf\nmmproj-BF16.gguf\nm-draft.gguf\nm-mtp.gguf"
    yield b"m.gguf.part-1\nm.gguf.part-2"
    yield b"ggml-model-f16.gguf\nmmproj-a.gguf\nmmproj-b.gguf\nmodel.safetensors\nconfig.json"


def model_folders() -> Iterator[bytes]:
    config = {
        "model_type": "idefics3",
        "text_config": {"max_position_embeddings": 8192, "dtype": "bfloat16"},
        "vision_config": {"image_size": 512},
        "quantization": {"bits": 4},
        "auto_map": {},
    }
    tensors = {
        "a": {"dtype": "F16", "shape": [2, 2], "data_offsets": [0, 8]},
        "__metadata__": {"format": "pt"},
    }
    index = {
        "metadata": {"total_size": 8},
        "weight_map": {"a": "model.safetensors", "b": "other.safetensors"},
    }
    header = json.dumps(tensors).encode()
    weights = struct.pack("<Q", len(header)) + header + bytes(8)
    yield b"\0" + json.dumps(config).encode()
    yield b"\1" + weights
    yield b"\1" + weights[:-1]
    yield b"\2" + json.dumps(index).encode()
    yield b"\3" + weights


def settings_files() -> Iterator[bytes]:
    hosts = 'allowed_hosts = ["example.org", "[::1]"]\nallowed_origins = ["https://a.b"]'
    for text in (
        f"port = 8081\n{hosts}\n[limits]\npixels = 1\n",
        '[engine]\nslots = 4\nllama_server = "x"\n[engine_for.glimpse]\nthreads = 2\n',
        '[fleet]\npinned = ["glimpse"]\n[models.mine]\npath = "m.gguf"\n',
        '[endpoints.e]\nbase_url = "http://[::1]:80/v1"\nmodel = "m"\napi_key = "k"\n',
        '\ufeffhost = "::1"\nstrict_port = true\nvariants = {a = "b"}\nx.y.z = 1979-05-27T07:32:00Z\n',
        'limits.decode_timeout_s = inf\n[[models]]\na = """\nb"""\n',
    ):
        yield text.encode()


def control_groups() -> Iterator[bytes]:
    two = b"36 25 0:30 / ROOT rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"
    one = b"36 25 0:30 / ROOT rw - cgroup cgroup rw,memory\n37 25 0:31 / ROOT rw - cgroup cgroup rw,cpu\n"
    yield b"\0".join(
        [b"0::/ours\n", two, b"150000 100000", b"1000000", b"500000", b"inactive_file 100\nactive_file 5"]
    )
    yield b"\0".join([b"0::/ours\n", two, b"max 100000", b"max", b"0", b"total_inactive_file 7"])
    yield b"\0".join([b"4:memory:/ours\n3:cpu,cpuacct:/ours\n", one, b"", b"9223372036854771712", b"1", b""])
    yield b"\0".join([b"0::/../x\n", two.replace(b"/ ROOT", b"/ours ROOT/ours"), b"1 1", b"1", b"2", b"x"])


def stored_keys() -> Iterator[bytes]:
    key = {"name": "ci", "sha256": "0" * 64, "created_at": "2026-01-01T00:00:00+00:00"}
    yield from _dumped({"keys": [key]}, {"keys": []}, {"keys": [key | {"sha256": "\u00e9"}, key]})


def headers() -> Iterator[bytes]:
    yield b"hlocalhost:8080\nohttp://localhost:8080\naBearer the key\ncapplication/json; charset=utf-8\nl12"
    yield b"h[::1]:80\nxthe key\nonull\nctext/plain\nl-1"
    yield b"hexample.org\nkthe key\nohttps://example.org\nabearer  the key "
    yield b"h127.1\nh192.168.1.1:1\naBasic dGhlIGtleQ=="
    yield b"h192.168.1.7:8080\nl" + b"9" * 30
    yield b"l" + b"9" * 4400


def connections() -> Iterator[bytes]:
    head = b"POST /v1/models?a=b HTTP/1.1\r\nHost: localhost\r\n"
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    length = b"Content-Length: 5\r\n\r\nhello"
    chunks = b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nX: y\r\n\r\n"
    for framing in (
        length,
        chunks,
        b"\r\n",
        b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ):
        yield b"\3\1\7\0" + head + framing + head + framing
        yield b"\3\1\7\0" + head + offer + framing + head + framing
    yield b"\0\0\0\0CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\nhello"
    yield b"\0\0\0\0GET /health HTTP/1.0\r\n\r\n"
    yield b"\0\0\0\0PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def other_apis() -> Iterator[bytes]:
    tool = {"name": "f", "input_schema": HONEST["a few words"]}
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    image = {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "low"}
    yield from _dumped(
        {
            "model": "glimpse",
            "max_tokens": 5,
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image", "source": source}, {"type": "text", "text": "a"}],
                },
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "4"}]},
            ],
            "tools": [tool],
            "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
            "stop_sequences": ["END"],
            "thinking": {"type": "disabled"},
            "stream": True,
        },
        {
            "model": "glimpse",
            "instructions": "Be brief.",
            "input": [
                {"role": "user", "content": [image, {"type": "input_text", "text": "a"}]},
                call,
                {"type": "function_call_output", "call_id": "c", "output": "4"},
            ],
            "tools": [{"type": "function", "name": "f", "parameters": HONEST["a few words"], "strict": True}],
            "tool_choice": "auto",
            "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}},
            "previous_response_id": None,
            "store": False,
            "include": ["message.output_text.logprobs"],
        },
        {"model": "m", "input": "What is it?", "max_output_tokens": 16, "previous_response_id": "resp_1"},
    )
