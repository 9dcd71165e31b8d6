"""Real ranks that are killed, stopped, starved of disk or given something else than they left."""

import contextlib
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from torch import Tensor

from infra.cluster import Cluster
from infra.launch import LaunchError, launch
from s1.artifacts import read_jsonl
from s1.config import LoraParams, SpikeParams, TrainParams
from s1.training.checkpoints import newest_whole, tag_of, whole_steps
from s1.training.spec import TrainSpec, TrainStep
from tests.training.ranks import Ended, run_ranks, start_ranks, trained, wait_for
from tests.training.tiny import PARAMS, make_spec

pytestmark = pytest.mark.slow

LONG = PARAMS.model_copy(update={"num_epochs": 4, "checkpoint_every_steps": 4, "weight_decay": 0.1})
"""12 steps with states after 4 and 8, and a weight decay that is seen when the wrong weights get it."""
TOLERANCE = 1e-6
"""Largest difference of a weight between a run that changed its ranks and one that did not (measured: 2e-7)."""


def vary(spec: TrainSpec, folder: Path, **changes: object) -> TrainSpec:
    """The same run in another folder, with some settings of the recipe or of the spec changed."""
    recipe = {key: value for key, value in changes.items() if key in TrainParams.model_fields}
    rest = {key: value for key, value in changes.items() if key not in recipe}
    return spec.model_copy(
        update={"run_folder": folder, "train": spec.train.model_copy(update=recipe), **rest},
    )


def interrupted(spec: TrainSpec, folder: Path, **changes: object) -> TrainSpec:
    """What a run that was stopped after its last state left in another folder."""
    other = vary(spec, folder, **changes)
    shutil.copytree(spec.checkpoint_folder, other.checkpoint_folder)
    return other


def largest_difference(first: dict[str, Tensor], second: dict[str, Tensor]) -> float:
    assert first.keys() == second.keys()
    return max(float((first[name] - second[name]).abs().max()) for name in first)


