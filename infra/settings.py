"""The environment variables that the project reads, and the ones it sets for the processes it starts.

Knows names and defaults; does not import Prefect, DVC or MLflow. Nothing here changes what a result is, only where it
runs, who watches it and where its figures are remembered.

| variable | meaning |
|---|---|
| ``MLFLOW_TRACKING_URI`` | MLflow server; without it a SQLite file under ``mlruns/`` |
| ``MLFLOW_EXPERIMENT_NAME`` | experiment of all runs; ``s1`` without it |
| ``PREFECT_API_URL`` | Prefect server; without it the parent flow starts one for its own time |
| ``PREFECT_HOME`` | where that one keeps its history; ``.s1/prefect`` without it |
| ``S1_INVOCATION`` | set by the parent flow: ties the stages of one run together; the parent tracks them |
| ``S1_PARENT_FLOW_RUN_ID`` | set by the parent flow: the Prefect flow run that a stage becomes a child of |
| ``S1_MLFLOW_PARENT_RUN_ID`` | MLflow run of an outer program that the runs nest under |
| ``S1_HOME`` | the checkout that a workspace belongs to; found from the workspace's place without it |
| ``S1_DATA`` | folder of the user's data: paths in ``params.yaml`` that begin with ``$S1_DATA/`` start there |
| ``S1_ARCHIVE`` | folder of the responses that were paid for; ``.s1/archive`` of the home checkout without it |
| ``S1_PROCESSES`` | processes that a stage may spread its work over; the machine's cores, at most 4, without it |
| ``S1_CLUSTER`` | where training runs (``infra.cluster``): a name in ``infra/clusters``; ``laptop`` without it |
| ``S1_VLLM_…`` | which vLLM servers decode, see ``infra.vllm_servers`` |

Example::

    settings = Settings.from_environment()
    settings.tracking_uri           # 'sqlite:///mlruns/mlflow.db'
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

STATE_FOLDER = Path(".s1")
"""Everything that belongs to this checkout and not to a result: unfinished work, logs, Prefect's history."""
LOGS_FOLDER = STATE_FOLDER / "logs"
RUNS_FOLDER = STATE_FOLDER / "runs"
"""``<invocation>/<stage>.*``: what a running stage tells the process that tracks it."""
PREFECT_HOME = STATE_FOLDER / "prefect"
CHAIN_LOCK = STATE_FOLDER / "chain.lock"
"""Held by the run that works in a checkout or workspace (``infra.locks``)."""
CLAIMS_FOLDER = STATE_FOLDER / "claims"
"""``<flow run id>.lock``, held by the process that executes the flow run (``infra.locks``)."""
WORKSPACES_FOLDER = STATE_FOLDER / "workspaces"
SERVICES_FOLDER = STATE_FOLDER / "services"
"""State of the servers that ``make up`` starts."""
SOURCE_HASHES = STATE_FOLDER / "source-hashes.json"
"""Hashes of source files by size and time, so that unchanged ones are not hashed at every start."""
ARCHIVE_FOLDER = STATE_FOLDER / "archive"
"""Responses that were paid for (``s1.teacher.archive``), in the home checkout."""
MLFLOW_FOLDER = Path("mlruns")
LOCAL_TRACKING_URI = f"sqlite:///{MLFLOW_FOLDER}/mlflow.db"

INVOCATION = "S1_INVOCATION"
PARENT_FLOW_RUN_ID = "S1_PARENT_FLOW_RUN_ID"
MLFLOW_PARENT_RUN_ID = "S1_MLFLOW_PARENT_RUN_ID"
HOME = "S1_HOME"
ARCHIVE = "S1_ARCHIVE"
DATA = "S1_DATA"
PROCESSES = "S1_PROCESSES"
_MAX_PROCESSES = 4
"""Without a word from the user: more cores than this are rarely idle."""

