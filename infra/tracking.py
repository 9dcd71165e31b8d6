"""MLflow: what is remembered of a run, and how it is written. Only this module touches MLflow.

Knows runs, tags, parameters, metrics and artifacts; does not know stages' meaning, Prefect or threads (only
``infra.recorder`` calls it, from a thread of its own). Importing MLflow with its SQL store
takes about three seconds, so the import happens inside ``connect``.

Example::

    tracking = Tracking.connect(Settings.from_environment())
    run_id = tracking.start_run("train", tags={"dvc.stage": "train"}, parent_run_id=None)
    tracking.log_metrics(run_id, {"loss": 0.7})
    tracking.end_run(run_id, "FINISHED")
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from infra.figures import CurvePoint
from infra.settings import MLFLOW_FOLDER, Settings
from infra.spool import StepFigures

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

RunStatus = Literal["FINISHED", "FAILED", "KILLED"]
_MAX_METRICS_PER_BATCH = 1000
_MAX_PARAMS_PER_BATCH = 100
_MAX_PARAM_LENGTH = 6000


class Tracking:
    """One experiment of one MLflow store."""

    def __init__(self, client: "MlflowClient", experiment_id: str) -> None:
        self._client = client
        self._experiment_id = experiment_id

    @classmethod
    def connect(cls, settings: Settings) -> Self:
        """Import MLflow, open its store (a new SQLite file is set up here, once) and find the experiment.

        Raises:
            Exception: whatever MLflow raises when its store cannot be reached.
        """
        if settings.tracks_locally:
            MLFLOW_FOLDER.mkdir(exist_ok=True)
        from mlflow.tracking import MlflowClient

        client = MlflowClient(settings.tracking_uri)
        experiment = client.get_experiment_by_name(settings.experiment)
        if experiment is not None:
            return cls(client, experiment.experiment_id)
        place = (MLFLOW_FOLDER / "artifacts").absolute().as_uri() if settings.tracks_locally else None
        return cls(client, client.create_experiment(settings.experiment, artifact_location=place))

    def start_run(self, name: str, *, tags: Mapping[str, str], parent_run_id: str | None) -> str:
        """Create a run, nested under another one if given, and return its id."""
        nesting = {"mlflow.parentRunId": parent_run_id} if parent_run_id is not None else {}
        source = {"mlflow.source.git.commit": tags["git.commit"]} if "git.commit" in tags else {}
        run = self._client.create_run(self._experiment_id, run_name=name, tags={**tags, **nesting, **source})
        return str(run.info.run_id)

    def log_params(self, run_id: str, params: Mapping[str, str]) -> None:
        """Log parameters; overlong ones are cut to what MLflow accepts."""
        from mlflow.entities import Param

        items = [Param(name, value[:_MAX_PARAM_LENGTH]) for name, value in params.items()]
        for start in range(0, len(items), _MAX_PARAMS_PER_BATCH):
            self._client.log_batch(run_id, params=items[start : start + _MAX_PARAMS_PER_BATCH])

    def log_metrics(self, run_id: str, metrics: Mapping[str, float]) -> None:
        """Log single figures."""
        self.log_curve(run_id, [CurvePoint(name, 0, value) for name, value in metrics.items()])

    def log_curve(self, run_id: str, points: Sequence[CurvePoint]) -> None:
        """Log figures that belong to steps (a budget, a Wait count)."""
        now_ms = int(time.time() * 1000)
        self._log([(point.key, point.value, now_ms, point.step) for point in points], run_id)

    def log_steps(self, run_id: str, steps: Sequence[StepFigures]) -> None:
        """Log a stretch of a training curve in as few requests as MLflow allows."""
        self._log(
            [(key, value, item.time_ms, item.step) for item in steps for key, value in item.figures.items()], run_id
        )

    def _log(self, values: Sequence[tuple[str, float, int, int]], run_id: str) -> None:
        from mlflow.entities import Metric

        metrics = [Metric(*value) for value in values]
        for start in range(0, len(metrics), _MAX_METRICS_PER_BATCH):
            self._client.log_batch(run_id, metrics=metrics[start : start + _MAX_METRICS_PER_BATCH])

    def log_files(self, run_id: str, paths: Sequence[Path]) -> None:
        """Keep copies of small files with the run; those that do not exist are left out."""
        for path in paths:
            if path.is_file():
                self._client.log_artifact(run_id, str(path), path.parent.as_posix())

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of a run that exists."""
        for name, value in tags.items():
            self._client.set_tag(run_id, name, value)

    def end_run(self, run_id: str, status: RunStatus) -> None:
        """Close a run."""
        self._client.set_terminated(run_id, status)
