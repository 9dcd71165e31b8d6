"""What everyday commands cost: servers up and down, a run from the UI and its cancellation, DVC's own commands.

Each is done once, in a clone of the project at the smallest setting with servers of its own, so the times are those
around the work, not of the work. The S3 store is a server on this machine. Prints a table for ``docs/benchmarks.md``.

Example::

    python -m bench.everyday --folder everyday
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.soak_home import ENDED, Home, SoakError, create_home, wait_for
from infra.git import run_git

ROOT = Path(__file__).parents[1]
SECONDS_FOR_A_RUN = 900.0
_KEY = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench-secret", "AWS_DEFAULT_REGION": "us-east-1"}
_AUTHOR = {
    "GIT_AUTHOR_NAME": "bench",
    "GIT_AUTHOR_EMAIL": "bench@localhost",
    "GIT_COMMITTER_NAME": "bench",
    "GIT_COMMITTER_EMAIL": "bench@localhost",
}


class Stopwatch:
    """Takes times and prints them as rows of a table."""

    def __init__(self) -> None:
        print("| what | figure |\n|---|---:|")

    def time(self, what: str, action: Callable[[], object]) -> None:
        """Do something and print how long it took."""
        started = time.monotonic()
        action()
        self.row(what, f"{time.monotonic() - started:.1f} s")

    def row(self, what: str, figure: str) -> None:
        """Print a row."""
        print(f"| {what} | {figure} |", flush=True)


def main(argv: Sequence[str]) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.everyday", description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, default=Path(".s1/bench/everyday"), help="a new folder to work in")
    arguments = parser.parse_args(argv)
    try:
        home = create_home(arguments.folder / "home", source=ROOT)
        watch = Stopwatch()
        try:
            measure_servers(home, watch)
            measure_runs(home, watch)
        finally:
            watch.time("`make down FORCE=1`", lambda: _run(home, "flows.services", "down", "--force"))
        measure_dvc(home, watch, arguments.folder)
    except SoakError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def measure_servers(home: Home, watch: Stopwatch) -> None:
    """Servers of an empty history, started, found and weighed."""
    watch.time("`make up`, empty history", home.up)
    watch.time("`make up` again", home.up)
    watch.time("`make status`", lambda: _run(home, "flows.services", "status"))
    pss = sum(process.memory_full_info().pss for process in home.processes())
    watch.row("memory of Prefect, MLflow, worker and keeper, idle (PSS)", f"{pss / 1e6:.0f} MB")


def measure_runs(home: Home, watch: Stopwatch) -> None:
    """A run of everything, the same again, and one that is cancelled while it works."""
    started = time.monotonic()
    run = home.start("first", {})
    _wait(lambda: _children(home, run) != [], "the first stage of a run")
    watch.row("from *Submit* to the first stage at work", f"{time.monotonic() - started:.1f} s")
    _wait(lambda: home.state_of(run) in ENDED, "the end of a run")
    watch.row("a run of all twelve stages, smallest setting", f"{time.monotonic() - started:.1f} s")
    if home.state_of(run) != "COMPLETED":
        raise SoakError(f"the run ended {home.state_of(run)}; its log is in {home.folder}/.s1/logs/worker.log")
    started = time.monotonic()
    again = home.start("again", {})
    _wait(lambda: home.state_of(again) in ENDED, "the end of the same run again")
    watch.row("the same again, every stage up to date", f"{time.monotonic() - started:.1f} s")
    cancelled = home.start("cancelled", {"seed": 1})
    _wait(lambda: "base" in _children(home, cancelled), "the stage to cancel")
    started = time.monotonic()
    state = {"type": "CANCELLING", "name": "Cancelling"}
    home.prefect("POST", f"/flow_runs/{cancelled}/set_state", {"state": state})
    _wait(lambda: home.extra_processes() == [], "the end of a cancelled run's processes")
    watch.row("from *Cancel* in stage `base` to no process left", f"{time.monotonic() - started:.1f} s")
    _wait(lambda: home.state_of(cancelled) == "CANCELLED", "the state Cancelled")
    watch.row("from *Cancel* to the state Cancelled", f"{time.monotonic() - started:.1f} s")


def measure_dvc(home: Home, watch: Stopwatch, folder: Path) -> None:
    """The first run's experiment brought in, compared with others, and carried to another clone and back."""
    watch.time("`dvc exp apply`", lambda: _run(home, "dvc", "exp", "apply", "first"))
    run_git(home.folder, "add", "-A", "--force", "dvc.lock")
    run_git(home.folder, "commit", "-q", "-a", "-m", "results", needs_author=True)
    watch.time("`dvc repro`, nothing to do", lambda: _run(home, "dvc", "repro"))
    change = ("-S", "score.num_resamples=210")
    watch.time("`dvc exp run -S`, two stages run", lambda: _run(home, "dvc", "exp", "run", *change, "--name", "here"))
    run_git(home.folder, "checkout", "-q", "--force", "HEAD")
    _run(home, "dvc", "checkout", "--force")
    elsewhere = ("--temp", "-S", "score.num_resamples=220", "--name", "elsewhere")
    watch.time("the same with `--temp`", lambda: _run(home, "dvc", "exp", "run", *elsewhere))
    watch.time("`dvc exp show`", lambda: _run(home, "dvc", "exp", "show"))
    watch.time("`dvc metrics diff`", lambda: _run(home, "dvc", "metrics", "diff", "here", "elsewhere"))
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        address = "http://{}:{}".format(*server.get_host_and_port())
        _make_bucket(address)
        for name, url in (("folder", str((folder / "store").resolve())), ("S3", "s3://s1-results/bench")):
            _run(home, "dvc", "remote", "add", "--force", "--default", "store", url)
            if name == "S3":
                _run(home, "dvc", "remote", "modify", "store", "endpointurl", address)
            run_git(home.folder, "commit", "-q", "-a", "-m", name, needs_author=True)
            watch.time(f"`dvc push` of everything, {name} remote", lambda: _run(home, "dvc", "push"))
            watch.time(f"`dvc push` again, {name} remote", lambda: _run(home, "dvc", "push"))
            clone = (folder / name).resolve()
            run_git(folder, "clone", "-q", str(home.folder), str(clone))
            started = time.monotonic()
            _run(home, "dvc", "pull", folder=clone)
            watch.row(f"`dvc pull` in a fresh clone, {name} remote", f"{time.monotonic() - started:.1f} s")
    finally:
        server.stop()


def _children(home: Home, run_id: str) -> list[str]:
    content = {"flow_runs": {"parent_flow_run_id": {"any_": [run_id]}, "state": {"type": {"not_any_": ["PENDING"]}}}}
    return [child["name"] for child in home.prefect("POST", "/flow_runs/filter", content)]


def _wait(what: Callable[[], bool], name: str) -> None:
    if wait_for(what, SECONDS_FOR_A_RUN) is None:
        raise SoakError(f"{name} did not come within {SECONDS_FOR_A_RUN:.0f} s")


def _run(home: Home, module: str, *arguments: str, folder: Path | None = None) -> None:
    """``python -m module …``; a command that fails is no figure."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder or home.folder,
        env={**home.environment, **_KEY, **_AUTHOR},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SoakError(f"`{module} {' '.join(arguments)}` ends with {done.returncode}:\n{done.stdout}{done.stderr}")


def _make_bucket(address: str) -> None:
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=address,
        region_name=_KEY["AWS_DEFAULT_REGION"],
        aws_access_key_id=_KEY["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=_KEY["AWS_SECRET_ACCESS_KEY"],
    )
    client.create_bucket(Bucket="s1-results")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
