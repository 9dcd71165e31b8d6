"""Tokens per second of our training beside TRL's SFTTrainer: same model, examples, recipe and cores, in turn.

Two ranks with one thread each, on CPU. Both take the same 16 examples in every step in the same order, with the same
optimizer, schedule and clipping, in float32, and both weigh all target tokens of a step alike (TRL's loss; ours as
``objective: token-mean``), so the losses of the steps must agree: that they do shows that both do the same work. Ours
is DeepSpeed ZeRO as in ``params.yaml``, TRL's DDP: its environment has no DeepSpeed. TRL is tried in every setting that
keeps 16 examples to a step (``bench.trl_rank``); the fastest that computes the right losses is the one compared with.
Start, loading and the first steps are not counted. Beside the clock stands the processor time of both ranks, which
other work on the machine disturbs less, and which leaves out what ranks wait for each other.

Example::

    make trl                                         # TRL's own environment, once
    python -m bench.throughput --model models/base/large --examples data/tokenize/examples.parquet
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.ranks import ROOT, RankError, run_ranks
from bench.trl_rank import VARIANTS
from infra.cluster import load_cluster
from s1.batching import plan_steps
from s1.config import Params, load_params
from s1.records import Example
from s1.training.examples import read_examples
from s1.training.packing import count_targets
from s1.training.spec import TrainSpec

NUM_RANKS = 2
NUM_SKIPPED = 3
"""First steps that are not counted: allocations, caches."""
SAME_LOSS = 1e-3
"""Nats by which the losses of a step may differ: rounding, grown over the steps of a run."""
_DEFAULT_PYTHON = ROOT / ".venv-trl/bin/python"


@dataclass(frozen=True, slots=True)
class Work:
    """What both sides are given."""

    model: Path
    examples_file: Path
    params: Params
    num_steps: int
    order: tuple[str, ...]
    """Ids of the examples, 16 to a step."""
    num_tokens: tuple[int, ...]
    """Of every step, prompts included, padding not."""
    num_targets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of one side."""

    losses: tuple[float, ...]
    seconds: float
    """From the end of the last step that is not counted to the end of the last."""
    cpu_seconds: float
    """Processor time of both ranks together, of the same steps."""
    num_tokens: int
    num_targets: int
    versions: Mapping[str, str]

    @property
    def tokens_per_second(self) -> float:
        """Of both ranks together, by the clock."""
        return self.num_tokens / self.seconds

    @property
    def targets_per_second(self) -> float:
        """The same of target tokens only."""
        return self.num_targets / self.seconds

    @property
    def tokens_per_cpu_second(self) -> float:
        """Per second of one core's work."""
        return self.num_tokens / self.cpu_seconds


def plan_work(model: Path, examples_file: Path, *, params: Params, num_steps: int) -> Work:
    """The first steps of the recipe's run."""
    examples = {example.question_id: example for example in read_examples(examples_file)}
    steps = plan_steps(list(examples), batch_size=16, num_epochs=params.train.num_epochs, seed=params.seed)[:num_steps]
    rows: list[list[Example]] = [[examples[name] for name in step.example_ids] for step in steps]
    return Work(
        model=model,
        examples_file=examples_file,
        params=params,
        num_steps=len(steps),
        order=tuple(name for step in steps for name in step.example_ids),
        num_tokens=tuple(sum(len(example.input_ids) for example in row) for row in rows),
        num_targets=tuple(sum(map(count_targets, row)) for row in rows),
    )


def run_ours(work: Work, folder: Path) -> Trial:
    """Our worker's steps, as on a laptop."""
    train = work.params.train.model_copy(update={"objective": "token-mean", "batch_size": 16})
    max_tokens = load_cluster("laptop").max_tokens_per_rank
    assert isinstance(max_tokens, int), "the laptop's file says how many tokens"
    spec = TrainSpec(
        train=train,
        seed=work.params.seed,
        model_folder=work.model.resolve(),
        examples_file=work.examples_file.resolve(),
        run_folder=folder,
        device="cpu",
        max_tokens_per_rank=max_tokens,
    )
    job = {"spec": spec.model_dump(mode="json"), "num_steps": work.num_steps}
    return _run(["-m", "bench.throughput_rank"], job, work, folder=folder, python=sys.executable)


def run_trl(work: Work, folder: Path, *, variant: str, python: str) -> Trial:
    """TRL's trainer in one of its settings."""
    recipe = {
        name: getattr(work.params.train, name)
        for name in ("learning_rate", "warmup_ratio", "weight_decay", "adam_beta1", "adam_beta2", "max_grad_norm")
    }
    job = {
        "recipe": {**recipe, "max_length": work.params.tokenize.max_length},
        "variant": variant,
        "model": str(work.model.resolve()),
        "examples": str(work.examples_file.resolve()),
        "order": work.order,
        "num_steps": work.num_steps,
    }
    return _run([str(ROOT / "bench/trl_rank.py")], job, work, folder=folder, python=python)


def _run(command: Sequence[str], job: Mapping[str, object], work: Work, *, folder: Path, python: str) -> Trial:
    folder.mkdir(parents=True)
    job_file = folder / "job.json"
    job_file.write_text(json.dumps({**job, "output": str(folder / "result")}), encoding="utf-8")
    run_ranks([*command, str(job_file)], num_ranks=NUM_RANKS, python=python)
    results = [json.loads((folder / f"result.rank{rank}.json").read_text("utf-8")) for rank in range(NUM_RANKS)]
    return read_trial(results, work)


