"""Stage ``train``: examples and base model become the tuned model, on the ranks of the chosen cluster.

A killed run continues from its newest checkpoint; another recipe, other inputs or another number of ranks start over.

Example::

    run(stage, train=params.train, seed=params.seed)
"""

import logging
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from infra.cluster import Cluster, load_cluster
from infra.launch import launch
from s1.artifacts import ArtifactWriter, read_jsonl, write_text_atomically
from s1.batching import count_steps
from s1.config import TrainParams
from s1.models import resolve_model
from s1.training.checkpoints import newest_whole
from s1.training.examples import read_examples
from s1.training.spec import TrainSpec, TrainStep
from tasks.paths import EXAMPLES, LARGE_MODEL, PLOTS_FOLDER, TRAIN_STEPS, TUNED_MODEL
from tasks.plots import write_plot
from tasks.stage import Metrics, StageContext, fingerprint

LOSS_PLOT = PLOTS_FOLDER / "train" / "loss.json"
"""Loss of every step for ``dvc plots``, which reads no JSON lines."""

logger = logging.getLogger(__name__)


class StepFollower:
    """Passes on the new lines of a step log as they come; a line still being written waits."""

    def __init__(self, path: Path, *, stage: StageContext, total: int) -> None:
        self._path = path
        self._stage = stage
        self._total = total
        self._num_passed_on = 0

    def follow(self, _line: str = "") -> None:
        """Pass on what is new since the last call; called on every line that the run writes.

        The whole log is read each time: a resumed run rewrites it up to its checkpoint, so a position would not hold.
        """
        if not self._path.exists():
            return
        whole, _, _ = self._path.read_bytes().rpartition(b"\n")
        for line in whole.splitlines()[self._num_passed_on :]:
            step = TrainStep.model_validate_json(line)
            figures = {"loss": step.loss, "learning_rate": step.learning_rate, "grad_norm": step.grad_norm}
            self._stage.track_step(step.step, {**figures, "tokens_per_second": step.num_tokens / step.seconds})
            self._stage.progress(step.step, self._total, f"loss {step.loss:.3f}")
            self._num_passed_on += 1


def run(stage: StageContext, *, train: TrainParams, seed: int) -> Metrics:
    """Train, following the step log while it grows, and put model and log in place together."""
    cluster = load_cluster()
    examples = read_examples(EXAMPLES)
    total = count_steps(len(examples), batch_size=train.batch_size, num_epochs=train.num_epochs)
    spec = make_spec(stage, cluster, train=train, seed=seed)
    finished = spec.output_folder.exists()
    resumed_from = total if finished else newest_whole(spec.checkpoint_folder) or 0
    if not finished:
        _train(stage, cluster, spec=spec, total=total)
    steps = read_jsonl(spec.steps_file, TrainStep)
    if len(steps) != total:
        raise ValueError(
            f"{spec.steps_file} holds {len(steps)} steps of {total}; remove {spec.run_folder} and run again"
        )
    with ArtifactWriter(TUNED_MODEL.parent) as artifact:
        shutil.copytree(spec.output_folder, artifact.path(TUNED_MODEL.name), copy_function=_link_or_copy)
        shutil.copy(spec.steps_file, artifact.path(TRAIN_STEPS.name))
    rows = [{"step": step.step, "loss": step.loss, "learning_rate": step.learning_rate} for step in steps]
    write_plot(LOSS_PLOT, rows)
    return measure(steps, resumed_from_step=resumed_from)


def make_spec(stage: StageContext, cluster: Cluster, *, train: TrainParams, seed: int) -> TrainSpec:
    """Describe the run; its folder is named after everything that decides its states, the number of ranks included."""
    key = fingerprint(train, seed, LARGE_MODEL, EXAMPLES, cluster.num_ranks, cluster.device)
    return TrainSpec(
        train=train,
        seed=seed,
        model_folder=resolve_model(LARGE_MODEL).resolve(),
        examples_file=EXAMPLES.resolve(),
        run_folder=stage.open_work(key).resolve(),
        device=cluster.device,
        max_micro_batch_tokens=cluster.max_micro_batch_tokens,
    )


def _train(stage: StageContext, cluster: Cluster, *, spec: TrainSpec, total: int) -> None:
    spec_file = spec.run_folder / "spec.json"
    write_text_atomically(spec_file, spec.model_dump_json(indent=1) + "\n")
    follower = StepFollower(spec.steps_file, stage=stage, total=total)
    started = time.monotonic()
    launch(cluster, spec_file=spec_file, log_folder=spec.run_folder / "ranks", on_line=follower.follow)
    follower.follow()
    if cluster.device == "cuda":
        stage.add_quantity("gpu_seconds", cluster.num_ranks * (time.monotonic() - started))


def _link_or_copy(source: str, target: str) -> None:
    """Hard links keep tens of gigabytes from being written twice; the run's folder is removed afterwards."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def measure(steps: Sequence[TrainStep], *, resumed_from_step: int) -> Metrics:
    """Figures of a finished run; losses are means over an epoch's steps."""
    last = steps[-1].epoch
    num_tokens = sum(step.num_tokens for step in steps)
    return {
        "num_steps": len(steps),
        "num_tokens": num_tokens,
        "loss": {
            "first_epoch": fmean(step.loss for step in steps if step.epoch == 0),
            "last_epoch": fmean(step.loss for step in steps if step.epoch == last),
        },
        "tokens_per_second": num_tokens / sum(step.seconds for step in steps),
        "resumed_from_step": resumed_from_step,
    }
