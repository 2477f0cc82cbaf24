"""The list of known issues: what each entry applies to, and whether it is recognized."""

import pytest

from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.known_issues import (
    KnownIssue,
    issues_of_engine,
    issues_of_model,
    known_issues,
    recognize,
    refusal,
    refused_by,
)

LAST_WORDS = {
    "llava-next-second-image": "input operand has more dimensions than allowed by the axis remapping",
    "moondream2-no-port": "ValueError: Model type moondream1 not supported. Error: No module named 'x'",
    "mlx-needs-compiler": "sh: 1: g++: not found",
    "transformers-needs-torchvision": "Qwen2VLVideoProcessor requires the Torchvision library but it was",
    "llama-cpp-image-without-projector": "image input is not supported - hint: if this is unexpected, you",
    "llama-cpp-concurrent-images": "It crashed: it touched memory that is not its own (signal 11, SIGSEGV).",
    "llama-cpp-build-for-another-cpu": "this build needs another CPU (signal 4, SIGILL).",
}
"""The output that each signature was written for."""
OLD = {"mlx": "0.3.0"}


@pytest.mark.parametrize("issue", known_issues(), ids=lambda issue: issue.code)
def test_an_entry_is_whole(issue: KnownIssue) -> None:
    assert issue.what.endswith(".")
    assert issue.remedy.endswith(".")
    assert issue.hint.startswith(issue.remedy)
    assert (issue.kind == "refuse") <= bool(issue.affected)
    assert set(issue.models) <= set(Catalog().names())
    types = {variant.model_type for card in Catalog().cards() for variant in card.variants}
    assert not issue.model_types or types & set(issue.model_types)


def test_no_two_entries_share_a_code() -> None:
    codes = [issue.code for issue in known_issues()]
    assert len(codes) == len(set(codes))


def test_every_signature_finds_the_words_that_it_was_written_for_and_no_others() -> None:
    signed = {issue.code: issue for issue in known_issues() if issue.signature}
    assert signed.keys() == LAST_WORDS.keys()
    for code, words in LAST_WORDS.items():
        engine = signed[code].engine
        found = recognize(engine, OLD.get(engine, "1"), f"Traceback\n{words}\n")
        assert found is not None
        assert found.code == code
        assert recognize(engine, OLD.get(engine, "1"), "loading the model\nready") is None
        assert recognize("another", "1", words) is None


@pytest.mark.parametrize(
    ("version", "refused"),
    [("0.3.9", True), ("0.4.0", True), ("0.4.1", False), ("0.7.10", False)],
)
def test_llava_is_refused_before_the_version_that_fixed_it(version: str, refused: bool) -> None:
    assert (refusal("mlx", version, "llava-1.6-mistral-7b") is not None) == refused
    assert (refusal("mlx", version, "mine", "llava_next") is not None) == refused
    assert refusal("mlx", version, "smolvlm-500m", "idefics3") is None
    assert refusal("llama.cpp", version, "llava-1.6-mistral-7b") is None


def test_a_version_that_pip_cannot_read_has_what_all_have() -> None:
    assert {issue.code for issue in issues_of_engine("llama.cpp", "b10434-custom")} == {
        issue.code for issue in known_issues() if issue.engine == "llama.cpp" and not issue.affected
    }
    assert refusal("mlx", "unknown", "llava-1.6-mistral-7b") is None


def test_a_model_has_the_engines_issues_and_its_own() -> None:
    of_engine = {issue.code for issue in issues_of_engine("mlx", "0.4.0")}
    of_smolvlm = {issue.code for issue in issues_of_model("mlx", "0.4.0", "smolvlm-500m", "idefics3")}
    assert of_engine - of_smolvlm == {"llava-next-second-image", "moondream2-no-port"}
    assert "mlx-concurrency" in of_smolvlm


def test_the_host_prompt_cache_is_known_and_taken_care_of() -> None:
    (cache,) = (issue for issue in known_issues() if issue.code == "llama-cpp-host-prompt-cache")
    assert cache.kind == "prevented"
    assert any("25740" in reference for reference in cache.references)


def test_a_refusal_names_the_version_the_fix_and_the_source() -> None:
    issue = refusal("mlx", "0.4.0", "llava-1.6-mistral-7b")
    assert issue is not None
    said = refused_by(issue, "mlx", "0.4.0")
    assert all(part in said for part in ("mlx 0.4.0", "0.4.1", "second image", "821"))
    assert "pip install --upgrade 'mlx-vlm>=0.4.1'" in issue.hint
