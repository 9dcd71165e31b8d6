"""A toy checkout in which ``make up`` runs for real, on free ports, with a flow that waits until it is ended."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

from infra.services.state import State, read_state
from tests.alive import is_alive
from tests.flows.sending import post
from tests.flows.toy import PROJECT, commit_toy, create_toy, environment

WAITING_FLOW = """
import subprocess, sys
from pathlib import Path
from prefect import flow

@flow
def wait():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    Path("waiting.pid").write_text(str(child.pid))
    child.wait()
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: Callable[[], Any], seconds: float) -> float:
    """Wait until something is true; returns how long it took."""
    started = time.monotonic()
    while not what():
        assert time.monotonic() - started < seconds, f"it did not happen within {seconds} s"
        time.sleep(0.2)
    return time.monotonic() - started


@dataclass
class Checkout:
    """One folder, its ports, and what a user may do there."""

    folder: Path
    extra: dict[str, str] = field(default_factory=dict)
    auth: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        create_toy(self.folder)
        (self.folder / "profiles").mkdir()  # one, as each costs every start of the servers some deployments
        (self.folder / "profiles/nano.yaml").symlink_to(PROJECT / "profiles/nano.yaml")
        (self.folder / "waiting.py").write_text(WAITING_FLOW)
        self.extra = {"PREFECT_PORT": str(free_port()), "MLFLOW_PORT": str(free_port()), **self.extra}

    @contextmanager
    def up(self) -> Iterator[Self]:
        """The checkout with its servers up, committed, and cleaned up at the end."""
        commit_toy(self.folder)
        try:
            done = self.run("up")
            assert done.returncode == 0, done.stdout + done.stderr
            yield self
        finally:
            self.clean_up()

    def run(self, *arguments: str, **extra: str) -> "subprocess.CompletedProcess[str]":
        """``python -m flows.services …``."""
        return subprocess.run(
            [sys.executable, "-m", "flows.services", *arguments],
            cwd=self.folder,
            env=environment(**{**self.extra, **extra}),
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

    @property
    def state(self) -> State:
        found = read_state(self.folder)
        assert found is not None
        return found

    @property
    def prefect(self) -> httpx.Client:
        url = f"http://127.0.0.1:{self.extra['PREFECT_PORT']}/api"
        return httpx.Client(base_url=url, auth=self.auth, timeout=30, trust_env=False)

    @property
    def mlflow(self) -> httpx.Client:
        url = f"http://127.0.0.1:{self.extra['MLFLOW_PORT']}"
        return httpx.Client(base_url=url, auth=self.auth, timeout=30, trust_env=False)

    def processes(self) -> list[psutil.Process]:
        """Everything that works for this checkout: what sits below the keeper, and what sits in the folder."""
        found = []
        for process in psutil.process_iter():
            try:
                is_ours = Path(process.cwd()).is_relative_to(self.folder) or str(self.folder) in process.cmdline()
                if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
                continue
        return found

    def service(self, name: str) -> psutil.Process:
        """The process under a service's guard."""
        record = next(service.process for service in self.state.services if service.name == name)
        assert record is not None
        return psutil.Process(record.pid).children()[0]

    def start_waiting_run(self) -> str:
        """Have the worker start the flow that waits, and wait until it does."""
        pid = self.folder / "waiting.pid"
        pid.unlink(missing_ok=True)
        with self.prefect as api:
            flow_id = post(api, "/flows/", {"name": "wait"})["id"]
            deployment = {
                "name": "test",
                "flow_id": flow_id,
                "work_pool_name": "s1",
                "entrypoint": "waiting.py:wait",
                "path": str(self.folder),
                "job_variables": {
                    "command": f"{sys.executable} -m flows.engine",
                    "working_dir": str(self.folder),
                },
            }
            made = post(api, "/deployments/", deployment)
            run = post(api, f"/deployments/{made['id']}/create_flow_run", {})
        wait_for(lambda: pid.exists() and pid.read_text(), 90)
        return str(run["id"])

    def waiting_processes(self) -> list[int]:
        """The run's processes that live: the engine, and the child in a session of its own."""
        child = int((self.folder / "waiting.pid").read_text())
        engines = [process.pid for process in self.processes() if "flows.engine" in " ".join(process.cmdline())]
        return [*engines, *([child] if is_alive(child) else [])]

    def state_of(self, flow_run_id: str) -> str:
        with self.prefect as api:
            answer = api.get(f"/flow_runs/{flow_run_id}")
            return str(answer.json()["state"]["type"]) if answer.is_success else f"answer {answer.status_code}"

    def everything_written(self) -> str:
        """Content of every file below the state folder, and of every command line, as one text."""
        files = [path for path in (self.folder / ".s1").rglob("*") if path.is_file()]
        content = b"\n".join(path.read_bytes() for path in files).decode("utf-8", errors="replace")
        lines = [" ".join(process.cmdline()) for process in self.processes()]
        return "\n".join([content, *lines])

    def clean_up(self) -> None:
        """Stop what a failed test may have left."""
        self.run("down", "--force")
        for process in self.processes():
            if process.pid != os.getpid():
                process.kill()
