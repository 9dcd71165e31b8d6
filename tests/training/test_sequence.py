"""Ranks that share rows (Ulysses) through the real worker, and sizes of groups that cannot be."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from torch import distributed

from s1.artifacts import read_jsonl
from s1.batching import LayoutError
from s1.training.sequence import share_rows
from s1.training.spec import TrainStep
from tests.training.plain_loop import simulate
from tests.training.ranks import run_ranks, trained
from tests.training.tiny import PARAMS, make_model, make_spec


def test_two_ranks_that_share_every_row_take_the_steps_that_one_process_takes(tmp_path: Path) -> None:
    spec = make_spec(tmp_path, train=PARAMS.model_copy(update={"zero_stage": 3}))
    spec = spec.model_copy(update={"sequence_parallel": 2})
    ended = run_ranks(spec)
    assert ended.statuses == [0, 0], ended.errors
    steps = read_jsonl(spec.steps_file, TrainStep)
    losses, expected = simulate(spec)
    assert [step.loss for step in steps] == pytest.approx(losses, rel=1e-5)
    assert {step.max_over_mean for step in steps} == {1.0}
    actual = trained(spec)
    # Saved once, and the head is tied to the embedding.
    assert actual.keys() == expected.keys() - {"lm_head.weight"}
    assert max(float((actual[name] - expected[name]).abs().max()) for name in actual) < 1e-5


@pytest.fixture
def process_group(tmp_path: Path) -> Iterator[None]:
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.usefixtures("process_group")
def test_a_group_larger_than_the_run_is_refused_with_the_sizes_that_go() -> None:
    with pytest.raises(LayoutError, match="sequence_parallel 2 is not possible: it does not divide the 1 ranks"):
        share_rows(make_model(), sequence_parallel=2, attention="sdpa")


@pytest.mark.usefixtures("process_group")
def test_one_rank_alone_attends_by_the_core_itself() -> None:
    model = make_model()
    assert share_rows(model, sequence_parallel=1, attention="sdpa").num_groups == 1
    assert model.config._attn_implementation == "s1_sdpa"
