"""One rank of a training run: plans, computes, steps, records, saves, resumes.

Every rank plans the whole run by itself (``s1.batching``) and computes its share of each step. Rank 0 keeps the step
log. A killed run continues from its newest whole checkpoint, bit for bit as if it had not been killed. Knows nothing
of who launched it; rank and world size come from torchrun's environment.

Example::

    torchrun --nproc-per-node 2 -m s1.training.worker spec.json
"""

import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from s1.batching import Step, plan_steps
from s1.records import Example
from s1.training.checkpoints import newest_whole
from s1.training.engine import make_engine, start_distributed, zero_config
from s1.training.examples import read_examples
from s1.training.guards import LossWatch, TrainingError, check_examples, explain_memory
from s1.training.last_words import end_on_sigterm, explain_end
from s1.training.model import load_model, save_model
from s1.training.resuming import describe_recipe, reserve_space, resume, save_checkpoint
from s1.training.spec import TrainSpec, TrainStep
from s1.training.stepping import take_step

logger = logging.getLogger(__name__)


def run(spec: TrainSpec) -> None:
    """Train to the end on this rank.

    Raises:
        TrainingError: the examples are not for this model, a loss or gradient stopped being a number or jumped, memory
            or disk ran out, or the checkpoint that was found cannot be continued from.
    """
    torch.manual_seed(spec.seed)
    examples = read_examples(spec.examples_file)
    check_examples(
        examples,
        model_config=json.loads((spec.model_folder / "config.json").read_bytes()),
        max_row_tokens=spec.max_tokens_per_rank * spec.sequence_parallel,
    )
    start_distributed(spec.device)
    steps = plan_steps(
        [example.question_id for example in examples],
        batch_size=spec.train.batch_size,
        num_epochs=spec.train.num_epochs,
        seed=spec.seed,
    )
    engine = make_engine(load_model(spec, zero_config=zero_config(spec)), spec=spec)
    _train(engine, steps, examples, spec=spec)
    reserve_space(engine, spec=spec, num_checkpoints=0)
    save_model(
        engine.module.model,
        is_sharded=engine.zero_optimization_stage() == 3,
        tokenizer_folder=spec.model_folder,
        folder=spec.output_folder,
    )
    distributed.destroy_process_group()


def _train(engine: Any, steps: Sequence[Step], examples: Sequence[Example], *, spec: TrainSpec) -> None:
    """Take the steps that are left, watching, recording and saving."""
    by_id = {example.question_id: example for example in examples}
    recipe = describe_recipe(spec, examples)
    past = resume(engine, steps, spec=spec, recipe=recipe)
    reserve_space(engine, spec=spec, num_checkpoints=(len(steps) - 1) // spec.train.checkpoint_every_steps)
    watch = LossWatch(spec.train.spike, past=past)
    checkpoint_seconds = 0.0
    for step in steps[len(past) :]:
        record = _take_step(engine, step, [by_id[name] for name in step.example_ids], spec=spec, total=len(steps))
        watch.check(record, step)
        if distributed.get_rank() == 0:
            record = record.model_copy(update={"checkpoint_seconds": checkpoint_seconds})
            _append(spec.steps_file, record, total=len(steps))
        checkpoint_seconds = 0.0
        if step.number % spec.train.checkpoint_every_steps == 0 and step.number < len(steps):
            checkpoint_seconds = save_checkpoint(engine, step.number, spec=spec, recipe=recipe)


def _take_step(engine: Any, step: Step, examples: Sequence[Example], *, spec: TrainSpec, total: int) -> TrainStep:
    try:
        return take_step(engine, step, examples, spec=spec, total=total)
    except RuntimeError as error:
        # torch has a type for GPUs, and only words for the CPU.
        if isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error):
            lengths = [len(example.input_ids) for example in examples]
            raise TrainingError(explain_memory(error, step, lengths, spec=spec)) from error
        raise


def _append(path: Path, record: TrainStep, *, total: int) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(record.model_dump_json() + "\n")
    # Also wakes whoever follows the output: the step log has a new line.
    logger.info("step %d of %d: loss %.4f", record.step, total, record.loss)


def main(argv: Sequence[str]) -> int:
    """Entry of one rank: the only argument is the path of the spec; the last line of a failure says what to do."""
    is_first = os.environ.get("RANK", "0") == "0"
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("s1").setLevel(logging.INFO if is_first else logging.WARNING)
    spec = TrainSpec.model_validate_json(Path(argv[0]).read_bytes())

    def saved() -> str:
        newest = newest_whole(spec.checkpoint_folder)
        return f"the checkpoint of step {newest} is whole" if newest else "there is no checkpoint yet"

    end_on_sigterm(lambda: f"stopped by SIGTERM; {saved()}: run again to go on from there", is_told=is_first)
    try:
        run(spec)
    except Exception as error:
        if type(error).__module__.startswith("s1."):  # written for users; where it was raised tells them nothing
            logger.error("%s", error)
            return 1
        logger.exception("rank %s failed", os.environ.get("RANK", "0"))
        logger.error("%s; %s", explain_end(error), saved())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
