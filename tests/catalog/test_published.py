"""The published report: every figure as it was printed."""

from decimal import Decimal

from viewfinder.catalog.published import published

PRINTED = {
    # model id: vision, text, average inference s, load s, memory difference GB, status
    "ggml-org/SmolVLM-500M-Instruct-GGUF": (True, True, "0.32", "2.04", "0.07", "production ready"),
    "mlx-community/SmolVLM2-500M-Video-Instruct-mlx": (True, True, "6.20", "1.02", "0.06", "best overall"),
    "vikhyatk/moondream2": (True, False, "5.89", "5.34", "-1.15", "vision-only"),
    "mlx-community/llava-v1.6-mistral-7b-4bit": (True, True, "6.70", "3.05", "-0.40", "state issues, avoid"),
    "mlx-community/Phi-3.5-vision-instruct-4bit": (True, True, "10.10", "1.52", "0.28", "balanced"),
}


def test_every_row_is_as_printed() -> None:
    rows = {
        row.model_id: (
            row.vision,
            row.text,
            str(row.average_inference_s),
            str(row.load_s),
            str(row.memory_difference_gb),
            row.status,
        )
        for row in published().models
    }
    assert rows == PRINTED


def test_negative_memory_is_kept() -> None:
    assert min(row.memory_difference_gb for row in published().models) == Decimal("-1.15")


def test_claims_and_issues_are_there() -> None:
    report = published()
    assert report.date == "2025-07-28"
    assert "M3" in report.environment
    assert len(report.claims) == 4
    assert any("0.32 s against 3.40 s" in claim for claim in report.claims)
    assert any("1.95 GB" in claim for claim in report.claims)
    baseline = "HuggingFaceTB/SmolVLM-500M-Instruct on transformers, load 4.07 s"
    assert any(f"the edition of 2025-07-22: {baseline}" in claim for claim in report.claims)
    assert not any("not named" in claim or "unnamed" in claim for claim in report.claims)
    assert len(report.known_issues) == 3
    assert report.caveats
