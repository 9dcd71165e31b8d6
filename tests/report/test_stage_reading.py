"""What stages counted and took is read as it was written: what was not counted stays unknown."""

from pydantic import JsonValue

from s1.report.content import DomainCount, FunnelStep
from s1.report.stage_reading import read_domains, read_figures, read_funnel, read_num_selected, read_stage_cost

CURATE: dict[str, JsonValue] = {
    "funnel": {"collected": 100, "decontaminated": 90, "quality": 88, "unique": 95},
    "reasons": {"duplicate": 5, "exact_benchmark": 2, "image": 2, "kept": 88, "ngram8": 3},
}
SELECT: dict[str, JsonValue] = {
    "funnel": {"hard": 60, "selected": 10, "traced": 59},
    "reasons": {"diversity": 9, "no_trace": 1, "not_drawn": 49, "prepick": 1, "too_easy_both": 28},
    "pool": {"domains": {"gears": 20, "dials": 39}},
    "selection": {"domains": {"dials": 10}},
}


def test_the_funnel_is_in_the_order_of_the_chain_with_each_reason_at_its_step() -> None:
    assert read_funnel(CURATE, SELECT) == [
        FunnelStep("collected", 100),
        FunnelStep("unique", 95, (("duplicate", 5),)),
        FunnelStep("decontaminated", 90, (("exact_benchmark", 2), ("ngram8", 3))),
        FunnelStep("quality", 88, (("image", 2),)),
        FunnelStep("hard", 60, (("too_easy_both", 28),)),
        FunnelStep("traced", 59, (("no_trace", 1),)),
        FunnelStep("selected", 10, (("not_drawn", 49),), (("diversity", 9), ("prepick", 1))),
    ]


def test_steps_that_were_not_counted_are_none_and_no_counts_are_no_funnel() -> None:
    assert [step.count for step in read_funnel(CURATE, None)] == [100, 95, 90, 88, None, None, None]
    assert read_funnel(None, None) == []
    assert read_num_selected(None) is None
    assert read_num_selected(SELECT) == 10


def test_domains_come_most_frequent_first_and_absent_ones_count_zero() -> None:
    assert read_domains(SELECT) == [DomainCount("dials", 39, 10), DomainCount("gears", 20, 0)]
    assert read_domains(None) == []


def test_a_ledger_is_read_in_hours_with_its_tokens_by_kind() -> None:
    cost = read_stage_cost(
        "train", {"cpu_seconds": 1800.0, "target_tokens": 12.0, "wall_seconds": 60.0, "num_tries": 1.0}, dollars=0.5
    )
    assert (cost.wall_seconds, cost.cpu_hours, cost.gpu_hours, cost.dollars) == (60.0, 0.5, None, 0.5)
    assert cost.tokens == (("target", 12.0),)


def test_a_language_models_tokens_are_shown_by_its_name() -> None:
    ledger = {"model/gemini-2.5-flash/input_tokens": 5.0, "model/org/m/batch_output_tokens": 2.0}
    cost = read_stage_cost("score", ledger, dollars=None)
    assert cost.tokens == (("gemini-2.5-flash input", 5.0), ("org/m batch output", 2.0))


def test_a_stage_without_a_ledger_is_not_measured() -> None:
    cost = read_stage_cost("train", None, dollars=None)
    assert (cost.wall_seconds, cost.cpu_hours, cost.gpu_hours, cost.dollars, cost.tokens) == (None,) * 4 + ((),)


def test_nested_figures_are_named_by_their_path_and_texts_are_left_out() -> None:
    figures: dict[str, JsonValue] = {
        "loss": {"last_epoch": 0.5},
        "num_steps": 3,
        "note": "x",
        "resumed_from_step": None,
    }
    assert read_figures(figures) == [("loss, last epoch", 0.5), ("num steps", 3.0), ("resumed from step", None)]
