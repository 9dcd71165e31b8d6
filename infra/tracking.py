"""MLflow: what is remembered of a run, and how it is written. With ``infra.registry``, all that touches MLflow.

Knows runs, tags, parameters, metrics, data sets and artifacts; does not know stages' meaning, Prefect or threads (only
``infra.recorder`` calls it, from a thread of its own). Importing MLflow with its SQL store takes about three seconds,
so the import happens inside ``connect``. Each method is one request where MLflow has one for it: over HTTP a request
costs some 40 ms.

Example::

    tracking = Tracking.connect(Settings.from_environment())
    run_id = tracking.start_run("train", tags={"dvc.stage": "train"}, parent_run_id=None)
    tracking.log(run_id, figures=[CurvePoint("loss", 0, 0.7)])
    tracking.end_run(run_id, "FINISHED")
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from infra.figures import CurvePoint
from infra.settings import MLFLOW_FOLDER, Settings, home_folder, without_password
from infra.spool import StepFigures
from infra.versions import DataSet

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput
    from mlflow.tracking import MlflowClient

RunStatus = Literal["FINISHED", "FAILED", "KILLED"]
SECONDS_BETWEEN_SYSTEM_METRICS = 5.0
"""Unless ``MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL`` says otherwise."""
DEFAULT_SERVER = "http://127.0.0.1:5000"
_KIND = {"mlflow.experimentKind": "custom_model_development"}
"""Without it MLflow's UI opens its pages for traces of chat programs, and runs and charts are a menu away."""
_MAX_PARAM_LENGTH = 6000


class TrackingError(ValueError):
    """MLflow's store cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a figure says something about."""

    model_id: str
    data: DataSet | None


@dataclass(frozen=True, slots=True)
class RunningRun:
    """A run that MLflow takes to be running."""

    run_id: str
    invocation: str
    """The tag ``s1.invocation``; empty without it."""


