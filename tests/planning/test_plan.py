"""Plans: the fastest of what fits, and refusals that say what would."""

from dataclasses import replace

import pytest

from s1.batching import Layout
from s1.planning import Machine, PlanError, Wishes, find_gpu, make_cpu_plan, make_plan
from s1.planning.proposals import longest_example
from s1.planning.published import QWEN25_32B
from s1.planning.reference import dealt_max_over_mean, estimate_reference
from tests.planning.sizes import RECIPE, SMALL, h100s, lengths_like

S1K = lengths_like("s1k-short")
ONCE = replace(RECIPE, num_epochs=1)


def test_the_papers_run_is_planned_balanced_and_well_below_the_reference() -> None:
    plan = make_plan(QWEN25_32B, S1K, recipe=RECIPE, machine=h100s())
    reference = estimate_reference(QWEN25_32B, S1K, recipe=RECIPE, machine=h100s())
    assert plan.estimate is not None and plan.fit is not None and reference is not None
    assert len(plan.steps) == len(plan.rows) == 315
    assert plan.max_over_mean < 1.02 < 1.4 < dealt_max_over_mean(plan.steps, S1K, num_ranks=16)
    assert plan.estimate.waste < 0.02 < 0.3 < reference.waste
    assert plan.estimate.minutes.mid < 0.65 * reference.minutes.mid
    minutes = plan.estimate.minutes
    assert plan.estimate.floor_minutes < minutes.low < minutes.mid < minutes.high
    assert plan.fit.peak_bytes <= find_gpu("H100-SXM-80GB").memory_bytes


def test_minutes_hours_and_use_of_the_peak_agree() -> None:
    estimate = make_plan(QWEN25_32B, S1K, recipe=ONCE, machine=h100s()).estimate
    assert estimate is not None
    flops = sum(QWEN25_32B.training_flops(S1K[name]) for step in _steps(S1K) for name in step)
    assert estimate.model_flops == pytest.approx(flops)
    assert estimate.floor_minutes == pytest.approx(flops / 16 / 989.5e12 / 60)
    assert estimate.mfu == pytest.approx(estimate.floor_minutes / estimate.minutes.mid)
    assert estimate.step_gpu_hours == pytest.approx(estimate.minutes.mid * 16 / 60)


def _steps(lengths: dict[str, int]) -> list[tuple[str, ...]]:
    from s1.batching import plan_steps

    return [step.example_ids for step in plan_steps(list(lengths), batch_size=16, num_epochs=1, seed=0)]


def test_a_slow_network_is_told() -> None:
    fast, slow = (make_plan(QWEN25_32B, S1K, recipe=ONCE, machine=h100s(gbits=gbits)).estimate for gbits in (400, 5))
    assert fast is not None and slow is not None
    assert (fast.bound_share, slow.bound_share) == (0.0, 1.0)
    assert slow.minutes.mid > 5 * fast.minutes.mid
    assert fast.breakeven_gbits_per_gpu is not None and 5 < fast.breakeven_gbits_per_gpu < 400


def test_what_a_user_fixed_stays_fixed() -> None:
    wishes = Wishes(sequence_parallel=4, max_tokens_per_rank=3000, recompute="all", loss_kernel="chunked")
    plan = make_plan(QWEN25_32B, S1K, recipe=RECIPE, machine=h100s(), wishes=wishes)
    assert (plan.layout, plan.max_tokens_per_rank) == (Layout(4, 4), 3000)
    assert (plan.recompute, plan.loss_kernel) == ("all", "chunked")
    assert plan.estimate is not None and plan.estimate.recompute_share == 1.0


def test_the_chosen_layout_is_no_slower_than_any_that_a_user_could_fix() -> None:
    def minutes(wishes: Wishes) -> float:
        estimate = make_plan(QWEN25_32B, S1K, recipe=ONCE, machine=h100s(), wishes=wishes).estimate
        assert estimate is not None
        return estimate.minutes.mid

    assert all(minutes(Wishes()) <= 1.01 * minutes(Wishes(sequence_parallel=size)) for size in (1, 2, 4, 8))


def test_an_efficiency_that_was_measured_replaces_the_constant() -> None:
    alone = replace(h100s(1), gpus_per_node=1)  # nothing travels, so time follows efficiency

    def minutes(efficiency: float) -> float:
        plan = make_plan(SMALL, {"a": 70000}, recipe=RECIPE, machine=alone, wishes=Wishes(efficiency=efficiency))
        assert plan.estimate is not None and plan.stack.source == "as measured on this cluster, by its file"
        return plan.estimate.minutes.mid

    assert minutes(0.25) == pytest.approx(2 * minutes(0.5), rel=0.001)


