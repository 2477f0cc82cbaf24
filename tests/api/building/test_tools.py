import importlib.util

import pytest

from viewfinder.api.building.tools import find_tools
from viewfinder.core.errors import EngineError

PLACES = {"c++": "/usr/bin/c++", "cmake": "/usr/bin/cmake", "nvcc": "/opt/cuda/bin/nvcc", "uv": "/bin/uv"}


def test_without_a_compiler_the_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(EngineError, match="apt-get install build-essential") as missing:
        find_tools(which=lambda name: None)
    assert missing.value.reason == "compiler_missing"


def test_a_compiler_that_cxx_names_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "icpx -O2")
    with pytest.raises(EngineError, match="CXX names icpx"):
        find_tools(which=PLACES.get)


def test_only_a_compiler_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    tools = find_tools(which={"c++": "/usr/bin/c++"}.get)
    assert (tools.compiler, tools.cmake, tools.ninja, tools.cuda) == ("/usr/bin/c++", "", "", "")


def test_cuda_is_built_for_where_its_compiler_and_a_card_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    assert find_tools(which=PLACES.get, nvidia=True).cuda == "/opt/cuda/bin/nvcc"
    assert find_tools(which=PLACES.get, nvidia=False).cuda == ""
    assert find_tools(cuda=True, which=PLACES.get, nvidia=False).cuda == "/opt/cuda/bin/nvcc"
    assert find_tools(cuda=False, which=PLACES.get).cuda == ""
    with pytest.raises(EngineError, match="nvcc"):
        find_tools(cuda=True, which={"c++": "/usr/bin/c++"}.get)


def test_uv_stands_in_for_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert find_tools(which=PLACES.get).pip == ("/bin/uv", "tool", "run", "pip")
    with pytest.raises(EngineError, match="Neither pip nor uv"):
        find_tools(which={"c++": "/usr/bin/c++"}.get)
