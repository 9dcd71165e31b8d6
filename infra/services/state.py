"""What the keeper says of the servers it keeps, and how the rest of the project finds them.

Knows ``.s1/services/state.json`` and the keeper's lock; does not start or stop anything. The file holds no password.

Example::

    services = find_services(Path.cwd())
    if services is not None:                # `make up` was here
        os.environ.update(services.env)     # PREFECT_API_URL, MLFLOW_TRACKING_URI, credentials
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from infra.locks import Owner, is_held, read_owner
from infra.services.options import Credentials, ServicesError, read_credentials
from infra.settings import LOGS_FOLDER, SERVICES_FOLDER
from s1.artifacts import write_text_atomically

KEEPER_LOG = LOGS_FOLDER / "keeper.log"
_SAME_START_SECONDS = 2.0


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ProcessRecord(_Record):
    """A process, named so that another one with its number is not taken for it."""

    pid: int
    created: float
    """Seconds since the epoch."""

    def find(self) -> psutil.Process | None:
        """The process, when it still lives."""
        try:
            process = psutil.Process(self.pid)
            is_same = abs(process.create_time() - self.created) < _SAME_START_SECONDS
            return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


class ServiceRecord(_Record):
    """One server under the keeper."""

    name: Literal["prefect", "mlflow", "worker"]
    process: ProcessRecord | None
    """The guard that the service runs under; None while it is not running."""
    num_ends: int
    """How often it has ended by itself since the keeper started."""
    last_exit: int | None
    """Exit status of the last time it ended by itself."""
    log: str


class State(_Record):
    """Everything that is known of the servers of a checkout."""

    keeper: ProcessRecord
    since: float
    """Start of the keeper, seconds since the epoch."""
    host: str
    prefect_url: str
    mlflow_url: str
    database: Literal["sqlite", "postgresql"]
    needs_credentials: bool
    work_pool: str
    worker_name: str
    max_runs: int
    services: tuple[ServiceRecord, ...]

    @property
    def api_url(self) -> str:
        """Prefect's API."""
        return f"{self.prefect_url}/api"


def describe_process(pid: int) -> ProcessRecord:
    """A process that runs now."""
    try:
        return ProcessRecord(pid=pid, created=psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return ProcessRecord(pid=pid, created=time.time())


def state_path(home: Path) -> Path:
    """The file that holds the state."""
    return home / SERVICES_FOLDER / "state.json"


def keeper_lock(home: Path) -> Path:
    """The lock that a living keeper holds."""
    return home / SERVICES_FOLDER / "keeper.lock"


def write_state(home: Path, state: State) -> None:
    """Replace the state."""
    write_text_atomically(state_path(home), state.model_dump_json(indent=2) + "\n")


def read_state(home: Path) -> State | None:
    """The state as last written, be its keeper alive or not; None without one (or with one of another version)."""
    try:
        return State.model_validate_json(state_path(home).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def find_keeper(home: Path) -> Owner | None:
    """The living keeper of a checkout."""
    path = keeper_lock(home)
    if not is_held(path):
        return None
    return read_owner(path)


def comes_back(home: Path, api_url: str) -> bool:
    """Whether a Prefect server that does not answer belongs to a living keeper, which starts it again."""
    state = read_state(home)
    return state is not None and state.api_url == api_url.rstrip("/") and is_held(keeper_lock(home))


@dataclass(frozen=True, slots=True)
class Services:
    """Servers that run, and the way to them."""

    prefect_url: str
    mlflow_url: str
    credentials: Credentials | None = None
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What a client's environment needs."""

    @property
    def api_url(self) -> str:
        """Prefect's API."""
        return f"{self.prefect_url}/api"


def client_environment(api_url: str, mlflow_url: str, credentials: Credentials | None) -> dict[str, str]:
    """Environment variables that lead Prefect's and MLflow's clients to the servers."""
    found = {"PREFECT_API_URL": api_url, "MLFLOW_TRACKING_URI": mlflow_url}
    if credentials is not None:
        found |= {
            "PREFECT_API_AUTH_STRING": credentials.auth_string,
            "MLFLOW_TRACKING_USERNAME": credentials.user,
            "MLFLOW_TRACKING_PASSWORD": credentials.password,
        }
    return found


def find_services(home: Path, environment: Mapping[str, str] = os.environ) -> Services | None:
    """The servers that ``make up`` keeps for this checkout; None when it does not. They may still be starting.

    Raises:
        ServicesError: they want credentials, and the environment has none.
    """
    state = read_state(home) if find_keeper(home) is not None else None
    if state is None:
        return None
    credentials = read_credentials(environment) if state.needs_credentials else None
    if state.needs_credentials and credentials is None:
        raise ServicesError(
            "The servers of this checkout want credentials. Set S1_USER and S1_PASSWORD as they were for `make up`."
        )
    env = client_environment(state.api_url, state.mlflow_url, credentials)
    return Services(state.prefect_url, state.mlflow_url, credentials, env)
