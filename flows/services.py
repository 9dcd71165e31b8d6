"""The commands ``make up``, ``make down`` and ``make status``: Prefect server, worker and MLflow of this checkout.

Knows what a user is told; ``infra.services`` knows how servers run, ``flows.deployments`` what can be started from
Prefect's UI.

Example::

    python -m flows.services up
    python -m flows.services down --force       # cancels the runs that are under way
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from types import FrameType

from infra.missing import explain_missing

try:
    import httpx
    import psutil
except ModuleNotFoundError as missing:
    sys.exit(explain_missing(missing))

from infra.failures import EXIT_FAILED, EXIT_TERMINATED, EXIT_USAGE, explain
from infra.services.api import PrefectApi
from infra.services.commands import ServiceName, log_path
from infra.services.control import (
    LogMarks,
    ensure_experiment,
    find_ready,
    start_keeper,
    stop_keeper,
    wait_until_ready,
)
from infra.services.options import WORK_POOL, Options, ServicesError
from infra.services.running import Running, cancel, find_running
from infra.services.state import ProcessRecord, State, find_keeper, find_services, read_state
from infra.settings import CLAIMS_FOLDER, Settings, quiet_environment

Deploy = Callable[[Path], list[str]]
_NAMES: dict[ServiceName, str] = {"prefect": "Prefect", "mlflow": "MLflow", "worker": "worker"}


def main(argv: Sequence[str]) -> int:
    """Carry out one command and return the process's exit code; errors are explained on the error stream."""
    parser = argparse.ArgumentParser(prog="python -m flows.services", description="The servers of this checkout.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start what is not running, and print the addresses")
    down_parser = commands.add_parser("down", help="stop what `up` started")
    down_parser.add_argument("--force", action="store_true", help="cancel the runs that are under way")
    commands.add_parser("status", help="tell what runs")
    arguments = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, _leave)
    home = Path.cwd()
    try:
        if arguments.command == "up":
            up(home)
        elif arguments.command == "down":
            down(home, force=arguments.force)
        else:
            status(home)
    except ServicesError as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        print(explain(error).message, file=sys.stderr)
        return explain(error).exit_code or EXIT_FAILED
    return 0


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(EXIT_TERMINATED)


def deploy_all(home: Path) -> list[str]:
    """Register every deployment; imported late, because Prefect reads its settings once."""
    from flows.deployments import deploy

    return deploy(work_pool=WORK_POOL, home=home)


def up(home: Path, *, deploy: Deploy = deploy_all) -> None:
    """Bring the servers up, or find them up, and print where they are.

    Raises:
        ServicesError: they cannot start; nothing of this attempt is left running.
    """
    options = Options.from_environment(home, os.environ)
    marks = LogMarks.now(home)
    is_new = start_keeper(options, os.environ)
    if not is_new:
        options = _as_running(home, options)
    try:
        if is_new:
            print("Starting Prefect, MLflow and a worker (the first time takes a minute)", flush=True)
        state = wait_until_ready(options, since=marks, on_ready=_tell_ready if is_new else None)
        ensure_experiment(options, Settings.from_environment().experiment)
        services = find_services(home)
        assert services is not None
        os.environ.update(quiet_environment() | dict(services.env))
        deployments = deploy(home)
    except BaseException:
        if is_new:
            stop_keeper(home)
        raise
    print("Up." if is_new else "Already up.")
    _print_addresses(state, deployments)


def _tell_ready(name: ServiceName) -> None:
    print(f"  {_NAMES[name]} is ready", flush=True)


def _as_running(home: Path, wanted: Options) -> Options:
    """The options of the servers that run, which the environment of a second ``up`` does not change."""
    state = read_state(home)
    if state is None:
        return wanted
    running = options_of(home, state)
    chosen = {
        "PREFECT_PORT": "prefect_port",
        "MLFLOW_PORT": "mlflow_port",
        "S1_MAX_RUNS": "max_runs",
        "S1_HOST": "host",
    }
    changed = [
        name for name, key in chosen.items() if os.environ.get(name) and getattr(wanted, key) != getattr(running, key)
    ]
    if (wanted.credentials is not None) != state.needs_credentials:
        # Said loudly: somebody may believe that servers want a password which they do not.
        now = "want credentials" if state.needs_credentials else "run WITHOUT credentials"
        raise ServicesError(f"The servers {now}, and this command asks otherwise. `make down`, then `make up` again.")
    if (wanted.postgres_url is not None) != (state.database == "postgresql"):
        changed.append("S1_POSTGRES_URL")
    if os.environ.get("S1_ALLOWED_HOSTS"):
        changed.append("S1_ALLOWED_HOSTS (if it differs)")
    if changed:
        print(f"The servers run with other settings; for {', '.join(changed)}: make down, then make up.")
    return running


