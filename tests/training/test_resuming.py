"""What makes two runs the same recipe, and the last words of a rank."""

import errno
from pathlib import Path
from types import SimpleNamespace

import pytest
from torch import nn

from s1.training.examples import read_examples
from s1.training.last_words import explain_end
from s1.training.resuming import describe_recipe, space_needed
from s1.training.spec import TrainSpec
from tests.training.tiny import PARAMS, make_model, make_spec


def different(first: TrainSpec, second: TrainSpec) -> set[str]:
    one = describe_recipe(first, read_examples(first.examples_file))
    other = describe_recipe(second, read_examples(second.examples_file))
    assert one.keys() == other.keys()
    return {key for key in one if one[key] != other[key]}


def test_layout_kernels_and_how_often_states_are_saved_are_no_part_of_a_recipe(tmp_path: Path) -> None:
    spec = make_spec(tmp_path)
    other = spec.model_copy(
        update={
            "train": PARAMS.model_copy(update={"checkpoint_every_steps": 7, "spike": None}),
            "max_tokens_per_rank": 99,
            "sequence_parallel": 2,
            "loss_kernel": "plain",
            "run_folder": tmp_path / "elsewhere",
        }
    )
    assert different(spec, other) == set()


@pytest.mark.parametrize(
    ("key", "value"), [("learning_rate", 0.02), ("objective", "token-mean"), ("zero_stage", 3), ("batch_size", 5)]
)
def test_every_setting_that_changes_the_result_is_part_of_it(tmp_path: Path, key: str, value: object) -> None:
    spec = make_spec(tmp_path)
    other = spec.model_copy(update={"train": PARAMS.model_copy(update={key: value})})
    assert different(spec, other) == {f"train.{key}"}


def test_another_seed_is_another_recipe(tmp_path: Path) -> None:
    spec = make_spec(tmp_path)
    assert different(spec, spec.model_copy(update={"seed": 8})) == {"seed"}


def test_weights_of_the_same_shape_are_told_apart(tmp_path: Path) -> None:
    spec = make_spec(tmp_path)
    make_model(seed=1).save_pretrained(tmp_path / "other")
    assert different(spec, spec.model_copy(update={"model_folder": tmp_path / "other"})) == {"base model"}


def test_one_other_token_is_another_recipe_and_another_order_is_not(tmp_path: Path) -> None:
    spec = make_spec(tmp_path)
    examples = read_examples(spec.examples_file)
    whole = describe_recipe(spec, examples)
    assert describe_recipe(spec, examples[::-1]) == whole
    ids = [*examples[0].input_ids[:-1], (examples[0].input_ids[-1] + 1) % 24]
    changed = [examples[0].model_copy(update={"input_ids": ids}), *examples[1:]]
    assert describe_recipe(spec, changed)["examples"] != whole["examples"]


def test_space_for_the_model_and_the_first_checkpoint_is_asked_for_before_any_step(tmp_path: Path) -> None:
    spec = make_spec(tmp_path)
    engine = SimpleNamespace(module=nn.Linear(1000, 1000, bias=False))  # 4 MB, and 3 x 4 MB for Adam
    alone, what = space_needed(engine, spec=spec, num_checkpoints=0)
    assert what == "the trained model"
    assert 4_000_000 < alone < 6_000_000
    both, what = space_needed(engine, spec=spec, num_checkpoints=2)
    assert what == "the trained model and a checkpoint"
    assert 16_000_000 <= both - alone < 19_000_000


def test_a_full_disk_a_lost_rank_and_any_other_error_have_a_last_line() -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "steps.jsonl")
    assert explain_end(full) == "no space left on the disk of steps.jsonl: make room and run again"
    lost = RuntimeError("Connection closed by peer [127.0.0.1]:1")
    assert explain_end(lost) == "another rank ended while this one waited for it; that rank's own message says why"
    assert explain_end(KeyError("wq")) == "KeyError: 'wq'"
    assert explain_end(AssertionError()) == "AssertionError: "
