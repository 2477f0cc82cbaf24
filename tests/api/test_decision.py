"""A decision of a cascade, as Python and `decide` get it."""

from viewfinder.api.decision import decision_in


def test_it_names_the_model_that_answered_and_why() -> None:
    told = {
        "model": "better",
        "chosen_because": "small was 0.60 sure, below 0.90",
        "raw": 0.2,
        "calibrated": 0.3,
        "not_calibrated": None,
        "mass": 1.0,
        "order_difference": 0.0,
    }
    decision = decision_in({"answers": [{"type": "predicate", "probability": 0.3, "viewfinder": told}]}, 0.75)
    assert (decision.answer, decision.probability, decision.is_sure) == ("no", 0.7, False)
    assert (decision.answered_by, decision.chosen_because) == ("better", "small was 0.60 sure, below 0.90")
    told["chosen_because"] = None
    alone = decision_in({"answers": [{"type": "predicate", "probability": 0.3, "viewfinder": told}]}, None)
    assert (alone.answered_by, alone.chosen_because) == ("better", "")
