"""A training run planned on a cluster: what goes to the ranks, what is shown, what is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.cluster import Cluster, load_cluster
from s1.config import LoraParams, load_params
from s1.planning import ModelShape, PlanError
from s1.planning.published import QWEN25_7B, QWEN25_32B
from s1.training.bandwidth import NetworkReport
from s1.training.recompute import num_recomputed_layers
from s1.training.spec import TrainStep
from tasks.planning import PlannedRun, plan_run, ratios, recipe_of
from tasks.preflight import check_network, wants_preflight
from tests.planning.sizes import lengths_like
from tests.training.tiny import PARAMS

TRAIN = PARAMS.model_copy(update={"dtype": "bfloat16", "zero_stage": 3, "batch_size": 16, "num_epochs": 1})
LENGTHS = lengths_like("s1k-long")
H100S: dict[str, Any] = {
    "num_nodes": 2,
    "processes_per_node": 8,
    "device": "cuda",
    "launcher": "ssh",
    "hosts": ["a", "b"],
    "gpu": "H100-SXM-80GB",
    "network_gbits_per_gpu": 400.0,
    "max_tokens_per_rank": "auto",
}


def plan_on(cluster: dict[str, Any], **changes: Any) -> PlannedRun:
    arguments = {"train": TRAIN, "seed": 0, "shape": QWEN25_32B, "lengths": LENGTHS, "usd_per_gpu_hour": 2.0}
    return plan_run(Cluster(**cluster), **{**arguments, **changes})


def step(number: int, **changes: Any) -> TrainStep:
    figures = {
        "step": number,
        "epoch": 0,
        "loss": 1.0,
        "learning_rate": 0.1,
        "grad_norm": 1.0,
        "seconds": 3.0,
        "num_tokens": 80_000,
        "example_hash": "h",
        "max_over_mean": 1.5,
        "num_recomputed_layers": 16,
        "num_passes": 2,
    }
    return TrainStep(**{**figures, **changes})


def test_ranks_recompute_as_many_layers_as_the_plan_says() -> None:
    planned = plan_on(H100S)
    recompute = planned.spec_fields["recompute"]
    estimate = planned.plan.estimate
    assert estimate is not None and recompute.mode == "auto"
    expected = [cost.num_recomputed_layers for cost in estimate.costs]
    found = [
        num_recomputed_layers(recompute, num_tokens=rows.fullest_tokens, num_layers=64) for rows in planned.plan.rows
    ]
    assert found == expected and max(found) > min(found)


def test_figures_are_minutes_money_and_memory_of_the_plan() -> None:
    planned = plan_on(H100S)
    figures, estimate = planned.figures(), planned.plan.estimate
    assert estimate is not None
    assert figures["minutes"] == estimate.minutes.mid
    assert figures["usd"] == pytest.approx(figures["gpu_hours"] * 2.0)
    assert figures["gpu_hours"] == pytest.approx(figures["minutes"] * 16 / 60)
    assert figures["total_usd"] == pytest.approx(figures["total_minutes"] * 16 / 60 * 2.0)
    assert 60 < figures["peak_gb"] < 85.6


def test_actual_figures_have_the_names_of_the_plans() -> None:
    planned = plan_on(H100S)
    actual = planned.actual_figures([step(1), step(2, seconds=5.0)], num_layers=64)
    assert set(actual) <= set(planned.figures())
    assert actual["gpu_hours"] == pytest.approx(8 * 16 / 3600)
    assert actual["usd"] == pytest.approx(2 * 8 * 16 / 3600)
    assert actual["tokens_per_second_per_gpu"] == pytest.approx(160_000 / 8 / 16)
    assert (actual["max_over_mean"], actual["num_passes"], actual["recompute_share"]) == (1.5, 2, 0.25)
    estimate = planned.plan.estimate
    assert estimate is not None and actual["mfu"] == pytest.approx(estimate.model_flops / 8 / 16 / 989.5e12)


def test_ratios_are_of_what_both_know_and_never_divide_by_zero() -> None:
    assert ratios({"a": 3.0, "b": 1.0, "c": 1.0}, {"a": 2.0, "b": 0.0}) == {"a": 1.5}


def test_on_cpus_there_are_no_dollars() -> None:
    cluster = {"processes_per_node": 2, "device": "cpu", "max_tokens_per_rank": "auto"}
    planned = plan_on(cluster, usd_per_gpu_hour=None)
    assert not {"usd", "minutes", "mfu"} & set(planned.figures())
    assert set(planned.actual_figures([step(1)], num_layers=64)) == {
        "num_steps",
        "num_tokens",
        "max_over_mean",
        "num_passes",
        "minutes",
        "recompute_share",
    }


def test_gpus_of_no_known_kind_need_a_size_of_a_pass_and_recompute_everything() -> None:
    unknown = {**H100S, "gpu": None}
    with pytest.raises(PlanError, match=r"names no gpu.*--gpus.*or give max_tokens_per_rank as a number"):
        plan_on(unknown)
    planned = plan_on({**unknown, "max_tokens_per_rank": 4096, "sequence_parallel": 2})
    assert planned.spec_fields["recompute"].mode == "all"
    assert planned.plan.layout.sequence_parallel == 2
    assert "minutes" not in planned.figures()


@pytest.mark.parametrize(("dtype", "kernel"), [("bfloat16", "varlen"), ("float32", "sdpa")])
def test_attention_over_whole_rows_is_for_half_precision(dtype: str, kernel: str) -> None:
    train = TRAIN.model_copy(update={"dtype": dtype})
    cluster = {**H100S, "num_nodes": 1, "launcher": "local", "hosts": [], "gpu": "H200", "recompute": "all"}
    lengths = {str(number): 50 for number in range(16)}
    shape = replace(QWEN25_32B, num_layers=16)  # fits in single precision, too
    assert plan_on(cluster, train=train, shape=shape, lengths=lengths).spec_fields["attention"] == kernel


def test_lora_counts_as_what_it_trains() -> None:
    train = TRAIN.model_copy(update={"lora": LoraParams(rank=8, alpha=16.0, target_modules=["q_proj"])})
    recipe = recipe_of(train, seed=0, shape=QWEN25_32B)
    assert recipe.num_trained == 64 * 8 * (5120 + 5120)


def report(across: float | None) -> NetworkReport:
    return NetworkReport(
        device="cuda",
        world_size=16,
        ranks_per_node=8,
        bytes_per_rank=1,
        in_node_gbits_per_rank=2000.0,
        across_nodes_gbits_per_rank=across,
        across_nodes_seconds=1.0,
    )


def replan(cluster: Cluster) -> PlannedRun:
    return plan_run(cluster, train=TRAIN, seed=0, shape=QWEN25_32B, lengths=LENGTHS, usd_per_gpu_hour=2.0)


@pytest.mark.parametrize("across", [340.0, 300.0, None])
def test_a_network_as_planned_lets_training_start(across: float | None) -> None:
    check_network(plan_on(H100S), report(across), replan=replan)


def test_a_network_that_makes_the_plan_wrong_stops_it_and_says_how_to_plan_with_it() -> None:
    with pytest.raises(PlanError, match=r"carries 4\.3 Gb/s per GPU .*set network_gbits_per_gpu: 5\.1 in") as caught:
        check_network(plan_on(H100S), report(4.3), replan=replan)
    assert "minutes, not" in str(caught.value)
    slow = {**H100S, "network_gbits_per_gpu": 5.1}
    check_network(plan_on(slow), report(4.3), replan=replan)


def test_the_network_is_measured_where_file_or_environment_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("S1_PREFLIGHT", raising=False)
    cluster = Cluster(**H100S)
    assert not wants_preflight(cluster)
    assert wants_preflight(cluster.model_copy(update={"preflight": True}))
    monkeypatch.setenv("S1_PREFLIGHT", "1")
    assert wants_preflight(cluster)
    assert not wants_preflight(Cluster(processes_per_node=1, device="cpu", max_tokens_per_rank=10))


@pytest.mark.slow
def test_a_real_measurement_on_two_ranks_is_read_back(tmp_path: Path) -> None:
    from tasks.preflight import measure_network

    found = measure_network(Cluster(processes_per_node=2, device="cpu", max_tokens_per_rank=10), folder=tmp_path)
    assert found.world_size == 2 and found.in_node_gbits_per_rank is not None and found.in_node_gbits_per_rank > 0
    assert found.across_nodes_gbits_per_rank is None


PROJECT = Path(__file__).resolve().parents[2]
QWEN25_05B = ModelShape(
    num_layers=24,
    hidden_size=896,
    intermediate_size=4864,
    num_heads=14,
    num_kv_heads=2,
    head_size=64,
    vocabulary_size=151936,
    shares_embeddings=True,
    has_qkv_bias=True,
)


@pytest.mark.parametrize(
    ("profile", "cluster", "shape"),
    [
        ("qwen-0.5b-24gb", "one-24gb", QWEN25_05B),
        ("qwen-7b-lora-24gb", "one-24gb", QWEN25_7B),
        ("qwen-7b-8gpu", "one-8gpu", QWEN25_7B),
        ("s1-32b", "two-8gpu", QWEN25_32B),
    ],
)
def test_a_profile_fits_its_cluster_up_to_the_longest_example_that_it_lets_through(
    profile: str, cluster: str, shape: ModelShape
) -> None:
    params = load_params(PROJECT / f"profiles/{profile}.yaml")
    lengths = {"longest": params.tokenize.max_length, **{str(number): 5000 for number in range(31)}}
    planned = plan_run(
        load_cluster(cluster), train=params.train, seed=0, shape=shape, lengths=lengths, usd_per_gpu_hour=1.0
    )
    assert planned.plan.fit is not None
    assert planned.plan.fit.longest_example >= params.tokenize.max_length