def wait_for_steps(spec: TrainSpec, number: int) -> None:
    deadline = time.monotonic() + 60
    while not spec.steps_file.exists() or len(spec.steps_file.read_bytes().splitlines()) < number:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def process_ids(spec_file: Path, *, rank: int | None = None) -> list[int]:
    """Processes that were given a run's spec; with ``rank`` only that rank's."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            is_rank = rank is None or f"RANK={rank}".encode() in (folder / "environ").read_bytes().split(b"\0")
            if str(spec_file).encode() in (folder / "cmdline").read_bytes().split(b"\0") and is_rank:
                found.append(int(folder.name))
    return found


def assert_finished(ended: Ended) -> None:
    assert set(ended.statuses) == {0}, ended.errors


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, TrainSpec]]:
    """Uninterrupted runs on two ranks, by ZeRO stage."""
    runs = {}
    for stage in (2, 3):
        folder = tmp_path_factory.mktemp(f"stage{stage}")
        runs[stage] = make_spec(folder, train=LONG.model_copy(update={"zero_stage": stage}))
        assert_finished(run_ranks(runs[stage]))
    yield runs
    for spec in runs.values():
        shutil.rmtree(spec.run_folder)


@pytest.mark.parametrize("stage", [2, 3])
def test_a_run_whose_rank_was_killed_ends_bit_for_bit_as_one_that_was_not(
    whole: dict[int, TrainSpec], tmp_path: Path, stage: int
) -> None:
    spec = vary(whole[stage], tmp_path)
    ranks = start_ranks(spec, 2)
    wait_for_steps(spec, 5)
    assert ranks[1].pid is not None
    os.kill(ranks[1].pid, signal.SIGKILL)
    ended = wait_for(ranks, spec)
    assert ended.statuses == [1, -signal.SIGKILL]
    assert "another rank ended while this one waited" in ended.errors[0].splitlines()[-1]
    assert "the checkpoint of step 4 is whole" in ended.errors[0].splitlines()[-1]
    ended = run_ranks(spec)
    assert_finished(ended)
    assert "resumed after step 4" in ended.errors[0]
    assert largest_difference(trained(spec), trained(whole[stage])) == 0.0
    steps, expected = read_jsonl(spec.steps_file, TrainStep), read_jsonl(whole[stage].steps_file, TrainStep)
    assert [step.example_losses for step in steps] == [step.example_losses for step in expected]


@pytest.mark.parametrize(("stage", "num_ranks", "sequence_parallel"), [(2, 2, 2), (2, 1, 1), (3, 4, 2)])
def test_a_run_goes_on_with_other_ranks_and_groups(
    whole: dict[int, TrainSpec], tmp_path: Path, stage: int, num_ranks: int, sequence_parallel: int
) -> None:
    spec = interrupted(whole[stage], tmp_path, sequence_parallel=sequence_parallel)
    ended = run_ranks(spec, num_ranks)
    assert_finished(ended)
    assert "resumed after step 8" in ended.errors[0]
    assert ("converting" in ended.errors[0]) == (num_ranks != 2)
    difference = largest_difference(trained(spec), trained(whole[stage]))
    assert 0.0 < difference < TOLERANCE


def test_a_lora_run_goes_on_bit_for_bit_and_with_other_ranks(whole: dict[int, TrainSpec], tmp_path: Path) -> None:
    lora = LoraParams(rank=2, alpha=4, dropout=0.5)
    spec = vary(whole[2], tmp_path / "whole", lora=lora)
    assert_finished(run_ranks(spec))
    same, other = interrupted(spec, tmp_path / "same"), interrupted(spec, tmp_path / "other")
    assert_finished(run_ranks(same))
    assert largest_difference(trained(same), trained(spec)) == 0.0
    assert_finished(run_ranks(other, 1))
    assert newest_whole(other.checkpoint_folder) == 8


def test_a_damaged_newest_state_gives_way_to_the_one_before(whole: dict[int, TrainSpec], tmp_path: Path) -> None:
    spec = interrupted(whole[2], tmp_path)
    shards = spec.checkpoint_folder / tag_of(8) / "zero_pp_rank_1_mp_rank_00_optim_states.pt"
    content = bytearray(shards.read_bytes())
    content[len(content) // 2] ^= 1
    shards.write_bytes(content)
    ended = run_ranks(spec)
    assert_finished(ended)
    assert f"{shards} is damaged" in ended.errors[0]
    assert "resumed after step 4" in ended.errors[0]
    assert largest_difference(trained(spec), trained(whole[2])) == 0.0
    assert whole_steps(spec.checkpoint_folder) == [8, 4]


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_a_killed_rank_ends_the_whole_launch_within_a_minute_and_leaves_nobody(
    whole: dict[int, TrainSpec], tmp_path: Path
) -> None:
    spec = vary(whole[2], tmp_path, num_epochs=500)
    file = spec.run_folder / "spec.json"
    file.write_text(spec.model_dump_json())
    cluster = Cluster(processes_per_node=2, device="cpu", max_tokens_per_rank=40)
    killed: list[float] = []

    def kill_one(_line: str) -> None:
        if not killed and spec.steps_file.exists() and len(spec.steps_file.read_bytes().splitlines()) > 5:
            os.kill(process_ids(file, rank=1)[0], signal.SIGKILL)
            killed.append(time.monotonic())

    with pytest.raises(LaunchError, match=r"rank 1 (.|\n)*run again to continue"):
        launch(cluster, spec_file=file, log_folder=spec.run_folder / "ranks", on_line=kill_one)
    seconds = time.monotonic() - killed[0]
    print(f"until the end of the run: {seconds:.1f} s")  # noqa: T201 (docs/clusters.md quotes it)
    assert seconds < 60
    assert process_ids(file) == []


def test_a_full_disk_ends_the_run_with_a_reason_and_keeps_the_older_states(
    whole: dict[int, TrainSpec], tmp_path: Path
) -> None:
    spec = interrupted(whole[2], tmp_path, checkpoint_every_steps=1)
    ended = run_ranks(spec, max_file_bytes=20_000)
    assert 1 in ended.statuses
    reasons = [text for text in ended.errors if "saving the state of step 9 failed" in text]
    assert reasons
    assert re.search(r"needs [\d.]+ MB and [\d.,]+ [GM]B are free\. Remove", reasons[0].splitlines()[-1])
    assert "the checkpoint of step 8 is whole" in reasons[0].splitlines()[-1]
    assert whole_steps(spec.checkpoint_folder) == [8, 4]
    assert_finished(run_ranks(spec))
    assert largest_difference(trained(spec), trained(whole[2])) == 0.0


def test_another_recipe_never_goes_on_from_a_state(whole: dict[int, TrainSpec], tmp_path: Path) -> None:
    spec = interrupted(whole[2], tmp_path, learning_rate=0.02)
    ended = run_ranks(spec)
    assert ended.statuses[0] == 1
    last = ended.errors[0].splitlines()[-1]
    assert "belong to another recipe: train.learning_rate (0.01 in the checkpoint, 0.02 now)" in last
    assert whole_steps(spec.checkpoint_folder) == [8, 4]


def test_a_rank_that_waits_for_a_stuck_one_still_ends_at_once_on_sigterm(
    whole: dict[int, TrainSpec], tmp_path: Path
) -> None:
    spec = vary(whole[2], tmp_path, checkpoint_every_steps=2)
    ranks = start_ranks(spec, 2)
    wait_for_steps(spec, 3)
    assert ranks[0].pid is not None
    assert ranks[1].pid is not None
    os.kill(ranks[1].pid, signal.SIGSTOP)
    time.sleep(0.5)  # long enough for rank 0 to wait inside a collective operation
    started = time.monotonic()
    os.kill(ranks[0].pid, signal.SIGTERM)
    ranks[0].join(20)
    assert time.monotonic() - started < 5
    os.kill(ranks[1].pid, signal.SIGKILL)
    ended = wait_for(ranks, spec)
    assert ended.statuses == [128 + signal.SIGTERM, -signal.SIGKILL]
    assert re.search(
        r"stopped by SIGTERM; the checkpoint of step \d+ is whole: run again", ended.errors[0].splitlines()[-1]
    )


def test_a_loss_that_jumps_stops_the_run_with_the_steps_examples(whole: dict[int, TrainSpec], tmp_path: Path) -> None:
    jumpy = SpikeParams(ratio=1.001, num_steps=1, min_loss=0.0)
    spec = vary(whole[2], tmp_path, spike=jumpy)
    ended = run_ranks(spec)
    assert ended.statuses == [1, 1]
    number = len(read_jsonl(spec.steps_file, TrainStep)) + 1
    assert f"step {number}: the loss jumped to" in ended.errors[0].splitlines()[-1]
    assert ended.errors[0].splitlines()[-1].count("(3.") >= 1


def test_nodes_that_keep_their_own_parts_go_on_from_what_all_have(whole: dict[int, TrainSpec], tmp_path: Path) -> None:
    nodes = [tmp_path / "node0", tmp_path / "node1"]
    spec = vary(whole[2], nodes[0], storage="node-local")
    assert_finished(run_ranks(spec, nodes=nodes))
    assert [whole_steps(node / "checkpoints") for node in nodes] == [[8, 4], [8, 4]]
    shutil.rmtree(nodes[1] / "checkpoints" / tag_of(8))
    (nodes[0] / "tuned").rename(tmp_path / "before")
    ended = run_ranks(spec, nodes=nodes)
    assert_finished(ended)
    assert "resumed after step 4" in ended.errors[0]
    assert largest_difference(trained(spec), trained(whole[2])) == 0.0


def test_brain_floats_go_on_with_other_ranks(whole: dict[int, TrainSpec], tmp_path: Path) -> None:
    spec = vary(whole[3], tmp_path / "whole", dtype="bfloat16")
    assert_finished(run_ranks(spec))
    other = interrupted(spec, tmp_path / "other")
    assert_finished(run_ranks(other, 1))
    assert largest_difference(trained(other), trained(spec)) < 0.01
