"""States of one number of ranks made loadable by another: DeepSpeed's universal checkpoint.

The conversion spreads over all ranks, because the state of a 32B model has 400 GB and idle GPUs cost money; its result
lies inside the state's folder, appears there whole or not at all, and goes with it. Knows DeepSpeed's converter and its
gaps; does not know which state is wanted.

Example::

    convert(Path("checkpoints/step-000100"))               # every rank; once, later calls find it
    with universal_loading(engine):
        engine.load_checkpoint("checkpoints/step-000100", tag=UNIVERSAL)
"""

import io
import shutil
from argparse import Namespace
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import distributed

from s1.artifacts import sync

UNIVERSAL = "universal"
"""Folder inside a state that any number of ranks can load."""
_LONGEST_CONVERSION = timedelta(hours=6)
"""Ranks wait for each other this long; a rank that dies ends the others sooner, by the launcher."""
_NUM_PHASES = 2
"""Shared phases of DeepSpeed's converter: ranks' shards cut into parameters, each parameter's pieces joined."""

WorkT = TypeVar("WorkT")


class _ShareDoneError(Exception):
    """What was this rank's share is done; the first rank finishes the rest."""


def convert(state: Path) -> None:
    """Write the universal form of a state into its folder unless it is there; every rank calls this.

    Needs as much space again as the state, and twice that while it runs.
    """
    target = state / UNIVERSAL
    # Gloo, whatever the run uses: its waits may be long, and they hold no GPU.
    group = distributed.new_group(backend="gloo", timeout=_LONGEST_CONVERSION)
    missing = [not target.exists()]
    distributed.broadcast_object_list(missing, src=0, group=group)
    if missing[0]:
        temporary = state / f"{UNIVERSAL}.tmp"
        if distributed.get_rank() == 0:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
        distributed.barrier(group)
        _run_converter(state, temporary, group=group)
        if distributed.get_rank() == 0:
            for path in temporary.rglob("*"):
                sync(path)
            temporary.rename(target)
            sync(state)
        distributed.barrier(group)
    distributed.destroy_process_group(group)


def _run_converter(state: Path, target: Path, *, group: Any) -> None:
    from deepspeed.checkpoint import ds_to_universal as converter

    rank, num_ranks = distributed.get_rank(), distributed.get_world_size()
    num_done = 0

    def take_share(do_work: Callable[[WorkT], Any], chunks: Collection[WorkT], _num_workers: int) -> list[Any]:
        """In place of DeepSpeed's pool of forked processes, which CUDA and OpenMP do not survive."""
        nonlocal num_done
        # Some chunks come as a set, whose order differs between processes.
        results = [do_work(chunk) for chunk in sorted(chunks, key=str)[rank::num_ranks]]
        distributed.barrier(group)
        num_done += 1
        if rank > 0 and num_done == _NUM_PHASES:
            raise _ShareDoneError
        return results

    former = converter._do_parallel_work
    converter._do_parallel_work = take_share
    try:
        with redirect_stdout(io.StringIO()):
            converter.main(
                Namespace(
                    input_folder=str(state),
                    output_folder=str(target),
                    num_extract_workers=1,
                    num_merge_workers=1,
                    keep_temp_folder=False,
                    strict=True,
                    inject_missing_state=True,  # of pipelines and tensor parallelism, which there are none of
                )
            )
    except _ShareDoneError:
        pass
    finally:
        converter._do_parallel_work = former


@contextmanager
def universal_loading(engine: Any) -> Iterator[None]:
    """Have ``engine.load_checkpoint`` read the universal form.

    What DeepSpeed 0.19.8 does wrong is put right here: under ZeRO 3 every group of parameters gets the first group's
    hyperparameters (weight decay on norms) and all get one and the same step counter, which then counts each step once
    per group (wrong bias correction).
    """
    config, optimizer = engine._config, engine.optimizer
    settings = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
    config.load_universal_checkpoint = True
    try:
        yield
    finally:
        config.load_universal_checkpoint = False
        for group, kept in zip(optimizer.param_groups, settings, strict=True):
            group.update(kept)
        for state in optimizer.optimizer.state.values():
            if torch.is_tensor(state.get("step")):
                state["step"] = state["step"].clone()