@pytest.mark.parametrize("size", [3, 16])
def test_a_size_that_heads_or_ranks_do_not_allow_is_refused_with_those_that_they_do(size: int) -> None:
    with pytest.raises(PlanError, match=rf"sequence_parallel {size} is not .* 40 .* file to 1, 2, 4, 8 or auto"):
        make_plan(QWEN25_32B, S1K, recipe=RECIPE, machine=h100s(), wishes=Wishes(sequence_parallel=size))


def proposals(error: PlanError) -> list[str]:
    return [line[2:] for line in str(error).splitlines()[1:]]


def test_states_that_do_not_fit_are_refused_with_what_would() -> None:
    recipe, machine = replace(RECIPE, zero_stage=2), Machine(find_gpu("H100-SXM-80GB"), gpus_per_node=16)
    with pytest.raises(PlanError, match="weights, gradients and optimizer take 92 GiB, .* on each of 16") as caught:
        make_plan(QWEN25_32B, S1K, recipe=recipe, machine=machine)
    assert [way.split(",")[0].split(";")[0] for way in proposals(caught.value)] == [
        "train.zero_stage: 3",
        "16 H200 with train.zero_stage: 3",
        "32 H100-SXM-80GB with train.zero_stage: 3",
        "LoRA (train.lora with rank 16) and train.zero_stage: 3",
    ]


def test_an_example_that_is_too_long_is_refused_with_the_length_that_fits() -> None:
    limit = longest_example(QWEN25_32B, recipe=RECIPE, machine=h100s(), wishes=Wishes())
    make_plan(QWEN25_32B, {"a": limit, "b": 10}, recipe=RECIPE, machine=h100s())
    with pytest.raises(PlanError, match=f"has {limit + 1} tokens, and {limit} fit on 16") as caught:
        make_plan(QWEN25_32B, {"a": limit + 1, "b": 10}, recipe=RECIPE, machine=h100s())
    assert f"shorter examples (tokenize.max_length {limit};" in proposals(caught.value)[-1]


def test_a_machine_without_hope_is_offered_no_false_way_out() -> None:
    card = Machine(find_gpu("RTX-4090"), gpus_per_node=1)
    with pytest.raises(PlanError) as caught:
        make_plan(QWEN25_32B, S1K, recipe=RECIPE, machine=card)
    assert proposals(caught.value) == ["64 RTX-4090 with train.zero_stage: 3"]


def test_a_pass_that_is_wished_too_large_is_refused_by_its_name() -> None:
    wishes = Wishes(max_tokens_per_rank=10**7)
    with pytest.raises(PlanError, match="max_tokens_per_rank 10000000 does not fit: ") as caught:
        make_plan(QWEN25_32B, S1K, recipe=RECIPE, machine=h100s(), wishes=wishes)
    assert proposals(caught.value)[0] == "max_tokens_per_rank: auto in the cluster's file"


def test_an_unknown_gpu_is_answered_with_those_that_are_known() -> None:
    assert find_gpu("h200").name == "H200"
    with pytest.raises(PlanError, match=r"gpu 'V100' is not known; plans know H100-SXM-80GB, H200, "):
        find_gpu("V100")


def test_on_cpus_ranks_compute_alone_and_nothing_is_foretold() -> None:
    lengths = {"a": 30, "b": 20, "c": 12}
    plan = make_cpu_plan(SMALL, lengths, recipe=replace(RECIPE, batch_size=3), num_ranks=2, wishes=Wishes())
    assert (plan.layout, plan.recompute, plan.estimate, plan.fit) == (Layout(2, 1), "none", None, None)
    assert plan.attention_weight == SMALL.attention_weight
    assert {row for group in plan.rows[0].rows for row in map(sorted_row, group)} == {(30,), (12, 20)}


def sorted_row(row: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(row))


def test_the_reference_does_not_fit_where_its_logits_do_not() -> None:
    assert estimate_reference(QWEN25_32B, {"a": 20_400, "b": 9}, recipe=RECIPE, machine=h100s()) is not None
    assert estimate_reference(QWEN25_32B, {"a": 20_500, "b": 9}, recipe=RECIPE, machine=h100s()) is None
