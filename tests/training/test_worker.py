"""Real two-rank DeepSpeed runs of a tiny model through the launcher."""

import json
import os
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from infra.cluster import Cluster
from infra.launch import LaunchError, launch
from s1.artifacts import read_jsonl
from s1.batching import Step
from s1.training.checkpoints import newest_whole
from s1.training.examples import read_examples, write_examples
from s1.training.guards import TrainingError, check_losses
from s1.training.spec import TrainSpec, TrainStep
from tests.training.plain_loop import simulate
from tests.training.tiny import PARAMS, make_model, make_spec

CLUSTER = Cluster(processes_per_node=2, device="cpu", max_tokens_per_rank=40)


def train(spec: TrainSpec, cluster: Cluster = CLUSTER) -> list[TrainStep]:
    spec.run_folder.mkdir(parents=True, exist_ok=True)
    (spec.run_folder / "spec.json").write_text(spec.model_dump_json())
    launch(
        cluster, spec_file=spec.run_folder / "spec.json", log_folder=spec.run_folder / "ranks", on_line=lambda _: None
    )
    return read_jsonl(spec.steps_file, TrainStep)


def weights(spec: TrainSpec) -> dict[str, torch.Tensor]:
    model = AutoModelForCausalLM.from_pretrained(spec.output_folder, dtype=torch.float32)
    state: dict[str, torch.Tensor] = model.state_dict()
    return state


def test_two_ranks_take_the_steps_that_one_process_takes(tmp_path: Path) -> None:
    spec = make_spec(tmp_path)
    steps = train(spec)
    losses, expected = simulate(spec)
    assert [step.step for step in steps] == [1, 2, 3, 4, 5, 6]
    assert [step.loss for step in steps] == pytest.approx(losses, rel=1e-5)
    assert [step.learning_rate for step in steps][:3] == [0.0, 0.005, 0.01]
    actual = weights(spec)
    assert actual.keys() == expected.keys()
    assert max(float((actual[name] - expected[name]).abs().max()) for name in expected) < 1e-5
    tokenizer = AutoTokenizer.from_pretrained(spec.output_folder)
    assert tokenizer.chat_template == "{{ messages[0].content }}"
    assert newest_whole(spec.checkpoint_folder) == 4


def test_a_loss_that_is_not_a_number_is_told_with_step_and_example() -> None:
    step = Step(number=12, epoch=0, example_ids=("a", "b", "c"))
    check_losses([0.5, 1.0, 2.0], step)
    with pytest.raises(TrainingError, match=r"step 12: .* on 2 of 3 examples \(a, c\)"):
        check_losses([float("nan"), 1.0, float("inf")], step)


@pytest.mark.slow
def test_a_loss_that_is_not_a_number_stops_the_run_with_the_steps_examples(tmp_path: Path) -> None:
    spec = make_spec(tmp_path)
    model = make_model()
    with torch.no_grad():
        model.model.norm.weight[0] = float("nan")
    model.save_pretrained(spec.model_folder)
    with pytest.raises(
        LaunchError, match=r"rank \d ended with exit code 1(.|\n)*step 1: the loss is not a finite number"
    ):
        train(spec)
    assert not spec.output_folder.exists()


@pytest.mark.slow
@pytest.mark.parametrize("stage", [1, 3])
def test_other_zero_stages_train_the_same_model(tmp_path: Path, stage: int) -> None:
    spec = make_spec(tmp_path, train=PARAMS.model_copy(update={"zero_stage": stage}))
    train(spec)
    _, expected = simulate(spec)
    actual = weights(spec)
    assert actual.keys() == expected.keys()
    assert max(float((actual[name] - expected[name]).abs().max()) for name in expected) < 1e-5


@pytest.mark.slow
def test_a_rank_without_an_example_takes_part(tmp_path: Path) -> None:
    spec = make_spec(tmp_path, train=PARAMS.model_copy(update={"batch_size": 1, "num_epochs": 1, "zero_stage": 3}))
    write_examples(spec.examples_file, read_examples(spec.examples_file)[:3])
    assert [step.step for step in train(spec)] == [1, 2, 3]


@pytest.mark.slow
def test_no_compiler_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = tmp_path / "asked"
    for name in ("gcc", "g++", "cc", "c++", "clang", "ninja"):
        fake = tmp_path / "bin" / name
        fake.parent.mkdir(exist_ok=True)
        fake.write_text(f"#!/bin/sh\necho {name} >> {asked}\nexit 1\n")
        fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CXX", str(tmp_path / "bin" / "g++"))
    spec = make_spec(tmp_path, train=PARAMS.model_copy(update={"num_epochs": 1}))
    assert len(train(spec)) == 3
    assert not asked.exists(), asked.read_text()


@pytest.mark.slow
def test_brain_floats_train_and_are_saved_as_such(tmp_path: Path) -> None:
    spec = make_spec(tmp_path, train=PARAMS.model_copy(update={"dtype": "bfloat16"}))
    steps = train(spec)
    assert all(step.loss > 0 for step in steps)
    assert json.loads((spec.output_folder / "config.json").read_text())["dtype"] == "bfloat16"
