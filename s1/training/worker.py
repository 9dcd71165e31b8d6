"""One rank of a training run: plans, computes, steps, records, saves, resumes.

Every rank plans the whole run by itself (``s1.batching``) and computes its share of each step. Rank 0 keeps the step
log. A killed run continues from its newest whole checkpoint, bit for bit as if it had not been killed. Knows nothing
of who launched it; rank and world size come from torchrun's environment.

Example::

    torchrun --nproc-per-node 2 -m s1.training.worker spec.json
"""

import json
import logging
import math
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from s1.artifacts import write_text_atomically
from s1.batching import MicroBatch, Step, plan_steps, plan_work
from s1.records import Example
from s1.training import checkpoints
from s1.training.engine import load_model, make_engine, save_model, set_learning_rate, start_distributed
from s1.training.examples import read_examples
from s1.training.loss import pad_micro_batch
from s1.training.schedule import learning_rate
from s1.training.spec import TrainSpec, TrainStep

logger = logging.getLogger(__name__)


class TrainingError(RuntimeError):
    """Training cannot go on; the message says at which step and what to look at."""


def run(spec: TrainSpec) -> None:
    """Train to the end on this rank.

    Raises:
        TrainingError: a loss or gradient stopped being a number (names step and examples).
    """
    torch.manual_seed(spec.seed)
    start_distributed(spec.device)
    examples = {example.question_id: example for example in read_examples(spec.examples_file)}
    steps = plan_steps(
        list(examples), batch_size=spec.train.batch_size, num_epochs=spec.train.num_epochs, seed=spec.seed
    )
    engine = make_engine(load_model(spec), spec=spec)
    done = _resume(engine, spec=spec)
    for step in steps[done:]:
        record = _take_step(engine, step, [examples[name] for name in step.example_ids], spec=spec, total=len(steps))
        if distributed.get_rank() == 0:
            _append(spec.steps_file, record, total=len(steps))
        if step.number % spec.train.checkpoint_every_steps == 0 and step.number < len(steps):
            _save_checkpoint(engine, spec.checkpoint_folder, step.number)
    save_model(engine, tokenizer_folder=spec.model_folder, folder=spec.output_folder)
    distributed.destroy_process_group()


def _take_step(engine: Any, step: Step, examples: Sequence[Example], *, spec: TrainSpec, total: int) -> TrainStep:
    started = time.perf_counter()
    # Seeded by the step, not by what ran before: a model with dropout resumes exactly, too.
    torch.manual_seed(spec.seed * 1_000_003 + step.number)
    rate = learning_rate(
        step=step.number, num_steps=total, peak=spec.train.learning_rate, warmup_ratio=spec.train.warmup_ratio
    )
    set_learning_rate(engine, rate)
    lengths = [len(example.input_ids) for example in examples]
    work = plan_work(lengths, num_ranks=distributed.get_world_size(), max_tokens=spec.max_micro_batch_tokens)
    losses = _accumulate(engine, work[distributed.get_rank()], examples, spec=spec)
    check_losses(losses, step)
    engine.step()
    grad_norm = float(engine.get_global_grad_norm())
    if not math.isfinite(grad_norm):
        raise TrainingError(
            f"step {step.number}: the gradient norm is {grad_norm}; lower train.learning_rate, or look at the "
            f"examples {', '.join(step.example_ids)}"
        )
    return TrainStep(
        step=step.number,
        epoch=step.epoch,
        loss=sum(losses) / len(losses),
        learning_rate=rate,
        grad_norm=grad_norm,
        seconds=time.perf_counter() - started,
        num_tokens=sum(lengths),
        example_hash=step.example_hash,
    )


def _accumulate(
    engine: Any, work: Sequence[MicroBatch], examples: Sequence[Example], *, spec: TrainSpec
) -> list[float]:
    """Run this rank's forward and backward passes; return every example's loss, from all ranks, in the step's order."""
    losses = torch.zeros(len(examples), dtype=torch.float64, device=spec.device)
    # ZeRO averages gradients over ranks; times the number of ranks makes it the sum, each example counting 1 / batch.
    weight = distributed.get_world_size() / len(examples)
    shortest = min(examples, key=lambda example: len(example.input_ids))
    for index, places in enumerate(work):
        engine.set_gradient_accumulation_boundary(index == len(work) - 1)
        # A rank with nothing left computes something short with weight 0, to take part in the collectives.
        batch = pad_micro_batch([examples[place] for place in places] or [shortest], device=spec.device)
        batch_losses = engine(**batch.model_inputs)
        engine.backward(batch_losses.sum() * (weight if places else 0.0), scale_wrt_gas=False)
        if places:
            losses[list(places)] = batch_losses.detach().to(losses.dtype)
    distributed.all_reduce(losses)
    result: list[float] = losses.tolist()
    return result


def check_losses(losses: Sequence[float], step: Step) -> None:
    """Stop before the optimizer takes a step that is not a number; all ranks see the same losses."""
    bad = [name for name, loss in zip(step.example_ids, losses, strict=True) if not math.isfinite(loss)]
    if bad:
        raise TrainingError(
            f"step {step.number}: the loss is not a finite number on {len(bad)} of {len(losses)} examples "
            f"({', '.join(bad)}); lower train.learning_rate, or look at these questions in the selection. "
            "The last checkpoint is from before this step"
        )


def _append(path: Path, record: TrainStep, *, total: int) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(record.model_dump_json() + "\n")
    # Also wakes whoever follows the output: the step log has a new line.
    logger.info("step %d of %d: loss %.4f", record.step, total, record.loss)


def _save_checkpoint(engine: Any, folder: Path, step: int) -> None:
    engine.save_checkpoint(str(folder), tag=checkpoints.tag_of(step), save_latest=False)
    if distributed.get_rank() == 0:
        checkpoints.seal(folder, step)
    distributed.barrier()


def _resume(engine: Any, *, spec: TrainSpec) -> int:
    """Load the newest whole checkpoint, if any, and cut the step log back to it; return the steps already taken."""
    found = [checkpoints.newest_whole(spec.checkpoint_folder)] if distributed.get_rank() == 0 else [None]
    distributed.broadcast_object_list(found, src=0, device=torch.device(spec.device))
    step = found[0] or 0
    if step:
        path, _ = engine.load_checkpoint(str(spec.checkpoint_folder), tag=checkpoints.tag_of(step))
        if path is None:
            raise TrainingError(
                f"cannot load the checkpoint of step {step}; remove {spec.checkpoint_folder} to start over"
            )
        logger.info("resumed after step %d", step)
    if distributed.get_rank() == 0:
        lines = spec.steps_file.read_text(encoding="utf-8").splitlines() if spec.steps_file.exists() else []
        kept = lines[:step]
        if len(kept) < step or any(json.loads(line)["step"] != number for number, line in enumerate(kept, start=1)):
            raise TrainingError(f"{spec.steps_file} does not reach step {step}; remove {spec.run_folder} to start over")
        write_text_atomically(spec.steps_file, "".join(line + "\n" for line in kept))
    return step


def main(argv: Sequence[str]) -> int:
    """Entry of one rank: the only argument is the path of the spec."""
    is_first = os.environ.get("RANK", "0") == "0"
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("s1").setLevel(logging.INFO if is_first else logging.WARNING)
    try:
        run(TrainSpec.model_validate_json(Path(argv[0]).read_bytes()))
    except TrainingError as error:
        logger.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
