"""States of a run saved and found again, by all ranks together.

A state holds the weights, the optimizer with its position, the step log, and by its number the place in the data and
the schedule. Random numbers need no saving: every step seeds them by its own number. Knows ranks, recipes and
DeepSpeed's states; what is whole on disk is ``checkpoints``'s business, another number of ranks ``reshaping``'s.

Example::

    recipe = describe_recipe(spec, examples)
    past = resume(engine, steps, spec=spec, recipe=recipe)          # records of the steps already taken
    seconds = save_checkpoint(engine, 150, spec=spec, recipe=recipe)
"""

import hashlib
import logging
import os
import shutil
import time
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import distributed

from s1.artifacts import DISK_FULL, sync, write_text_atomically
from s1.batching import Step
from s1.records import Example
from s1.training import checkpoints
from s1.training.guards import TrainingError, is_loss_of_peer
from s1.training.reshaping import UNIVERSAL, convert, universal_loading
from s1.training.spec import TrainSpec, TrainStep

logger = logging.getLogger(__name__)

_LOG = "steps.jsonl"
"""Copy of the step log in a state, which so can be continued from by itself."""
_OPTIMIZER_BYTES = 12
"""Single-precision weight and two moments of AdamW, per trained parameter."""
_SAMPLE = 1 << 20


