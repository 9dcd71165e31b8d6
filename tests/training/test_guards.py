"""What stops a run: input that is not for the model, losses that jump, memory that runs out."""

import logging

import pytest

from s1.batching import Step
from s1.config import SpikeParams
from s1.records import Example
from s1.training.guards import (
    LossWatch,
    TrainingError,
    check_examples,
    check_grad_norm,
    explain_memory,
    is_loss_of_peer,
)
from s1.training.spec import TrainStep
from tests.training.tiny import make_spec

STEP = Step(number=12, epoch=0, example_ids=("a", "b", "c"))
SPIKE = SpikeParams(ratio=3.0, num_steps=3, min_loss=1.0)


def record(loss: float, *, losses: tuple[float, ...] = ()) -> TrainStep:
    return TrainStep(
        step=12,
        epoch=0,
        loss=loss,
        learning_rate=0.1,
        grad_norm=1.0,
        seconds=1.0,
        num_tokens=10,
        example_hash=STEP.example_hash,
        example_losses=losses,
    )


def example(name: str, *ids: int) -> Example:
    return Example(question_id=name, input_ids=list(ids), loss_mask=[0] + [1] * (len(ids) - 1))


def test_a_jump_is_told_with_the_usual_loss_and_the_worst_examples_first() -> None:
    watch = LossWatch(SPIKE, past=[record(0.4), record(0.5), record(0.6)])
    with pytest.raises(
        TrainingError, match=r"step 12: the loss jumped to 2, more than 3 times the median of the 3"
    ) as e:
        watch.check(record(2.0, losses=(0.5, 5.0, 0.5)), STEP)
    assert "(0.5). Its examples, worst first: b (5), a (0.5), c (0.5). No checkpoint holds this step" in str(e.value)


def test_a_loss_at_the_ratio_or_below_the_least_is_no_jump() -> None:
    watch = LossWatch(SPIKE, past=[record(0.4), record(0.5), record(0.6)])
    watch.check(record(1.5), STEP)
    watch = LossWatch(SPIKE, past=[record(0.01)] * 3)
    watch.check(record(1.0), STEP)


def test_nothing_is_judged_before_there_are_enough_steps() -> None:
    watch = LossWatch(SPIKE, past=[record(0.1), record(0.1)])
    watch.check(record(9.0), STEP)
    with pytest.raises(TrainingError, match="jumped"):
        watch.check(record(9.0), STEP)


def test_a_resumed_watch_judges_as_one_that_saw_all_steps() -> None:
    losses = [2.0, 0.5, 0.5, 0.5]
    never_stopped = LossWatch(SPIKE, past=[])
    for loss in losses:
        never_stopped.check(record(loss), STEP)
    resumed = LossWatch(SPIKE, past=[record(loss) for loss in losses])
    for watch in (never_stopped, resumed):
        with pytest.raises(TrainingError, match=r"\(0.5\)"):
            watch.check(record(1.6), STEP)


def test_without_a_setting_no_jump_stops_the_run() -> None:
    watch = LossWatch(None, past=[])
    for loss in (0.1, 0.1, 100.0):
        watch.check(record(loss), STEP)


def test_a_gradient_that_is_no_number_is_told_with_the_examples() -> None:
    with pytest.raises(TrainingError, match=r"step 12: the gradient norm is nan; .* a, b, c"):
        check_grad_norm(float("nan"), STEP)


def test_a_token_that_the_model_does_not_have_is_refused_with_the_example() -> None:
    check_examples([example("q1", 0, 23)], model_config={"vocab_size": 24}, max_row_tokens=10)
    with pytest.raises(TrainingError, match=r"example q2 holds the token id 24, but the model has 24 \(0 to 23\)"):
        check_examples([example("q1", 1), example("q2", 1, 24)], model_config={"vocab_size": 24}, max_row_tokens=10)
    with pytest.raises(TrainingError, match=r"example q3 holds the token id -1"):
        check_examples([example("q3", -1, 5)], model_config={"vocab_size": 24}, max_row_tokens=10)


def test_an_example_longer_than_the_models_positions_is_refused() -> None:
    long = example("q1", *range(9))
    config = {"vocab_size": 24, "max_position_embeddings": 8}
    with pytest.raises(TrainingError, match=r"example q1 has 9 tokens, but the model's positions end at 8"):
        check_examples([long], model_config=config, max_row_tokens=10)
    stretched = {**config, "rope_scaling": {"factor": 4.0, "original_max_position_embeddings": 8}}
    check_examples([long], model_config=stretched, max_row_tokens=10)


def test_an_example_longer_than_a_row_is_warned_of_by_name(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        check_examples([example("q1", 1, 2, 3), example("q2", 1)], model_config={}, max_row_tokens=2)
    assert "1 examples are longer than the 2 tokens of a row" in caplog.text
    assert caplog.text.rstrip().endswith("memory: q1")


def test_memory_that_ran_out_is_told_with_the_longest_example_and_what_to_turn(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    spec = make_spec(tmp_path_factory.mktemp("memory"), num_examples=3)
    told = explain_memory(RuntimeError("CUDA out of memory. Tried to allocate\nmore"), STEP, [5, 30, 7], spec=spec)
    assert told.startswith("step 12: out of memory with 42 tokens in 3 examples, the longest 30 (b), at max_tokens")
    assert "then lower max_tokens_per_rank or raise sequence_parallel" in told
    assert told.endswith("Said by torch: CUDA out of memory. Tried to allocate")


def test_only_a_lost_peer_counts_as_one() -> None:
    assert is_loss_of_peer(RuntimeError("[gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:5023"))
    assert not is_loss_of_peer(RuntimeError("shape mismatch"))
