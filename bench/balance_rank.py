"""One rank of ``bench.balance``: real forward and backward passes through our training, each pass's work measured.

What is measured is this process's processor time, which does not count what a rank waits for others, so it stands for
a rank's work also where ranks share cores. Both layouts go through the same code (``accumulate_gradient``): ours as
planned, the reference's as rows of one example each, dealt to the ranks in turn.

Example::

    python -m torch.distributed.run --standalone --nproc-per-node 2 -m bench.balance_rank job.json
"""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from infra.processes import die_with_parent
from s1.planning.reference import deal_rows
from s1.records import Example
from s1.training.engine import make_engine, start_distributed, zero_config
from s1.training.examples import read_examples
from s1.training.model import load_model
from s1.training.spec import TrainSpec
from s1.training.stepping import StepPlan, accumulate_gradient, plan_step


class TimedEngine:
    """An engine that notes the processor seconds of every pass, from its forward call to the end of its backward."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._started = 0.0
        self.passes: list[float] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Forward pass of the engine, and the start of a pass."""
        self._started = time.process_time()
        return self._engine(*args, **kwargs)

    def backward(self, *args: Any, **kwargs: Any) -> None:
        """Of the engine, and the end of the pass."""
        self._engine.backward(*args, **kwargs)
        self.passes.append(time.process_time() - self._started)


def plan_case(examples: Sequence[Example], *, spec: TrainSpec, num_ranks: int, is_reference: bool) -> StepPlan:
    """Our plan of a step, or the reference's."""
    plan = plan_step(examples, spec=spec, num_ranks=num_ranks)
    return replace(plan, rows=deal_rows(len(examples), num_ranks=num_ranks)) if is_reference else plan


def main(job_file: Path) -> None:
    """Run all cases of the job and write ``<output>.rank<n>.json``: of each case, each step's passes and seconds."""
    job = json.loads(job_file.read_text(encoding="utf-8"))
    base = TrainSpec.model_validate(job["spec"])
    start_distributed("cpu")
    examples = {example.question_id: example for example in read_examples(base.examples_file)}
    result: dict[str, Any] = {}
    for case in job["cases"]:
        spec = base.model_copy(update={"sequence_parallel": case["sequence_parallel"]})
        torch.manual_seed(spec.seed)
        engine = TimedEngine(make_engine(load_model(spec, zero_config=zero_config(spec)), spec=spec))
        for name, steps in job["steps"].items():
            measured = _run_case(engine, steps, examples, spec=spec, is_reference=case["is_reference"])
            result[f"{name}/{case['name']}"] = measured
    Path(f"{job['output']}.rank{torch.distributed.get_rank()}.json").write_text(json.dumps(result), encoding="utf-8")
    torch.distributed.destroy_process_group()


def _run_case(
    engine: TimedEngine,
    steps: Sequence[Sequence[str]],
    examples: dict[str, Example],
    *,
    spec: TrainSpec,
    is_reference: bool,
) -> list[dict[str, Any]]:
    """The first step is taken twice; the first time warms up."""
    num_ranks = torch.distributed.get_world_size()
    measured = []
    for ids in [steps[0], *steps]:
        batch = [examples[name] for name in ids]
        plan = plan_case(batch, spec=spec, num_ranks=num_ranks, is_reference=is_reference)
        engine.passes = []
        torch.distributed.barrier()
        started = time.perf_counter()
        losses = accumulate_gradient(engine, plan, batch, spec=spec)
        seconds = time.perf_counter() - started
        engine.step()
        measured.append({"passes": engine.passes, "seconds": seconds, "losses": losses})
    return measured[1:]


if __name__ == "__main__":
    die_with_parent()
    main(Path(sys.argv[1]))
