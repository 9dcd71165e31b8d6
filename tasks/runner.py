"""Runs one stage from its parameters to its metrics and ledger; the same for terminal, Prefect and tests.

Knows the contract of a task (``tasks.stage``) and where its figures go; does not know what any stage does, nor Prefect
or MLflow, which come in as callables. ``metrics/<stage>.json`` and ``ledger/<stage>.json`` are written last, each whole
or not at all; only then is the stage's unfinished work dropped (unless the stage keeps it).

Example::

    observers = Observers(progress=TerminalProgress("curate"), run_shard=run_directly, track_step=ignore_steps)
    report = run_stage("curate", observers)
    report.metrics["num_kept"]      # 5214
"""

import contextlib
import hashlib
import importlib
import importlib.util
import inspect
import json
import logging
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from infra.meter import Meter
from infra.pipeline import StageEntry, find_stage, read_pipeline
from infra.settings import archive_folder, data_folder
from s1.artifacts import recover_artifact, write_text_atomically
from s1.config import Params, load_params
from s1.model_limits import check_context
from s1.not_run import FIGURES, write_empty_rows, write_placeholders
from tasks.paths import BASE_MODELS, LEDGER_FOLDER, METRICS_FOLDER, WORK_FOLDER
from tasks.stage import Metrics, Progress, ShardRunner, StageContext, StepTracker

PARAMS = Path("params.yaml")

logger = logging.getLogger(__name__)


class Task(Protocol):
    """A stage's ``run``; its keyword arguments are sections of ``params.yaml``."""

    def __call__(self, stage: StageContext, **sections: Any) -> Metrics:
        """Do the stage's work and return its figures."""
        ...


@dataclass(frozen=True, slots=True)
class Observers:
    """Who is told what a stage does."""

    progress: Progress
    run_shard: ShardRunner
    track_step: StepTracker


@dataclass(frozen=True, slots=True)
class StageReport:
    """What a finished stage wrote."""

    name: str
    metrics: Metrics
    ledger: dict[str, float]


def run_directly(name: str, work: Callable[[], None]) -> None:  # noqa: ARG001 - a ShardRunner's signature
    """Run a shard by calling it: the ``ShardRunner`` where there is no Prefect."""
    work()


def ignore_steps(step: int, figures: dict[str, float]) -> None:
    """The ``StepTracker`` where nobody tracks."""


def task_module(name: str) -> str:
    """Module of a stage's task; ``select`` and ``tokenize`` carry an underscore, see ``tasks``."""
    plain = f"tasks.{name}"
    return plain if importlib.util.find_spec(plain) is not None else f"{plain}_"


def load_task(name: str) -> Task:
    """Import a stage's task, and with it the libraries that it needs."""
    task: Task = importlib.import_module(task_module(name)).run
    return task


def sections_of(task: Callable[..., Metrics]) -> tuple[str, ...]:
    """Names of the sections that a task reads: its keyword-only arguments."""
    parameters = inspect.signature(task).parameters.values()
    return tuple(item.name for item in parameters if item.kind is inspect.Parameter.KEYWORD_ONLY)


def select_sections(params: Params, names: tuple[str, ...]) -> dict[str, Any]:
    """The sections with these names, and nothing else: what a task does not declare it cannot read."""
    return {name: getattr(params, name) for name in names}


