"""One rank of our training for ``bench.throughput``: the worker's own steps, and when each of them ended.

Example::

    python -m torch.distributed.run --standalone --nproc-per-node 2 -m bench.throughput_rank job.json
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import torch

from infra.processes import die_with_parent
from s1.batching import plan_steps
from s1.training.engine import make_engine, start_distributed, zero_config
from s1.training.examples import read_examples
from s1.training.model import load_model
from s1.training.spec import TrainSpec
from s1.training.stepping import take_step


def main(job_file: Path) -> None:
    """Take the job's first steps and write ``<output>.rank<n>.json``."""
    job = json.loads(job_file.read_text(encoding="utf-8"))
    spec = TrainSpec.model_validate(job["spec"])
    torch.manual_seed(spec.seed)
    start_distributed(spec.device)
    examples = {example.question_id: example for example in read_examples(spec.examples_file)}
    steps = plan_steps(
        list(examples), batch_size=spec.train.batch_size, num_epochs=spec.train.num_epochs, seed=spec.seed
    )[: job["num_steps"]]
    engine = make_engine(load_model(spec, zero_config=zero_config(spec)), spec=spec)
    ends, cpu, losses = [], [], []
    for step in steps:
        record = take_step(engine, step, [examples[name] for name in step.example_ids], spec=spec, total=len(steps))
        ends.append(time.perf_counter())
        cpu.append(time.process_time())
        losses.append(record.loss)
    versions = {name: version(name) for name in ("deepspeed", "transformers", "torch")}
    result = {"ends": ends, "cpu": cpu, "losses": losses, "versions": versions}
    rank = torch.distributed.get_rank()
    Path(f"{job['output']}.rank{rank}.json").write_text(json.dumps(result), encoding="utf-8")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    die_with_parent()
    main(Path(sys.argv[1]))
