"""Starts and stops the keeper, and says how its services are: what stands behind ``make up``, ``down`` and ``status``.

Knows the keeper's process, its state and when services count as ready; does not know deployments, nor prints.

Example::

    since = LogMarks.now(options.home)
    start_keeper(options, os.environ)       # False, and nothing happens, when one lives already
    wait_until_ready(options, since=since)
    stop_keeper(options.home)
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import httpx

from infra.locks import is_held, read_owner
from infra.prefect_server import server_lock
from infra.services.advice import check_port, explain_end, last_words
from infra.services.api import PrefectApi, answers
from infra.services.commands import MLFLOW_USERS, ServiceName, log_path
from infra.services.database import create_databases
from infra.services.options import Options, ServicesError
from infra.services.state import KEEPER_LOG, State, find_keeper, keeper_lock, read_state, state_path
from infra.settings import MLFLOW_FOLDER, prefect_home
from infra.tracking import artifact_root

READY_TIMEOUT_SECONDS = 300.0
"""The first start makes two databases: half a minute on two idle cores, minutes on very busy ones."""
_STOP_TIMEOUT_SECONDS = 60.0
_LEFTOVER_SECONDS = 20.0
_POLL_SECONDS = 0.2
_MAX_ENDS = 3
"""A service that ended this often before it was ready is given up, when its words are not known."""


def start_keeper(options: Options, environment: Mapping[str, str]) -> bool:
    """Start the keeper; False when one lives already.

    Raises:
        ServicesError: a port, the database or Prefect's history is not free, or not as it should be.
    """
    if is_held(keeper_lock(options.home)):
        return False
    _end_leftovers(options.home)
    problems = [
        check_port(options.host, options.prefect_port, "PREFECT_PORT"),
        check_port(options.host, options.mlflow_port, "MLFLOW_PORT"),
    ]
    if any(problems):
        raise ServicesError("\n".join(problem for problem in problems if problem))
    if options.postgres_url is not None:
        create_databases(options.postgres_url)
    history = server_lock(prefect_home(environment))
    if is_held(history):
        raise ServicesError(
            f"Prefect's history is in use by {read_owner(history) or 'another program'}. Wait for it, then `make up`."
        )
    log = options.home / KEEPER_LOG
    log.parent.mkdir(parents=True, exist_ok=True)
    state_path(options.home).unlink(missing_ok=True)
    with log.open("ab") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "infra.services.keeper"],
            cwd=options.home,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    while read_state(options.home) is None:
        if keeper.poll() is not None:
            raise ServicesError(f"The keeper of the servers did not start. Its log {log} ends:\n{_tail(log, 0)}")
        time.sleep(_POLL_SECONDS)
    return True


def _end_leftovers(home: Path) -> None:
    """After ``kill -9`` of a keeper its guards stop the services within seconds: wait for them, then insist."""
    state = read_state(home)
    if state is None:
        return
    records = [service.process for service in state.services if service.process is not None]
    deadline = time.monotonic() + _LEFTOVER_SECONDS
    while any(record.find() for record in records) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    for record in records:
        process = record.find()
        if process is not None:
            process.terminate()  # a guard takes its services along


@dataclass(frozen=True, slots=True)
class LogMarks:
    """How long each service's log was at a moment, so that only what came after it is read."""

    sizes: Mapping[ServiceName, int]

    @classmethod
    def now(cls, home: Path) -> "LogMarks":
        """The logs as they are."""
        paths = {name: log_path(home, name) for name in get_args(ServiceName)}
        return cls({name: path.stat().st_size if path.exists() else 0 for name, path in paths.items()})


def find_ready(options: Options, state: State) -> dict[ServiceName, bool]:
    """Which services answer."""
    ready: dict[ServiceName, bool] = {
        "prefect": answers(f"{state.api_url}/health"),
        "mlflow": answers(f"{state.mlflow_url}/health"),
        "worker": False,
    }
    if ready["prefect"]:
        with PrefectApi(state.api_url, credentials=options.credentials) as api:
            try:
                ready["worker"] = api.worker_is_online(state.work_pool, state.worker_name, since=_worker_start(state))
            except httpx.HTTPError:
                ready["worker"] = False
    return ready


def _worker_start(state: State) -> float:
    process = next(service.process for service in state.services if service.name == "worker")
    return process.created if process is not None else time.time()


