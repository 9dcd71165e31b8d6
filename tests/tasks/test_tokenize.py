"""The length policy and the figures of the tokenize stage, and the step log that the train stage follows."""

import json
from pathlib import Path

import pytest

from s1.config import TokenizeParams
from s1.records import Example
from s1.training.spec import TrainStep
from tasks.stage import StageContext
from tasks.tokenize_ import apply_length_limit, measure
from tasks.train import StepFollower
from tasks.train import measure as measure_training

SHORT = Example(question_id="short", input_ids=[1, 2, 3], loss_mask=[0, 1, 1])
LONG = Example(question_id="long", input_ids=[1, 2, 3, 4, 5], loss_mask=[0, 0, 1, 1, 1])
PROMPT_ONLY = Example(question_id="prompt", input_ids=[1, 2, 3, 4, 5], loss_mask=[0, 0, 0, 0, 1])


def test_the_policy_fail_names_the_question() -> None:
    with pytest.raises(ValueError, match=r"question long has 5 tokens where tokenize.max_length allows 4"):
        apply_length_limit([SHORT, LONG], tokenize=TokenizeParams(max_length=4, over_length="fail"))


def test_the_policy_drop_leaves_out_and_counts() -> None:
    params = TokenizeParams(max_length=4, over_length="drop", max_cut_share=0.5)
    kept = apply_length_limit([SHORT, LONG], tokenize=params)
    assert kept == [SHORT]
    figures = measure([SHORT, LONG], kept, tokenize=params)
    assert (figures["num_dropped"], figures["num_cut"], figures["num_target_tokens"]) == (1, 0, 2)


def test_the_policy_cut_shortens_and_counts() -> None:
    params = TokenizeParams(max_length=4, over_length="cut", max_cut_share=1.0)
    kept = apply_length_limit([SHORT, LONG], tokenize=params)
    assert kept[1] == Example(question_id="long", input_ids=[1, 2, 3, 4], loss_mask=[0, 0, 1, 1])
    figures = measure([SHORT, LONG], kept, tokenize=params)
    assert figures["num_cut"] == 1
    assert figures["length"] == {"min": 3, "mean": 3.5, "median": 3.5, "max": 4}


def test_cutting_into_the_prompt_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="question prompt: its prompt alone fills"):
        apply_length_limit([PROMPT_ONLY], tokenize=TokenizeParams(max_length=4, over_length="cut", max_cut_share=1.0))


def test_nothing_left_is_refused() -> None:
    params = TokenizeParams(max_length=2, over_length="drop", max_cut_share=1.0)
    with pytest.raises(ValueError, match="none of 1 examples is left"):
        measure([SHORT], apply_length_limit([SHORT], tokenize=params), tokenize=params)


def make_step(number: int, *, epoch: int, loss: float) -> TrainStep:
    return TrainStep(
        step=number,
        epoch=epoch,
        loss=loss,
        learning_rate=0.1,
        grad_norm=1.0,
        seconds=0.5,
        num_tokens=100,
        example_hash="0",
    )


def test_the_step_log_is_followed_line_by_line_and_a_rewritten_one_is_not_told_twice(tmp_path: Path) -> None:
    seen: list[int] = []
    stage = StageContext(
        name="train",
        work_folder=tmp_path,
        progress=lambda done, total, note: None,
        run_shard=lambda name, work: work(),
        track_step=lambda step, figures: seen.append(step),
    )
    path = tmp_path / "steps.jsonl"
    follower = StepFollower(path, stage=stage, total=3)
    follower.follow()
    lines = [make_step(number, epoch=0, loss=1.0).model_dump_json() for number in (1, 2, 3)]
    path.write_text("\n".join(lines[:2]) + "\n" + lines[2][:10])
    follower.follow()
    assert seen == [1, 2]
    path.write_text(lines[0] + "\n")
    follower.follow()
    path.write_text("\n".join(lines) + "\n")
    follower.follow()
    assert seen == [1, 2, 3]


def test_training_figures_are_means_over_epochs() -> None:
    steps = [make_step(n, epoch=e, loss=x) for n, e, x in [(1, 0, 4.0), (2, 0, 2.0), (3, 1, 1.5), (4, 1, 0.5)]]
    figures = measure_training(steps, resumed_from_step=2)
    assert json.loads(json.dumps(figures)) == {
        "num_steps": 4,
        "num_tokens": 400,
        "loss": {"first_epoch": 3.0, "last_epoch": 1.0},
        "tokens_per_second": 200.0,
        "resumed_from_step": 2,
    }