def options_of(home: Path, state: State) -> Options:
    """The options that servers were started with, as far as clients need them."""
    services = find_services(home)
    return Options(
        home=home.absolute(),
        host=state.host,
        prefect_port=httpx.URL(state.prefect_url).port or 80,
        mlflow_port=httpx.URL(state.mlflow_url).port or 80,
        max_runs=state.max_runs,
        credentials=services.credentials if services is not None else None,
        postgres_url="postgresql://" if state.database == "postgresql" else None,
    )


def _print_addresses(state: State, deployments: Sequence[str]) -> None:
    print(f"  Prefect   {state.prefect_url}   runs, and starting them")
    print(f"  MLflow    {state.mlflow_url}   comparing them")
    print(f"  pool      {state.work_pool}, {state.max_runs} runs side by side")
    print(f"  start     {', '.join(deployments)}")
    print(f"  history   {'SQLite files of this checkout' if state.database == 'sqlite' else 'PostgreSQL'}")
    print("`make status` tells how they are, `make down` stops them.")


def down(home: Path, *, force: bool) -> None:
    """Stop the servers; refused while runs are under way, unless forced.

    Raises:
        ServicesError: runs are under way, or something did not end.
    """
    state = read_state(home) if find_keeper(home) is not None else None
    if state is None:
        print("Stopped what was left." if stop_keeper(home) else "Nothing was running.")
        return
    with PrefectApi(state.api_url, credentials=options_of(home, state).credentials) as api:
        running = _running(api, home)
        if running and not force:
            names = ", ".join(run.name for run in running)
            raise ServicesError(
                f"{len(running)} under way: {names}. Wait, or cancel them in the UI; `make down FORCE=1` cancels them "
                "(finished stages and shards are kept, the next run goes on from there)."
            )
        if running and api.answers():
            print(f"Cancelling {', '.join(run.name for run in running)}", flush=True)
            cancel(api, running, claims=home / CLAIMS_FOLDER, work_pool=state.work_pool)
    stop_keeper(home)
    print("Stopped Prefect, MLflow and the worker.")


def _running(api: PrefectApi, home: Path) -> list[Running]:
    claims = home / CLAIMS_FOLDER
    try:
        return find_running(api if api.answers() else None, claims=claims, work_pool=WORK_POOL)
    except httpx.HTTPError:
        return find_running(None, claims=claims, work_pool=WORK_POOL)


def status(home: Path) -> None:
    """Tell what runs, where, since when, and with how much memory."""
    state = read_state(home)
    if state is None or find_keeper(home) is None:
        print("Not running. `make up` starts Prefect, MLflow and a worker.")
        if state is not None:
            print("The keeper has died; its services end with it. `make up` starts them again.")
        return
    options = options_of(home, state)
    ready = find_ready(options, state)
    since = f"{datetime.fromtimestamp(state.since).astimezone():%Y-%m-%d %H:%M:%S}"
    print(f"Kept by process {state.keeper.pid} since {since}; {state.database}")
    addresses = {"prefect": state.prefect_url, "mlflow": state.mlflow_url, "worker": f"pool {state.work_pool}"}
    for service in state.services:
        condition = "ready" if ready[service.name] else "not ready" if service.process is not None else "not running"
        ends = f", ended {service.num_ends} times (last status {service.last_exit})" if service.num_ends else ""
        memory = f"{_memory_mb(service.process):.0f} MB" if service.process is not None else ""
        print(f"  {_NAMES[service.name]:<8} {condition:<12} {addresses[service.name]:<28} {memory}{ends}")
        if not ready[service.name]:
            print(f"           log: {log_path(home, service.name)}")
    with PrefectApi(state.api_url, credentials=options.credentials) as api:
        running = _running(api, home)
    print(f"  runs     {', '.join(run.name for run in running) if running else 'none under way'}")


def _memory_mb(record: ProcessRecord) -> float:
    """Resident memory of a service and everything below it, in MB."""
    guard = record.find()
    total = 0
    for process in [guard, *guard.children(recursive=True)] if guard is not None else []:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 1e6


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