def wait_until_ready(
    options: Options, *, since: LogMarks, on_ready: Callable[[ServiceName], None] | None = None
) -> State:
    """Return once all three services answer.

    Args:
        since: the logs before the keeper was started.
        on_ready: told of each service once.

    Raises:
        ServicesError: one cannot start, with what to do about it; the keeper goes on trying.
    """
    deadline = time.monotonic() + READY_TIMEOUT_SECONDS
    told: set[ServiceName] = set()
    while time.monotonic() < deadline:
        state = read_state(options.home)
        if state is None or not is_held(keeper_lock(options.home)):
            log = options.home / KEEPER_LOG
            raise ServicesError(f"The keeper of the servers has ended. Its log {log} ends:\n{_tail(log, 0)}")
        ready = find_ready(options, state)
        for name in ("prefect", "mlflow", "worker"):
            if ready[name] and name not in told:
                told.add(name)
                if on_ready is not None:
                    on_ready(name)
        if all(ready.values()):
            return state
        _raise_if_hopeless(options, state, ready, since)
        time.sleep(_POLL_SECONDS)
    missing = ", ".join(str(log_path(options.home, name)) for name, is_ready in ready.items() if not is_ready)
    raise ServicesError(f"Not everything answered in {READY_TIMEOUT_SECONDS:.0f} s; the logs say why: {missing}")


def _raise_if_hopeless(options: Options, state: State, ready: Mapping[ServiceName, bool], since: LogMarks) -> None:
    for service in state.services:
        if ready[service.name] or service.num_ends == 0:
            continue
        text = _tail(Path(service.log), since.sizes[service.name], whole=True)
        advice = explain_end(service.name, text, options)
        if advice is not None:
            raise ServicesError(advice)
        if service.num_ends >= _MAX_ENDS:
            raise ServicesError(
                f"The {service.name} service ended {service.num_ends} times. {service.log} ends:\n{last_words(text)}"
            )


def stop_keeper(home: Path) -> bool:
    """Stop the keeper and with it all services; False when there was none, and nothing left of one.

    Raises:
        ServicesError: it runs on another machine, or did not end.
    """
    lock = keeper_lock(home)
    if not is_held(lock):
        had_state = read_state(home) is not None
        _end_leftovers(home)
        state_path(home).unlink(missing_ok=True)
        return had_state
    owner = find_keeper(home)
    if owner is None or owner.host != socket.gethostname():
        raise ServicesError(f"The keeper runs elsewhere: {owner}. Run `make down` there.")
    os.kill(owner.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_TIMEOUT_SECONDS
    while is_held(lock):
        if time.monotonic() > deadline:
            raise ServicesError(
                f"The keeper (process {owner.pid}) did not end in {_STOP_TIMEOUT_SECONDS:.0f} s. kill -9 {owner.pid} "
                "ends it, and its services follow within seconds."
            )
        time.sleep(_POLL_SECONDS)
    state_path(home).unlink(missing_ok=True)
    return True


def ensure_experiment(options: Options, name: str) -> None:
    """See to it that MLflow has the experiment, with its artifacts where runs without a server put them.

    Raises:
        ServicesError: MLflow refuses these credentials.
        httpx.HTTPError: MLflow does not answer.
    """
    auth = (options.credentials.user, options.credentials.password) if options.credentials is not None else None
    place = artifact_root(options.home / MLFLOW_FOLDER)
    answer = httpx.post(
        f"{options.mlflow_url}/api/2.0/mlflow/experiments/create",
        json={"name": name, "artifact_location": place},
        auth=auth,
        timeout=30.0,
        trust_env=False,
    )
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        users = options.home / MLFLOW_USERS
        raise ServicesError(
            "MLflow does not accept S1_USER with S1_PASSWORD: it keeps the password of the first start with that name. "
            f"Use that one; or, to begin with only the new user, `make down`, remove {users}, and `make up`."
        )
    exists = answer.status_code == httpx.codes.BAD_REQUEST and "RESOURCE_ALREADY_EXISTS" in answer.text
    if not exists:
        answer.raise_for_status()


def _tail(log: Path, start: int, *, whole: bool = False) -> str:
    try:
        with log.open("rb") as file:
            file.seek(start if start <= log.stat().st_size else 0)
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return text if whole else last_words(text)
