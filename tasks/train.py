"""Stage ``train``: examples and base model become the tuned model, on the ranks of the chosen cluster.

The run is planned first (``tasks.planning``): what cannot fit is refused before anything starts. A killed run continues
from its newest checkpoint, on whatever ranks; another recipe or other inputs start over.

Example::

    run(stage, train=params.train, seed=params.seed)
"""

import logging
import os
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import fmean

from infra.cluster import Cluster, load_cluster
from infra.launch import launch
from s1.artifacts import ArtifactWriter, read_jsonl, write_text_atomically
from s1.batching import count_steps
from s1.config import TrainParams
from s1.model_limits import check_examples, check_lora
from s1.models import resolve_model
from s1.records import Example
from s1.training.checkpoints import newest_whole
from s1.training.examples import read_examples
from s1.training.spec import TrainSpec, TrainStep
from tasks.paths import EXAMPLES, LARGE_MODEL, PLOTS_FOLDER, TRAIN_STEPS, TUNED_MODEL
from tasks.planning import PlannedRun, base_shape, lengths_of, plan_run, ratios
from tasks.plots import write_plot
from tasks.preflight import check_network, measure_network, wants_preflight
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
    check_model(examples, train=train)
    plan = partial(plan_run, train=train, seed=seed, shape=base_shape(), lengths=lengths_of(examples))
    planned = plan(cluster)
    stage.track_step(0, {f"plan/{name}": value for name, value in planned.figures().items()})
    total = count_steps(len(examples), batch_size=train.batch_size, num_epochs=train.num_epochs)
    spec = make_spec(stage, planned, train=train, seed=seed)
    if cluster.device == "cuda":
        stage.use_gpus(cluster.num_ranks)
    finished = spec.output_folder.exists()
    resumed_from = total if finished else newest_whole(spec.checkpoint_folder) or 0
    if not finished:
        if wants_preflight(cluster):
            check_network(planned, measure_network(cluster, folder=spec.run_folder), replan=plan)
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
    return {**measure(steps, resumed_from_step=resumed_from), **compare(planned, steps)}


def check_model(examples: Sequence[Example], *, train: TrainParams) -> None:
    """See that the base model can be trained on these examples, before anything is started.

    Raises:
        ModelError: its vocabulary or context is too small, or it lacks the layers that ``train.lora`` names.
    """
    folder = resolve_model(LARGE_MODEL)
    check_examples(
        folder,
        largest_id=max(max(example.input_ids) for example in examples),
        longest=max(len(example.input_ids) for example in examples),
    )
    if train.lora is not None:
        check_lora(train.lora, folder)


def make_spec(stage: StageContext, planned: PlannedRun, *, train: TrainParams, seed: int) -> TrainSpec:
    """Describe the run; its folder is named after everything that decides its states, which the ranks do not."""
    cluster = planned.cluster
    # How often states are saved, and what stops a run, decide no state: who changes them goes on from the newest one.
    decisive = train.model_copy(update={"checkpoint_every_steps": 1, "spike": None})
    key = fingerprint(decisive, seed, LARGE_MODEL, EXAMPLES, cluster.device)
    return TrainSpec(
        train=train,
        seed=seed,
        model_folder=resolve_model(LARGE_MODEL).resolve(),
        examples_file=EXAMPLES.resolve(),
        run_folder=stage.open_work(key).resolve(),
        device=cluster.device,
        storage=cluster.storage,
        **planned.spec_fields,
    )


def _train(stage: StageContext, cluster: Cluster, *, spec: TrainSpec, total: int) -> None:
    spec_file = spec.run_folder / "spec.json"
    write_text_atomically(spec_file, spec.model_dump_json(indent=1) + "\n")
    follower = StepFollower(spec.steps_file, stage=stage, total=total)
    launch(cluster, spec_file=spec_file, log_folder=spec.run_folder / "ranks", on_line=follower.follow)
    follower.follow()


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


def compare(planned: PlannedRun, steps: Sequence[TrainStep]) -> Metrics:
    """What was planned, what it took, and the one over the other."""
    expected = planned.figures()
    actual = planned.actual_figures(steps, num_layers=base_shape().num_layers)
    return {"plan": {**expected}, "actual": {**actual}, "ratio": {**ratios(actual, expected)}}
