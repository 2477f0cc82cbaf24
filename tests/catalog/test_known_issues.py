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
    assert "27148" in cache.references[0]  # a conversation in another's slot
    assert "25740 (memory only)" in cache.references[1]
    assert "slot" in cache.what
    assert "image" not in cache.what


@pytest.mark.parametrize(("version", "refused"), [("0.6.4", True), ("0.7.1", True), ("0.7.2", False)])
def test_moondream2_is_refused_before_the_version_that_loads_its_checkpoints(
    version: str, refused: bool
) -> None:
    """0.6.4 has a module of that name, but does not know the model type of the published config.json."""
    issue = refusal("mlx", version, "moondream2", "moondream1")
    assert (issue is not None) == refused
    if issue is not None:
        assert "0.7.2" in refused_by(issue, "mlx", version)
        assert "2301" in issue.references[0]


def test_the_vision_cache_is_no_issue_since_the_version_that_fixed_it() -> None:
    def has(version: str) -> bool:
        return "mlx-vision-cache-path" in {issue.code for issue in issues_of_engine("mlx", version)}

    assert [has(version) for version in ("0.7.8", "0.7.9", "0.7.10")] == [True, False, False]


def test_an_image_error_makes_later_requests_fail() -> None:
    """It was said to turn answers to nonsense."""
    (issue,) = (one for one in known_issues() if one.code == "mlx-image-error-poisons")
    assert "fail with the same error" in issue.what
    assert "nonsense" not in issue.hint


def test_a_file_that_llama_cpps_own_tests_leave_out_is_known() -> None:
    def codes(model: str) -> set[str]:
        return {issue.code for issue in issues_of_model("llama.cpp", "2026.10.11549", model)}

    assert "smolvlm-256m-wrong-answers" in codes("smolvlm-256m")
    assert "smolvlm-256m-wrong-answers" not in codes("smolvlm-500m")


def test_a_refusal_names_the_version_the_fix_and_the_source() -> None:
    issue = refusal("mlx", "0.4.0", "llava-1.6-mistral-7b")
    assert issue is not None
    said = refused_by(issue, "mlx", "0.4.0")
    assert all(part in said for part in ("mlx 0.4.0", "0.4.1", "second image", "821"))
    assert "pip install --upgrade 'mlx-vlm>=0.4.1'" in issue.hint
