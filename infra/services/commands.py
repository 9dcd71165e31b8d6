"""Command lines and environments of the three services: Prefect server, worker, MLflow.

Knows each program's options; does not start anything. Passwords go through environments, never through command lines,
which every user of a machine can read.

Example::

    specs = build_specs(options, find_databases(options), os.environ)
    specs["mlflow"].argv            # ['…/python', '-m', 'mlflow', 'server', '--host', '127.0.0.1', …]
"""

import os
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from infra.prefect_pages import pages_environment
from infra.services.database import Databases
from infra.services.options import WORK_POOL, Options, is_loopback
from infra.services.state import client_environment
from infra.settings import HOME, LOGS_FOLDER, MLFLOW_FOLDER, SERVICES_FOLDER, prefect_home, quiet_environment
from infra.tracking import artifact_root

ServiceName = Literal["prefect", "mlflow", "worker"]
MLFLOW_USERS = SERVICES_FOLDER / "mlflow-users.db"
"""MLflow's own list of users, where servers want credentials."""
_LOGS: Mapping[ServiceName, str] = {
    "prefect": "prefect-server.log",
    "mlflow": "mlflow-server.log",
    "worker": "worker.log",
}
_SECRETS = ("S1_PASSWORD", "S1_POSTGRES_URL")
_WORKER_QUERY_SECONDS = "2"
_WORKER_HEARTBEAT_SECONDS = "10"
_WORKER_GRACE_SECONDS = 10.0
_MLFLOW_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "6", "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1"}
"""Of runs whose MLflow server comes back when it dies: pauses of 2, 4, 8, 16 and 32 s cover a slow start."""
_SERVER_GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """How one service is started."""

    name: ServiceName
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    log: Path
    grace_seconds: float


def build_specs(
    options: Options, databases: Databases, environment: Mapping[str, str]
) -> dict[ServiceName, ServiceSpec]:
    """All three; files that MLflow's credentials need are written here."""
    base = {name: value for name, value in quiet_environment(environment).items() if name not in _SECRETS}
    base["PREFECT_HOME"] = str(prefect_home(environment))
    base["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), base.get("PATH", "")])
    return {
        "prefect": ServiceSpec(
            "prefect",
            (*_python("prefect"), "server", "start", "--host", options.host, "--port", str(options.prefect_port)),
            {**base, **pages_environment(prefect_home(environment)), **_prefect_environment(options, databases)},
            log_path(options.home, "prefect"),
            _SERVER_GRACE_SECONDS,
        ),
        "mlflow": ServiceSpec(
            "mlflow",
            _mlflow_command(options),
            {**base, **_mlflow_environment(options, databases)},
            log_path(options.home, "mlflow"),
            _SERVER_GRACE_SECONDS,
        ),
        "worker": ServiceSpec(
            "worker",
            (
                *(*_python("prefect"), "worker", "start", "--pool", WORK_POOL, "--type", "process"),
                *("--name", options.worker_name, "--prefetch-seconds", "0"),
            ),
            {**base, **_worker_environment(options, environment)},
            log_path(options.home, "worker"),
            _WORKER_GRACE_SECONDS,
        ),
    }


def log_path(home: Path, name: ServiceName) -> Path:
    """The log of a service."""
    return home / LOGS_FOLDER / _LOGS[name]


def _python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module)


def _prefect_environment(options: Options, databases: Databases) -> dict[str, str]:
    found = {
        "PREFECT_API_URL": "",  # a server that believes it is a client of another one serves nothing
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_UI_API_URL": "/api",  # by whatever name the browser reached the UI
        # Prefect's own default lets every web page that the user opens talk to this server.
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": options.prefect_url,
    }
    if databases.prefect is not None:
        found["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = databases.prefect
    if options.credentials is not None:
        found["PREFECT_SERVER_API_AUTH_STRING"] = options.credentials.auth_string
        found["PREFECT_API_AUTH_STRING"] = options.credentials.auth_string  # the server's own services are clients
    return found


def _worker_environment(options: Options, environment: Mapping[str, str]) -> dict[str, str]:
    return {
        **{name: environment.get(name) or value for name, value in _MLFLOW_PATIENCE.items()},
        **client_environment(options.api_url, options.mlflow_url, options.credentials),
        HOME: str(options.home),  # tells runs of the worker which checkout they belong to
        "PREFECT_WORKER_QUERY_SECONDS": _WORKER_QUERY_SECONDS,
        "PREFECT_WORKER_HEARTBEAT_SECONDS": _WORKER_HEARTBEAT_SECONDS,
        "PREFECT_WORKER_ENABLE_CANCELLATION": "true",
        "PREFECT_LOGGING_LEVEL": environment.get("PREFECT_LOGGING_LEVEL", "INFO"),  # runs show their logs in the UI
    }


def _mlflow_command(options: Options) -> tuple[str, ...]:
    (options.home / MLFLOW_FOLDER).mkdir(exist_ok=True)
    artifacts = artifact_root(options.home / MLFLOW_FOLDER)
    command = (
        *(*_python("mlflow"), "server", "--host", options.host, "--port", str(options.mlflow_port), "--workers", "1"),
        # By their files' addresses, as runs without a server write them: either way reads the other's.
        *("--default-artifact-root", artifacts, "--uvicorn-opts", "--log-level warning"),
    )
    if not is_loopback(options.host):
        command += ("--allowed-hosts", ",".join(reachable_names(options)))
    if options.credentials is not None:
        command += ("--app-name", "basic-auth")
    return command


def reachable_names(options: Options) -> list[str]:
    """The values of a browser's Host header that MLflow accepts: this machine's names, and those the user adds."""
    name = socket.gethostname()
    hosts = {name, socket.getfqdn(), "localhost", "127.0.0.1"}
    if options.host not in ("0.0.0.0", "::"):
        hosts.add(options.host)
    else:
        hosts.update(_addresses())
    own = sorted(f"[{host}]" if ":" in host else host for host in hosts)
    return [*(f"{host}:{options.mlflow_port}" for host in own), *options.allowed_hosts]


def _addresses() -> set[str]:
    import psutil

    wanted = (socket.AF_INET, socket.AF_INET6)
    every = [item for items in psutil.net_if_addrs().values() for item in items if item.family in wanted]
    return {item.address.split("%")[0] for item in every}


def _mlflow_environment(options: Options, databases: Databases) -> dict[str, str]:
    found = {"MLFLOW_BACKEND_STORE_URI": databases.mlflow, "MLFLOW_TRACKING_URI": ""}
    if options.credentials is None:
        return found
    folder = options.home / SERVICES_FOLDER
    config = folder / "mlflow-auth.ini"
    users = options.home / MLFLOW_USERS
    _write_private(config, f"[mlflow]\ndefault_permission = MANAGE\ndatabase_uri = sqlite:///{users}\n")
    users.touch(mode=0o600)
    return {
        **found,
        "MLFLOW_AUTH_CONFIG_PATH": str(config),
        "MLFLOW_AUTH_ADMIN_USERNAME": options.credentials.user,
        "MLFLOW_AUTH_ADMIN_PASSWORD": options.credentials.password,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": _keep_secret(folder / "mlflow-secret"),
    }


def _keep_secret(path: Path) -> str:
    """A key that signs MLflow's sessions: made once, so that a restart logs nobody out."""
    if not path.exists():
        _write_private(path, secrets.token_hex(32))
    return path.read_text(encoding="utf-8")


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)