def describe_recipe(spec: TrainSpec, examples: Sequence[Example]) -> dict[str, str]:
    """All that decides a run's states, by key, to be compared when one is found again.

    Weights are sampled, at the start, middle and end of each file: hashing 65 GB would cost a minute per start.
    """
    train = spec.train.model_dump(mode="json", exclude={"checkpoint_every_steps", "spike"})
    content = hashlib.sha256()
    for example in sorted(examples, key=lambda example: example.question_id):
        content.update(example.question_id.encode() + b"\0" + array("q", example.input_ids).tobytes())
        content.update(bytes(example.loss_mask))
    weights = hashlib.sha256()
    for path in sorted([*spec.model_folder.glob("*.safetensors"), spec.model_folder / "config.json"]):
        size = path.stat().st_size
        weights.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as file:
            for place in (0, size // 2, max(0, size - _SAMPLE)):
                file.seek(place)
                weights.update(file.read(_SAMPLE))
    return {
        **{f"train.{key}": str(value) for key, value in train.items()},
        "seed": str(spec.seed),
        "examples": content.hexdigest()[:16],
        "base model": weights.hexdigest()[:16],
    }


def save_checkpoint(engine: Any, step: int, *, spec: TrainSpec, recipe: Mapping[str, str]) -> float:
    """Save the state after a step, sealed and flushed to disk, and remove what is older; return the seconds it took.

    Raises:
        TrainingError: the disk is full (the older state stays whole), or a file could not be written.
    """
    started = time.perf_counter()
    folder = spec.checkpoint_folder
    num_bytes = _expected_bytes(engine, spec)
    if _keeps_house(spec):
        folder.mkdir(parents=True, exist_ok=True)
        checkpoints.make_room(folder, num_bytes=num_bytes)
    distributed.barrier()
    try:
        engine.save_checkpoint(str(folder), tag=checkpoints.unfinished_tag(step), save_latest=False)
        unfinished = folder / checkpoints.unfinished_tag(step)
        if distributed.get_rank() == 0:
            shutil.copyfile(spec.steps_file, unfinished / _LOG)
        # Each rank flushes what it wrote: on network storage no other node can.
        for path in _own_files(unfinished, spec):
            sync(path)
        distributed.barrier()
        if _keeps_house(spec):
            checkpoints.seal(folder, step, num_ranks=distributed.get_world_size(), recipe=recipe)
    except (OSError, RuntimeError) as error:
        shutil.rmtree(folder / checkpoints.unfinished_tag(step), ignore_errors=True)
        raise TrainingError(_explain_failed_save(error, folder, step=step, num_bytes=num_bytes)) from error
    distributed.barrier()
    seconds = time.perf_counter() - started
    if distributed.get_rank() == 0:
        saved = checkpoints.read_seal(folder, step).num_bytes
        logger.info("checkpoint of step %d: %s in %.2f s", step, checkpoints.size_text(saved), seconds)
    return seconds


def reserve_space(engine: Any, *, spec: TrainSpec, num_checkpoints: int) -> None:
    """See that the trained model, and a checkpoint where the first is still to come, will find space on the disk.

    Asked before the first step, so that a disk that is too small costs nothing, and again before the model is saved.

    Args:
        num_checkpoints: still to come in this run.

    Raises:
        TrainingError: there is too little space; says how much is needed and what may go.
    """
    if _keeps_house(spec):
        num_bytes, what = space_needed(engine, spec=spec, num_checkpoints=num_checkpoints)
        spec.checkpoint_folder.mkdir(parents=True, exist_ok=True)
        checkpoints.make_room(spec.checkpoint_folder, num_bytes=num_bytes, what=what)
    distributed.barrier()


def space_needed(engine: Any, *, spec: TrainSpec, num_checkpoints: int) -> tuple[int, str]:
    """Bytes that a run still asks of the disk, and of what: the model, and a first checkpoint if one is to come."""
    parameters = engine.module.parameters()
    model = _with_margin(sum(getattr(part, "ds_numel", part.numel()) * part.element_size() for part in parameters))
    if num_checkpoints == 0 or checkpoints.newest_whole(spec.checkpoint_folder) is not None:
        return model, "the trained model"
    return model + _expected_bytes(engine, spec), "the trained model and a checkpoint"


def _explain_failed_save(error: OSError | RuntimeError, folder: Path, *, step: int, num_bytes: int) -> str:
    # torch tells a full disk as a RuntimeError of its archive writer: "unexpected pos 15040 vs 14960".
    is_full = (isinstance(error, OSError) and error.errno in DISK_FULL) or "inline_container" in str(error)
    if is_full:
        reason = checkpoints.explain_full_disk(folder, num_bytes=num_bytes)
        return f"saving the state of step {step} failed: {str(error).splitlines()[0]}; {reason}"
    if is_loss_of_peer(error):
        return f"another rank ended while the state of step {step} was saved; its own message says why"
    newest = checkpoints.newest_whole(folder)
    return f"saving the state of step {step} failed: {error}; the newest whole checkpoint is of step {newest or 0}"


def _expected_bytes(engine: Any, spec: TrainSpec) -> int:
    """Bytes of a state on this node's storage, of the last one where there is one, else by its parameters; and some."""
    newest = checkpoints.newest_whole(spec.checkpoint_folder)
    if newest:
        return _with_margin(checkpoints.read_seal(spec.checkpoint_folder, newest).num_bytes)
    total = 0
    for parameter in engine.module.parameters():
        count = getattr(parameter, "ds_numel", parameter.numel())
        total += count * (parameter.element_size() + (_OPTIMIZER_BYTES if parameter.requires_grad else 0))
    share = _local_ranks()[1] / distributed.get_world_size() if spec.storage == "node-local" else 1.0
    return _with_margin(int(total * share))


def _with_margin(num_bytes: int) -> int:
    """Blocks are bigger than what is in them, and the logs grow meanwhile."""
    return num_bytes + num_bytes // 50 + 1_000_000


def _local_ranks() -> tuple[int, int]:
    """The number of this rank on its node, and how many the node has."""
    return int(os.environ.get("LOCAL_RANK", "0")), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def _keeps_house(spec: TrainSpec) -> bool:
    """Whether this rank seals and removes states on the storage that it sees."""
    return distributed.get_rank() == 0 if spec.storage == "shared" else _local_ranks()[0] == 0


def _own_files(state: Path, spec: TrainSpec) -> list[Path]:
    """What this rank wrote of a state: its shards, and on the housekeeper what is nobody's shard."""
    mark = f"zero_pp_rank_{distributed.get_rank()}_"
    others = [path for path in state.iterdir() if "zero_pp_rank_" not in path.name] if _keeps_house(spec) else []
    return [*(path for path in state.iterdir() if mark in path.name), *(path for path in others if path.is_file())]


def resume(engine: Any, steps: Sequence[Step], *, spec: TrainSpec, recipe: Mapping[str, str]) -> list[TrainStep]:
    """Load the newest state that is whole on all nodes, if any, and set the step log back to it.

    Args:
        steps: the whole run's, in order; the log must have taken the same examples.

    Returns:
        Records of the steps already taken, on every rank.

    Raises:
        TrainingError: the state belongs to another recipe, or cannot be loaded.
    """
    if _keeps_house(spec) and spec.checkpoint_folder.exists():
        checkpoints.clear_unfinished(spec.checkpoint_folder)
    distributed.barrier()
    step = _find_whole(spec)
    log = ""
    if step:
        _check_recipe(checkpoints.read_seal(spec.checkpoint_folder, step), recipe, folder=spec.checkpoint_folder)
        _load(engine, step, spec=spec)
        if distributed.get_rank() == 0:
            log = (spec.checkpoint_folder / checkpoints.tag_of(step) / _LOG).read_text(encoding="utf-8")
        logger.info("resumed after step %d", step)
    if distributed.get_rank() == 0:
        write_text_atomically(spec.steps_file, log)
    shared = [log]
    distributed.broadcast_object_list(shared, src=0)
    past = [TrainStep.model_validate_json(line) for line in shared[0].splitlines()]
    if [record.example_hash for record in past] != [planned.example_hash for planned in steps[: step or 0]]:
        raise TrainingError(
            f"the checkpoint of step {step} was trained on other examples, or in another order, than this version of "
            f"the program would; remove {spec.run_folder} to start over"
        )
    return past


def _find_whole(spec: TrainSpec) -> int | None:
    """The newest step whose state is whole on every node; broken ones are set aside on the way."""
    folder = spec.checkpoint_folder
    while True:
        step = _newest_common(folder)
        if step is None:
            return None
        found: list[str | None] = [None] * distributed.get_world_size()
        distributed.all_gather_object(found, _damage(folder, step, spec=spec))
        told = next((text for text in found if text), None)
        if told is None:
            return step
        if _keeps_house(spec):
            checkpoints.set_aside(folder, step, damage=told)
        distributed.barrier()


def _damage(folder: Path, step: int, *, spec: TrainSpec) -> str | None:
    """What is wrong with this rank's share of a state: the files that it will load, or converts with the others."""
    state = folder / checkpoints.tag_of(step)
    if checkpoints.read_seal(folder, step).num_ranks != distributed.get_world_size():
        files = sorted(state.glob("*.pt"))[distributed.get_rank() :: distributed.get_world_size()]
        return checkpoints.content_damage(files)
    files = [path for path in _own_files(state, spec) if path.suffix == ".pt"]
    if not any(path.name.endswith("_optim_states.pt") for path in files):
        return f"{state} does not hold the shards of rank {distributed.get_rank()}"
    return checkpoints.content_damage(files)


def _newest_common(folder: Path) -> int | None:
    seen: list[list[int]] = [[]] * distributed.get_world_size()
    distributed.all_gather_object(seen, checkpoints.whole_steps(folder) if folder.exists() else [])
    return max(set.intersection(*map(set, seen)), default=None)


def _check_recipe(found: checkpoints.Seal, recipe: Mapping[str, str], *, folder: Path) -> None:
    different = [
        f"{key} ({found.recipe.get(key, 'not there')} in the checkpoint, {recipe.get(key, 'not there')} now)"
        for key in sorted({*found.recipe, *recipe})
        if found.recipe.get(key) != recipe.get(key)
    ]
    if different:
        raise TrainingError(
            f"the checkpoints in {folder} belong to another recipe: {'; '.join(different)}. Put these back to go on, "
            f"or remove {folder} to start over"
        )


def _load(engine: Any, step: int, *, spec: TrainSpec) -> None:
    folder = spec.checkpoint_folder
    found = checkpoints.read_seal(folder, step)
    state = folder / checkpoints.tag_of(step)
    try:
        if found.num_ranks == distributed.get_world_size():
            path, _ = engine.load_checkpoint(str(folder), tag=state.name)
        else:
            _check_reshaping(found, state=state, spec=spec)
            convert(state)
            with universal_loading(engine):
                path, _ = engine.load_checkpoint(str(state), tag=UNIVERSAL)
    except (OSError, RuntimeError, KeyError, AssertionError) as error:
        if isinstance(error, TrainingError):
            raise
        raise TrainingError(f"cannot load {state}: {error}; remove it to go on from the one before") from error
    if path is None:
        raise TrainingError(f"cannot load {state}: DeepSpeed finds no state in it; remove it to go on")


def _check_reshaping(found: checkpoints.Seal, *, state: Path, spec: TrainSpec) -> None:
    """Say what a conversion needs before it starts: all ranks' files in one place, and space."""
    now = distributed.get_world_size()
    if spec.storage == "node-local":
        raise TrainingError(
            f"{state} is spread over {found.num_ranks} ranks and this run has {now}: with node-local storage no node "
            f"sees all of it. Run on {found.num_ranks} ranks of the same nodes, or remove {state.parent} on all nodes "
            "to start over; only runs with storage: shared in the cluster's file go on on another number"
        )
    logger.info("converting the checkpoint of step %d from %d ranks to %d", found.step, found.num_ranks, now)
    if distributed.get_rank() == 0 and not (state / UNIVERSAL).exists():
        checkpoints.make_room(state.parent, num_bytes=2 * found.num_bytes)
