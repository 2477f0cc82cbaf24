"""Which origins are allowed: whole ones, and all of a scheme."""

import pytest

from viewfinder.gateway.origins import Origins

ORIGINS = Origins(
    ["https://App.example/", "app://", "vscode-webview://*", "moz-extension:///", "tauri://localhost"]
)


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example",
        "app://obsidian.md",
        "app://.",
        "app://",
        "vscode-webview://1ab2c",
        "tauri://localhost",
    ],
)
def test_allowed(origin: str) -> None:
    assert origin in ORIGINS


@pytest.mark.parametrize(
    "origin",
    [
        "http://app.example",
        "https://app.example.evil.example",
        "tauri://other",
        "tauri://",
        "app2://x",
        "xapp://x",
        "app:x",
        "app://x/y",
        "app://x y",
        "https://app://x",
        "null",
        "*",
        "",
        None,
    ],
)
def test_not_allowed(origin: object) -> None:
    assert origin not in ORIGINS
    assert origin not in Origins()
