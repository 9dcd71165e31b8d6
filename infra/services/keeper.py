"""The process that keeps the servers; ``make up`` starts it, ``make down`` ends it.

Knows three services and in which order they come and go; does not know flows. Whatever happens to it, the services end
with it (``infra.guard``); whatever happens to a service, the keeper starts it again and ends what it left behind. Runs
whose process is gone are given their true state every five seconds (``infra.services.sweep``).

Example::

    python -m infra.services.keeper             # in the checkout; its options come from the environment
"""

import logging
import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import httpx

from infra.guarded import Guarded
from infra.locks import Owner, describe_self, hold, is_held
from infra.prefect_pages import confine_pages
from infra.prefect_server import server_lock
from infra.services.api import PrefectApi, answers
from infra.services.commands import ServiceName, build_specs
from infra.services.database import Databases, find_databases
from infra.services.options import WORK_POOL, Options
from infra.services.orphans import Orphans
from infra.services.running import end_overdue
from infra.services.state import KEEPER_LOG, State, describe_process, keeper_lock, write_state
from infra.services.supervised import Supervised
from infra.services.sweep import SECONDS_BETWEEN_SWEEPS, remove_old_claims, sweep
from infra.settings import CLAIMS_FOLDER, prefect_home

logger = logging.getLogger(__name__)

_TICK_SECONDS = 0.5
_SECONDS_BETWEEN_LOOKS = 2.0
_ORDER: tuple[ServiceName, ...] = ("prefect", "mlflow", "worker")


class Keeper:
    """Keeps the services of one checkout until it is told to stop."""

    def __init__(self, options: Options, databases: Databases, environment: dict[str, str]) -> None:
        self._options = options
        self._databases = databases
        specs = build_specs(options, databases, environment)
        self._services = {name: Supervised(specs[name], cwd=options.home) for name in _ORDER}
        self._tracking_env = specs["worker"].env
        self._prefect_home = prefect_home(environment)
        self._orphans = Orphans()
        self._next_look = 0.0
        self._stop = threading.Event()
        self._since = time.time()
        self._has_pool = False
        self._written: State | None = None
        self._found_dead = threading.Event()
        self._dead_claims: set[str] = set()
        self._tidying: Guarded | None = None

    def stop_soon(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """Have ``run`` end; safe to call from a signal."""
        self._stop.set()

    def run(self) -> None:
        """Keep the services alive until told to stop, then stop them."""
        sweeper = threading.Thread(target=self._sweep_again_and_again, daemon=True)
        try:
            self._tick()
            sweeper.start()
            while not self._stop.wait(_TICK_SECONDS):
                self._tick()
        finally:
            self._stop.set()
            self._shut_down()

    def _tick(self) -> None:
        self._services["prefect"].keep()
        self._services["mlflow"].keep()
        if self._has_pool or self._make_pool():
            self._services["worker"].keep()
        if time.monotonic() >= self._next_look:  # it reads the whole process table
            self._next_look = time.monotonic() + _SECONDS_BETWEEN_LOOKS
            self._orphans.end(guards=self._guards())
        self._tidy_tracking()
        self._write_state()

    def _guards(self) -> set[int]:
        pids = {service.guard_pid for service in self._services.values()}
        if self._tidying is not None:
            pids.add(self._tidying.process.pid)
        return {pid for pid in pids if pid is not None}

    def _api(self) -> PrefectApi:
        return PrefectApi(self._options.api_url, credentials=self._options.credentials)

    def _make_pool(self) -> bool:
        """A worker without a server, or without a pool of ours, would only end."""
        with self._api() as api:
            if not api.answers():
                return False
            try:
                api.ensure_work_pool(WORK_POOL, concurrency_limit=self._options.max_runs)
            except httpx.HTTPError as error:
                logger.warning("work pool %s could not be made: %s", WORK_POOL, error)
                return False
        if confine_pages(self._prefect_home) == 0:
            logger.warning("Prefect's pages were not found, so they may ask other servers than this machine's")
        self._has_pool = True
        return True

    def _write_state(self) -> None:
        options = self._options
        state = State(
            keeper=describe_process(os.getpid()),
            since=self._since,
            host=options.host,
            prefect_url=options.prefect_url,
            mlflow_url=options.mlflow_url,
            database=self._databases.kind,
            needs_credentials=options.credentials is not None,
            work_pool=WORK_POOL,
            worker_name=options.worker_name,
            max_runs=options.max_runs,
            services=tuple(service.describe() for service in self._services.values()),
        )
        if state != self._written:
            write_state(options.home, state)
            self._written = state

    def _sweep_again_and_again(self) -> None:
        remove_old_claims(self._options.home / CLAIMS_FOLDER)
        while True:
            self._sweep()
            if self._stop.wait(SECONDS_BETWEEN_SWEEPS):
                return

    def _sweep(self) -> None:
        try:
            with self._api() as api:
                if not api.answers():
                    return
                claims = self._options.home / CLAIMS_FOLDER
                for closed in sweep(
                    api,
                    claims=claims,
                    worker_name=self._options.worker_name,
                    work_pool=WORK_POOL,
                    now=datetime.now(UTC),
                ):
                    logger.info("run %s", closed)
                    self._found_dead.set()
                for run in end_overdue(api, claims=claims, now=datetime.now(UTC)):
                    logger.warning("run %s was cancelled, and nobody ended it: its process was told", run.name)
                self._look_for_new_dead(claims)
        except Exception:  # a sweep that fails must not end the sweeps to come
            logger.exception("sweep failed; it is tried again")

    def _look_for_new_dead(self, claims: Path) -> None:
        """Every improper end leaves a claim that nobody holds, also one that the worker told Prefect of first."""
        dead = {path.name for path in claims.glob("*.lock") if not is_held(path)}
        if dead - self._dead_claims:
            self._found_dead.set()
        self._dead_claims = dead

    def _tidy_tracking(self) -> None:
        """Have MLflow's runs of dead processes closed, in a process of its own: importing MLflow costs 250 MB."""
        if self._tidying is not None and self._tidying.process.poll() is not None:
            self._tidying.cut()
            self._tidying = None
        if self._found_dead.is_set() and self._tidying is None and answers(f"{self._options.mlflow_url}/health"):
            self._found_dead.clear()
            command = [sys.executable, "-m", "infra.dead_runs"]
            home = self._options.home
            self._tidying = Guarded.start(command, env=self._tracking_env, cwd=home, log=home / KEEPER_LOG)

    def _shut_down(self) -> None:
        """The worker first, so that what it leaves behind can still be told to the server."""
        logger.info("stopping")
        self._services["worker"].stop()
        while self._orphans.end(guards=self._guards(), patience_seconds=0.0):
            time.sleep(_TICK_SECONDS)
        self._sweep()
        if self._tidying is not None:
            self._tidying.stop()
        self._services["mlflow"].cut()
        self._services["prefect"].stop()
        self._services["mlflow"].stop()
        self._write_state()
        logger.info("stopped")


def _refuse(owner: Owner | None) -> None:
    raise SystemExit(f"another one is at it: {owner}")


def main() -> None:
    """Keep the services of the checkout in the current folder until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    environment = dict(os.environ)
    options = Options.from_environment(Path.cwd(), environment)
    databases = find_databases(options)
    owner = describe_self("make up")
    with (
        hold(keeper_lock(options.home), owner, on_wait=_refuse),
        hold(server_lock(prefect_home(environment)), owner, on_wait=_refuse),
    ):
        keeper = Keeper(options, databases, environment)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, keeper.stop_soon)
        keeper.run()


if __name__ == "__main__":
    main()