_QUIET = {
    "DO_NOT_TRACK": "true",  # MLflow accepts only this spelling
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # an unreachable server must not hold a stage for minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "GIT_PYTHON_REFRESH": "quiet",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",  # failures are told once, by us
    "PREFECT_LOGGING_SERVER_LEVEL": "ERROR",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",  # an unreachable server is an error, not a silent 20 s wait
    "PREFECT_CLI_PROMPT": "false",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says."""

    tracking_uri: str = LOCAL_TRACKING_URI
    experiment: str = "s1"
    prefect_api_url: str | None = None
    invocation: str | None = None
    parent_flow_run_id: str | None = None
    mlflow_parent_run_id: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the variables of the table above; an empty one counts as unset."""
        return cls(
            tracking_uri=environment.get("MLFLOW_TRACKING_URI") or LOCAL_TRACKING_URI,
            experiment=environment.get("MLFLOW_EXPERIMENT_NAME") or "s1",
            prefect_api_url=environment.get("PREFECT_API_URL") or None,
            invocation=environment.get(INVOCATION) or None,
            parent_flow_run_id=environment.get(PARENT_FLOW_RUN_ID) or None,
            mlflow_parent_run_id=environment.get(MLFLOW_PARENT_RUN_ID) or None,
        )

    @property
    def prefect_ui_url(self) -> str | None:
        """Address of Prefect's pages, next to its API."""
        return self.prefect_api_url.removesuffix("/").removesuffix("/api") if self.prefect_api_url else None

    @property
    def tracks_locally(self) -> bool:
        """Whether MLflow's store is this checkout's own file."""
        return self.tracking_uri == LOCAL_TRACKING_URI


def quiet_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The given environment plus what keeps Prefect, DVC and MLflow quiet, local and patient; the user's wins."""
    return {**_QUIET, **environment}


def prefect_home(environment: Mapping[str, str] = os.environ) -> Path:
    """Where Prefect keeps its history: the user's place, else one inside the checkout."""
    chosen = environment.get("PREFECT_HOME")
    return Path(chosen) if chosen else PREFECT_HOME.absolute()


def home_folder(folder: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """The checkout that a workspace belongs to, absolute: what outlives the workspace is kept there.

    ``S1_HOME`` names it; else a folder under ``<home>/.s1`` (workspaces of runs) or ``<home>/.dvc/tmp/exps`` (those of
    ``dvc exp run --temp`` and the queue) belongs to ``<home>``, however deep they nest; any other is its own home.
    """
    chosen = environment.get(HOME)
    if chosen:
        return Path(chosen).absolute()
    folder = folder.resolve()
    for home in reversed(folder.parents):
        inside = folder.relative_to(home).parts
        if (inside[:1] == (".s1",) or inside[:3] == (".dvc", "tmp", "exps")) and (home / "dvc.yaml").is_file():
            return home
    return folder


def archive_folder(folder: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Where the responses that were paid for lie, for a run in ``folder``: absolute, the same for all workspaces."""
    chosen = environment.get(ARCHIVE)
    return Path(chosen).absolute() if chosen else home_folder(folder, environment) / ARCHIVE_FOLDER


def data_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The user's data folder, absolute; None where ``S1_DATA`` is not set."""
    chosen = environment.get(DATA)
    return Path(chosen).expanduser().absolute() if chosen else None


def num_processes(environment: Mapping[str, str] = os.environ) -> int:
    """How many processes a stage may spread its work over.

    Raises:
        ValueError: ``S1_PROCESSES`` is not a positive number.
    """
    chosen = environment.get(PROCESSES)
    if not chosen:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return min(cores, _MAX_PROCESSES)
    if not chosen.isdecimal() or int(chosen) < 1:
        raise ValueError(f"{PROCESSES}={chosen!r} is not a number of processes. Set it to 1 or more, or unset it.")
    return int(chosen)


def without_password(uri: str) -> str:
    """An address without user and password, to be shown."""
    scheme, separator, rest = uri.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"