def read_trial(results: Sequence[Mapping[str, Any]], work: Work) -> Trial:
    """Rates from what the ranks wrote; a step ends when its last rank ends it."""
    ends = [max(of_step) for of_step in zip(*(result["ends"] for result in results), strict=True)]
    return Trial(
        losses=tuple(results[0]["losses"]),
        seconds=ends[-1] - ends[NUM_SKIPPED - 1],
        cpu_seconds=sum(result["cpu"][-1] - result["cpu"][NUM_SKIPPED - 1] for result in results),
        num_tokens=sum(work.num_tokens[NUM_SKIPPED:]),
        num_targets=sum(work.num_targets[NUM_SKIPPED:]),
        versions=results[0]["versions"],
    )


def largest_difference(first: Trial, second: Trial) -> float:
    """Largest difference between the losses that two sides had at the same step."""
    return max(abs(one - other) for one, other in zip(first.losses, second.losses, strict=True))


def choose(trials: Mapping[str, Trial], ours: Trial) -> str:
    """TRL's fastest variant of those whose losses are ours."""
    right = [name for name, trial in trials.items() if largest_difference(trial, ours) <= SAME_LOSS]
    if not right:
        raise RankError("no variant of TRL has our losses, so the two sides do different work and are not compared")
    return max(right, key=lambda name: trials[name].tokens_per_second)


def print_variants(trials: Mapping[str, Trial], ours: Trial) -> None:
    """One trial of each setting of TRL beside one of ours."""
    print("| trial | tokens/s | target tokens/s | tokens per processor second | largest difference to our loss, nats |")
    print("|---|---:|---:|---:|---:|")
    for name, trial in {"ours": ours, **{f"TRL, {name}": trial for name, trial in trials.items()}}.items():
        shown = "" if trial is ours else f"{largest_difference(trial, ours):.1e}"
        rates = (trial.tokens_per_second, trial.targets_per_second, trial.tokens_per_cpu_second)
        print(f"| {name} | " + " | ".join(f"{rate:,.0f}" for rate in rates) + f" | {shown} |")


def print_ratio(ours: Sequence[Trial], theirs: Sequence[Trial], *, variant: str) -> None:
    """Repetitions side by side, and the ratios with their spread."""
    print(f"\n| repetition | ours, tokens/s | TRL ({variant}), tokens/s | ratio | ratio by processor time |")
    print("|---|---:|---:|---:|---:|")
    pairs = list(zip(ours, theirs, strict=True))
    ratios = [one.tokens_per_second / other.tokens_per_second for one, other in pairs]
    of_cpu = [one.tokens_per_cpu_second / other.tokens_per_cpu_second for one, other in pairs]
    for number, (one, other) in enumerate(pairs):
        rates = f"{one.tokens_per_second:,.0f} | {other.tokens_per_second:,.0f}"
        print(f"| {number + 1} | {rates} | {ratios[number]:.2f} | {of_cpu[number]:.2f} |")
    rates = " | ".join(f"{median(trial.tokens_per_second for trial in side):,.0f}" for side in (ours, theirs))
    print(f"| median (range) | {rates} | {_spread(ratios)} | {_spread(of_cpu)} |")
    targets = [median(trial.targets_per_second for trial in side) for side in (ours, theirs)]
    print(f"\nTarget tokens per second, medians: ours {targets[0]:,.0f}, TRL {targets[1]:,.0f}.")
    for name, trial in (("ours", ours[0]), ("TRL", theirs[0])):
        print(f"{name}: " + ", ".join(f"{package} {version}" for package, version in trial.versions.items()))


def _spread(ratios: Sequence[float]) -> str:
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def find_python() -> str:
    """Interpreter of TRL's environment.

    Raises:
        RankError: there is none; says how to make it.
    """
    python = os.environ.get("S1_TRL_PYTHON") or str(_DEFAULT_PYTHON)
    if not Path(python).is_file():
        raise RankError(
            f"TRL's environment is missing ({python}). Make it with `make trl`, or name the interpreter of another one "
            "that has the packages of pyproject.toml's group trl: S1_TRL_PYTHON=/path/to/python"
        )
    return python


def main(arguments: Sequence[str] | None = None) -> int:
    """Try TRL's settings once, then measure both sides in turn."""
    parser = argparse.ArgumentParser(prog="python -m bench.throughput", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", type=Path, default=Path("models/base/large"), help="folder of the model to train")
    parser.add_argument("--examples", type=Path, default=Path("data/tokenize/examples.parquet"))
    parser.add_argument("--steps", type=int, default=63, help="optimizer steps of one repetition; 63 are one epoch")
    parser.add_argument("--repetitions", type=int, default=3)
    options = parser.parse_args(arguments)
    try:
        python = find_python()
        params = load_params(Path("params.yaml"))
        work = plan_work(options.model, options.examples, params=params, num_steps=options.steps)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            first = run_ours(work, folder / "ours")
            trials = {kind: run_trl(work, folder / kind, variant=kind, python=python) for kind in VARIANTS}
            print_variants(trials, first)
            best = choose(trials, first)
            ours, theirs = [], []
            for number in range(options.repetitions):
                ours.append(run_ours(work, folder / f"ours-{number}"))
                theirs.append(run_trl(work, folder / f"trl-{number}", variant=best, python=python))
        print_ratio(ours, theirs, variant=best)
    except (RankError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
