"""What one step costs, by hand, and what travels between nodes."""

from dataclasses import replace

import pytest

from s1.batching import Layout
from s1.planning.memory import budget_of
from s1.planning.published import QWEN25_32B
from s1.planning.steps import Load, cost_of, lay_out, seconds
from s1.planning.traffic import breakeven_gbits, collective_seconds, exchange_seconds, pass_bytes
from tests.planning.sizes import SMALL, h100s

P = QWEN25_32B.num_parameters


def load_of(layout: Layout, **changes: object) -> Load:
    load = Load(
        shape=SMALL,
        layout=layout,
        machine=replace(h100s(1), gpus_per_node=layout.num_ranks),
        budget=budget_of(SMALL, num_ranks=layout.num_ranks, precision="bfloat16", zero_stage=3, loss_kernel="fused"),
        recompute="none",
        zero_stage=3,
        num_trained=SMALL.num_parameters,
    )
    return replace(load, **changes)  # type: ignore[arg-type]


def test_a_pass_takes_what_its_fullest_group_computes_and_the_mean_is_of_all() -> None:
    layout = Layout(2, 1)
    rows = lay_out([900, 300], layout=layout, max_tokens_per_rank=1000, attention_weight=0.0)
    (one,) = cost_of(load_of(layout), rows).passes

    def at_peak(length: int) -> float:
        matrices = 6 * SMALL.matrix_parameters * length
        return (matrices + 2.5 * 6 * 4 * 64 * length**2) / 989.5e12

    assert one.fullest == pytest.approx(at_peak(900))
    assert one.mean == pytest.approx((at_peak(900) + at_peak(300)) / 2)
    assert one.exchange == 0


def test_recomputing_adds_a_forward_pass_of_the_layers_but_not_of_the_head() -> None:
    layout = Layout(1, 1)
    rows = lay_out([500], layout=layout, max_tokens_per_rank=1000, attention_weight=0.0)
    kept, again = (
        cost_of(load_of(layout, recompute=mode), rows).passes[0].fullest * 989.5e12 for mode in ("none", "all")
    )
    layers = SMALL.num_layers * SMALL.layer_matrix_parameters
    assert again - kept == pytest.approx(2 * layers * 500 + 2.5 * 2 * SMALL.attention_units(500))


def test_frozen_weights_need_no_gradient_of_their_own() -> None:
    layout = Layout(1, 1)
    rows = lay_out([500], layout=layout, max_tokens_per_rank=1000, attention_weight=0.0)
    whole, lora = (
        cost_of(load_of(layout, num_trained=num), rows).passes[0].fullest * 989.5e12
        for num in (SMALL.num_parameters, 1000)
    )
    assert whole - lora == pytest.approx(2 * SMALL.matrix_parameters * 500)


def test_a_group_of_ranks_shares_the_work_and_pays_for_the_exchange() -> None:
    single, shared = (
        cost_of(load_of(layout), lay_out([800, 800], layout=layout, max_tokens_per_rank=2000, attention_weight=0.0))
        for layout in (Layout(2, 1), Layout(1, 2))
    )
    assert shared.passes[0].fullest == pytest.approx(single.passes[0].fullest)
    assert shared.passes[0].exchange > 0


def test_what_is_not_hidden_is_added() -> None:
    layout = Layout(2, 1)
    cost = cost_of(load_of(layout), lay_out([900, 300], layout=layout, max_tokens_per_rank=1000, attention_weight=0.0))
    (one,) = cost.passes
    computing, sending = one.fullest / 0.5, one.communication
    longer, shorter = max(computing, sending), min(computing, sending)
    assert seconds(cost, efficiency=0.5, exposed=0.0) == pytest.approx(longer + cost.closing)
    assert seconds(cost, efficiency=0.5, exposed=0.25) == pytest.approx(longer + 0.25 * shorter + cost.closing)
    assert seconds(cost, efficiency=0.5, exposed=1.0) == pytest.approx(longer + shorter + cost.closing)


def test_a_row_that_is_too_long_is_cut_into_passes_which_all_cost_communication() -> None:
    layout = Layout(1, 1)
    one = cost_of(load_of(layout), lay_out([400, 400], layout=layout, max_tokens_per_rank=800, attention_weight=0.0))
    two = cost_of(load_of(layout), lay_out([400, 400], layout=layout, max_tokens_per_rank=400, attention_weight=0.0))
    assert (len(one.passes), len(two.passes)) == (1, 2)
    assert sum(each.fullest for each in two.passes) == pytest.approx(one.passes[0].fullest)


@pytest.mark.parametrize(("gbits", "known"), [(400.0, 0.54), (200.0, 1.1), (100.0, 2.2), (50.0, 4.3), (12.5, 17.3)])
def test_weights_and_gradients_of_32b_take_as_long_as_was_worked_out(gbits: float, known: float) -> None:
    traffic = pass_bytes(P, num_trained=P, zero_stage=3)
    assert collective_seconds(traffic, h100s(gbits=gbits)) == pytest.approx(known, rel=0.02)


def test_inside_a_node_the_links_decide_and_alone_nothing_travels() -> None:
    traffic = pass_bytes(P, num_trained=P, zero_stage=3)
    assert collective_seconds(traffic, h100s(1)) == pytest.approx(traffic * 7 / 8 / (0.85 * 450e9))
    assert collective_seconds(traffic, replace(h100s(1), gpus_per_node=1)) == 0
    assert collective_seconds(traffic, h100s(gbits=None)) == pytest.approx(traffic * 15 / 16 / (0.85 * 450e9))


def test_at_break_even_the_network_takes_as_long_as_computing() -> None:
    traffic = pass_bytes(P, num_trained=P, zero_stage=3)
    gbits = breakeven_gbits(traffic, seconds=2.2, machine=h100s())
    assert gbits is not None
    assert collective_seconds(traffic, h100s(gbits=gbits)) == pytest.approx(2.2)
    assert breakeven_gbits(traffic, seconds=2.2, machine=h100s(1)) is None


def test_an_exchange_across_nodes_is_slower_than_inside_one() -> None:
    inside = exchange_seconds(QWEN25_32B, tokens_per_rank=5000, sequence_parallel=8, machine=h100s())
    across = exchange_seconds(QWEN25_32B, tokens_per_rank=5000, sequence_parallel=16, machine=h100s(gbits=100.0))
    assert inside == pytest.approx(0.054, rel=0.05)
    assert across > 4 * inside
