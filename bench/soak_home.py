"""The checkout in which a soak runs: a clone of the project at the smallest setting, with servers of its own.

Knows what a user does there (``make up``, start, retry, ``make down``) and how one waits for it, all the more
patiently as servers are killed meanwhile. Does not kill, and does not judge.

Example::

    home = create_home(Path("soak"), source=Path("."))
    home.up()
    run_id = home.start("first", {"seed": 1})
"""

import copy
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from bench.smallest import SMALLEST
from infra.services.control import find_ready
from infra.services.options import Options
from infra.services.state import read_state
from infra.workspace import create_workspace
from s1.config.editing import set_dotted

ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
PATIENCE_SECONDS = 300.0
"""How long a server may be away, or a service may take to be ready again, before the soak gives up."""
_POLL_SECONDS = 0.5
_MARK = "S1_SOAK"
"""Environment variable by which processes of a soak are known, wherever they went."""


class SoakError(Exception):
    """The soak cannot go on; the message says why."""


def wait_for(what: Callable[[], bool], seconds: float) -> float | None:
    """Wait until something is true; return how many seconds it took, None when it did not happen."""
    started = time.monotonic()
    while not what():
        if time.monotonic() - started > seconds:
            return None
        time.sleep(_POLL_SECONDS)
    return time.monotonic() - started


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def create_home(folder: Path, *, source: Path) -> "Home":
    """A clone of the project with one more commit, which makes the nano profile the smallest setting.

    Raises:
        SoakError: the folder is not empty.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise SoakError(f"{folder} is not empty; a soak counts what it finds there, so give it a new folder.")
    folder = folder.resolve()
    create_workspace(folder, source=source, overrides=SMALLEST, cache=folder / ".dvc/cache")
    (folder / "profiles/nano.yaml").write_bytes((folder / "params.yaml").read_bytes())
    who = ["-c", "user.name=soak", "-c", "user.email=soak@localhost"]
    for command in (["checkout", "-q", "-B", "soak"], ["add", "-A"], ["commit", "-q", "-m", "The smallest setting"]):
        subprocess.run(["git", *who, *command], cwd=folder, check=True)
    return Home(folder, prefect_port=free_port(), mlflow_port=free_port())


@dataclass(frozen=True, slots=True)
class Home:
    """One checkout, its servers and what a user does there."""

    folder: Path
    prefect_port: int
    mlflow_port: int

    @property
    def environment(self) -> dict[str, str]:
        """A user's environment with nothing of an outer run in it, marked."""
        ours = ("S1_", "PREFECT_", "MLFLOW_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
        ports = {"PREFECT_PORT": str(self.prefect_port), "MLFLOW_PORT": str(self.mlflow_port)}
        return {**kept, **ports, "PATH": path, "HF_HUB_OFFLINE": "1", _MARK: str(self.folder)}

    def run(self, *arguments: str, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """``python …`` in the checkout (or another folder), both streams together."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=folder or self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def up(self) -> None:
        """``make up``.

        Raises:
            SoakError: it failed, also a second time.
        """
        for _ in range(2):
            done = self.run("-m", "flows.services", "up")
            if done.returncode == 0:
                return
        raise SoakError(f"`make up` ends with {done.returncode}:\n{done.stdout}")

    def is_ready(self) -> bool:
        """Whether all three services answer."""
        state = read_state(self.folder)
        options = Options.from_environment(self.folder, self.environment)
        return state is not None and all(find_ready(options, state).values())

    def prefect(self, method: str, path: str, content: object = None) -> Any:
        """One request to Prefect's API, again while its server is away or busy."""
        return _ask(method, f"http://127.0.0.1:{self.prefect_port}/api{path}", content)

    def mlflow(self, method: str, path: str, content: object = None) -> Any:
        """One request to MLflow's API, again while its server is away or busy."""
        return _ask(method, f"http://127.0.0.1:{self.mlflow_port}/api/2.0/mlflow{path}", content)

    def start(self, name: str, changes: Mapping[str, object]) -> str:
        """Start the whole chain from its deployment, with some parameters changed; returns the flow run's id."""
        deployment = self.prefect("GET", "/deployments/name/s1/nano")
        parameters = copy.deepcopy(deployment["parameters"])
        for key, value in changes.items():
            set_dotted(parameters["params"], key, value)
        content = {"name": name, "parameters": parameters, "idempotency_key": name}
        run = self.prefect("POST", f"/deployments/{deployment['id']}/create_flow_run", content)
        return str(run["id"])

    def retry(self, run_id: str) -> None:
        """What the Retry button does."""
        state = {"type": "SCHEDULED", "name": "AwaitingRetry"}
        self.prefect("POST", f"/flow_runs/{run_id}/set_state", {"state": state})

    def state_of(self, run_id: str) -> str:
        """Type of a flow run's state: ``RUNNING``, ``COMPLETED`` and so on."""
        return str(self.prefect("GET", f"/flow_runs/{run_id}")["state"]["type"])

    def processes(self) -> list[psutil.Process]:
        """Everything that lives and works for this checkout, whatever started it; not this process."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.pid != os.getpid() and self._is_ours(process):
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
                continue
        return found

    def _is_ours(self, process: psutil.Process) -> bool:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        if Path(process.cwd()).is_relative_to(self.folder):  # of a removed folder too: its name stays
            return True
        return bool(process.environ().get(_MARK) == str(self.folder))

    def extra_processes(self) -> list[str]:
        """Command lines of what is neither the keeper nor below one of its three services."""
        state = read_state(self.folder)
        kept: set[int] = set()
        if state is not None:
            kept.add(state.keeper.pid)
            for guard in (service.process.find() for service in state.services if service.process is not None):
                try:
                    kept |= _tree(guard) if guard is not None else set()
                except psutil.NoSuchProcess:
                    continue
        return [command_line(process) for process in self.processes() if process.pid not in kept]


def _tree(guard: psutil.Process) -> set[int]:
    """A service and its own helpers; flow runs, which a worker starts, are not among them."""
    below = guard.children(recursive=True)
    runs = [process for process in below if "flows.engine" in command_line(process)]
    of_runs = {child.pid for run in runs for child in [run, *run.children(recursive=True)]}
    return {guard.pid, *(process.pid for process in below)} - of_runs


def command_line(process: psutil.Process) -> str:
    """The words of a process's command; empty when it is gone."""
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""


def _ask(method: str, url: str, content: object) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            answer = httpx.request(method, url, json=content, timeout=30.0, trust_env=False)
            if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                return answer.raise_for_status().json()
            problem = f"answer {answer.status_code}"
        except httpx.TransportError as error:
            problem = repr(error)
        if time.monotonic() > deadline:
            raise SoakError(f"{method} {url}: {problem}, for {PATIENCE_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)