def run_stage(name: str, observers: Observers, *, params_path: Path = PARAMS) -> StageReport:
    """Run one stage in the current folder.

    Raises:
        ParamsError: ``params.yaml`` cannot be used.
        PipelineError: ``dvc.yaml`` does not know the stage.
        ModelError: a length or budget is beyond the base models' context.
        ValueError: whatever the task refuses, with advice.
    """
    entry = find_stage(name)
    params = load_params(params_path)
    if any(dep in folder.parents or dep == folder for dep in entry.deps for folder in BASE_MODELS.values()):
        check_context(params, BASE_MODELS)  # before what is paid for, though only later stages may meet the limit
    for out in (*entry.outs, *entry.metrics, *entry.plots):
        _recover(out)
    if name in params.not_run.stages:
        return leave_out(entry)
    work_folder = WORK_FOLDER / name
    code = hash_code(entry.deps)
    dumped = json.dumps(params.dump(entry.params))
    with Meter(work_folder, work=hashlib.sha256(f"{code}{dumped}".encode()).hexdigest()[:8]) as meter:
        task = load_task(name)
        context = StageContext(
            name,
            work_folder,
            observers.progress,
            observers.run_shard,
            observers.track_step,
            code=code,
            archive_folder=archive_folder(Path.cwd()),
            data_folder=data_folder(),
        )
        metrics = task(context, **select_sections(params, sections_of(task)))
    spent = meter.quantities()
    ledger = {**gpu_seconds(spent["wall_seconds"], context.gpus), **spent, **context.quantities}
    write_json(METRICS_FOLDER / f"{name}.json", metrics)
    write_json(LEDGER_FOLDER / f"{name}.json", ledger)
    if context.kept_work:
        meter.save()  # its next run goes on from this one's results, so it has cost what this one did too
    else:
        meter.forget()
    for folder in context.opened_work:
        shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # another profile's unfinished work lies there
        work_folder.rmdir()
    return StageReport(name, metrics, ledger)


def leave_out(entry: StageEntry) -> StageReport:
    """Write what stands for a stage that the profile leaves out: typed figures, an empty ledger, marked places."""
    expected = [dep for stage in read_pipeline().values() for dep in stage.deps]
    for out in entry.outs:
        if not out.suffix:
            write_placeholders(out, sorted({dep for dep in expected if out in dep.parents}))
    for plot in entry.plots:
        write_empty_rows(plot)
    metrics: Metrics = dict(FIGURES)
    write_json(METRICS_FOLDER / f"{entry.name}.json", metrics)
    write_json(LEDGER_FOLDER / f"{entry.name}.json", {})
    return StageReport(entry.name, metrics, {})


def hash_code(deps: Sequence[Path]) -> str:
    """Hash of the Python files among a stage's inputs: the code that decides its result."""
    digest = hashlib.sha256()
    for dep in deps:
        files = sorted(dep.rglob("*.py")) if dep.is_dir() else [dep] if dep.suffix == ".py" else []
        for file in files:
            digest.update(f"{file}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:8]


def gpu_seconds(wall_seconds: float, gpus: Sequence[int | None]) -> dict[str, float]:
    """Seconds of all GPUs as a ledger's quantity, which lacks where they were not measured.

    Args:
        wall_seconds: of all tries of the stage.
        gpus: what the stage told by ``StageContext.use_gpus``; it holds the most of them from its start to its end.
    """
    known = [num for num in gpus if num is not None]
    return {"gpu_seconds": wall_seconds * max(uses_gpu(), *known, 0)} if len(known) == len(gpus) else {}


def uses_gpu() -> bool:
    """Whether this process has used a GPU; ranks of a training run count their own."""
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.cuda.is_initialized())


def write_json(path: Path, figures: Mapping[str, Any]) -> None:
    """Write figures so that people and ``dvc metrics diff`` can read them: indented, sorted, strict JSON.

    Raises:
        ValueError: a figure is NaN or infinite; undefined is ``None``, never a number.
    """
    try:
        text = json.dumps(figures, indent=2, sort_keys=True, allow_nan=False)
    except ValueError as error:
        raise ValueError(f"{path} would hold NaN or infinity ({error}); the stage has to return None there") from error
    write_text_atomically(path, text + "\n")


def _recover(out: Path) -> None:
    """Clear what killed runs left beside an output."""
    if not out.parent.is_dir():
        return
    if out.suffix:  # a file, written by ``write_text_atomically``
        for leftover in out.parent.glob(f"{out.name}.tmp-*"):
            leftover.unlink()
    else:
        recover_artifact(out)