class Tracking:
    """One experiment of one MLflow store."""

    def __init__(self, client: "MlflowClient", experiment_id: str, uri: str) -> None:
        self.client = client
        self.experiment_id = experiment_id
        self._uri = uri

    @classmethod
    def connect(cls, settings: Settings) -> Self:
        """Import MLflow, open its store (a new database is set up here, once) and find or make the experiment.

        The store of a workspace without a server is that of the checkout it belongs to. Artifacts lie in the checkout
        by their file's address, whichever way the store is reached, so that runs written to the database directly and
        through a server over it read each other's.

        Raises:
            TrackingError: the experiment's artifacts can only be reached through a server, and there is none.
            Exception: whatever MLflow raises when its store cannot be reached.
        """
        folder = home_folder(Path.cwd()) / MLFLOW_FOLDER
        uri = f"sqlite:///{folder}/mlflow.db" if settings.tracks_locally else settings.tracking_uri
        if settings.tracks_locally:
            folder.mkdir(exist_ok=True)
        from mlflow.tracking import MlflowClient

        client = MlflowClient(uri)
        direct = not uri.startswith(("http://", "https://"))
        experiment = client.get_experiment_by_name(settings.experiment)
        if experiment is None:
            place = artifact_root(folder) if direct else None
            return cls(client, client.create_experiment(settings.experiment, place, tags=_KIND), uri)
        if direct and experiment.artifact_location.startswith("mlflow-artifacts:"):
            raise TrackingError(
                f"the experiment {settings.experiment!r} was made through a server that keeps its artifacts to itself; "
                "set MLFLOW_TRACKING_URI to that server, or MLFLOW_EXPERIMENT_NAME to another name"
            )
        for name, value in _KIND.items():
            if name not in experiment.tags:
                client.set_experiment_tag(experiment.experiment_id, name, value)
        return cls(client, experiment.experiment_id, uri)

    def start_run(self, name: str, *, tags: Mapping[str, str], parent_run_id: str | None) -> str:
        """Create a run, nested under another one if given, and return its id."""
        nesting = {"mlflow.parentRunId": parent_run_id} if parent_run_id is not None else {}
        source = {
            f"mlflow.source.git.{name}": tags[f"git.{name}"] for name in ("commit", "branch") if f"git.{name}" in tags
        }
        run = self.client.create_run(self.experiment_id, run_name=name, tags={**tags, **nesting, **source})
        return str(run.info.run_id)

    def log(
        self,
        run_id: str,
        *,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        figures: Sequence[CurvePoint] = (),
        about: Callable[[str], Subject | None] | None = None,
    ) -> None:
        """Log parameters (overlong ones are cut to what MLflow takes), tags and figures together.

        Args:
            about: the model and data set that the figure with this key says something about, if any.
        """
        from mlflow.entities import Metric, Param, RunTag

        now_ms = int(time.time() * 1000)
        metrics = []
        for point in figures:
            subject = about(point.key) if about is not None else None
            data = subject.data if subject is not None else None
            links = {
                "model_id": subject.model_id if subject is not None else None,
                "dataset_name": data.name if data is not None else None,
                "dataset_digest": data.digest if data is not None else None,
            }
            metrics.append(Metric(point.key, point.value, now_ms, point.step, **links))
        self.client.log_batch(
            run_id,
            metrics=metrics,
            params=[Param(name, value[:_MAX_PARAM_LENGTH]) for name, value in (params or {}).items()],
            tags=[RunTag(name, value) for name, value in (tags or {}).items()],
        )

    def log_steps(self, run_id: str, steps: Sequence[StepFigures]) -> None:
        """Log a stretch of a training curve."""
        from mlflow.entities import Metric

        metrics = [Metric(key, value, item.time_ms, item.step) for item in steps for key, value in item.figures.items()]
        self.client.log_batch(run_id, metrics=metrics)

    def log_inputs(self, run_id: str, data: Sequence[DataSet], *, model_ids: Sequence[str] = ()) -> None:
        """Say which data sets and models a run read."""
        from mlflow.entities import LoggedModelInput

        if data or model_ids:
            models = [LoggedModelInput(model_id) for model_id in model_ids]
            self.client.log_inputs(run_id, datasets=[_dataset_input(item) for item in data], models=models)

    def log_files(self, run_id: str, paths: Sequence[Path]) -> None:
        """Keep copies of small files with the run; those that do not exist are left out."""
        for path in paths:
            if path.is_file():
                self.client.log_artifact(run_id, str(path), path.parent.as_posix())

    def run_url(self, run_id: str) -> str:
        """The run's page in MLflow's UI: on the server, or where one over this store listens by default."""
        base = without_password(self._uri).rstrip("/") if self._uri.startswith("http") else DEFAULT_SERVER
        return f"{base}/#/experiments/{self.experiment_id}/runs/{run_id}"

    def end_run(self, run_id: str, status: RunStatus) -> None:
        """Close a run."""
        self.client.set_terminated(run_id, status)

    def find_computing_run(self, ledger_md5: str) -> str | None:
        """The run whose stage wrote this ledger: its seconds make the ledger unique to one execution."""
        wanted = f"tags.`dvc.ledger_md5` = '{ledger_md5}' and tags.reused = 'false'"
        found = self.client.search_runs([self.experiment_id], wanted, max_results=1, order_by=["start_time ASC"])
        return str(found[0].info.run_id) if found else None

    def find_running(self) -> list[RunningRun]:
        """All runs of the experiment that have not ended."""
        found: list[RunningRun] = []
        token = None
        while True:
            page = self.client.search_runs([self.experiment_id], "attributes.status = 'RUNNING'", page_token=token)
            found += [RunningRun(run.info.run_id, run.data.tags.get("s1.invocation", "")) for run in page]
            token = page.token
            if not token:
                return found

    def watch_machine(self, run_id: str) -> Callable[[], None]:
        """Log CPU, memory, disk, network and GPU of this machine to a run, from a thread; returns what ends it.

        MLflow's own monitor, which tells its troubles to its log only.
        """
        from mlflow.system_metrics import system_metrics_monitor

        library: Any = system_metrics_monitor  # it is not annotated
        monitor = library.SystemMetricsMonitor(
            run_id, sampling_interval=SECONDS_BETWEEN_SYSTEM_METRICS, tracking_uri=self._uri
        )
        monitor.start()
        end: Callable[[], None] = monitor.finish
        return end


def artifact_root(folder: Path) -> str:
    """Where artifacts of a checkout's store lie, as the address that MLflow records."""
    return (folder / "artifacts").absolute().as_uri()


def _dataset_input(data: DataSet) -> "DatasetInput":
    from mlflow.entities import Dataset, DatasetInput, InputTag

    profile = None if data.num_rows is None else json.dumps({"num_rows": data.num_rows})
    source = json.dumps({"uri": data.uri})
    dataset = Dataset(name=data.name, digest=data.digest, source_type="dvc", source=source, profile=profile)
    return DatasetInput(dataset, [InputTag("mlflow.data.context", data.context)])
