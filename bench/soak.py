"""A soak: chain runs in a row, as Prefect's UI starts them, while random processes are killed; then all is checked.

Makes a clone of the project at the smallest setting, with servers of its own, and starts run after run with one
parameter changed. While a run goes, one or two random processes of the clone (servers, keeper, guards, flow, DVC,
stages, ranks) get ``kill -9`` at random moments; what a user would do follows: ``make up`` after the keeper's death,
Retry when the run has ended badly. At the end: is every artifact whole, every record there, no process left, and what
did each run add to the disk? Prints a page of Markdown; the exit code is 1 when anything is wrong.

Example::

    python -m bench.soak --runs 10 --seed 0
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.soak_checks import (
    check_artifacts,
    check_metrics,
    check_mlflow,
    check_prefect,
    check_processes,
    check_records,
    compare,
    files_of,
    name_experiment,
    read_experiment,
)
from bench.soak_home import ENDED, Home, SoakError, create_home, wait_for
from bench.soak_kills import Kill, draw_plan, find_position, kill_one
from infra.pipeline import read_pipeline
from infra.workspace import create_workspace

ROOT = Path(__file__).parents[1]
MAX_TRIES = 8
MAX_SECONDS = 1800.0
"""Of one run, all its tries together."""
ORPHAN_SECONDS = 30.0
"""Within which nothing of an ended run may live any more."""
SECONDS_TO_READ = 3.0
"""Before a person presses Retry: Prefect's worker reports a death twice within a second; a retry between is lost."""
_POLL_SECONDS = 0.3
_PARTS: Mapping[str, str] = {
    ".dvc/cache": "DVC's cache",
    ".s1/prefect": "Prefect's history",
    ".s1/logs": "logs",
    ".s1": "rest of `.s1`",
    "mlruns": "MLflow",
    ".git": "git",
}
"""Folder -> its name in the table; a folder inside another one is counted once, by itself."""


@dataclass(slots=True)
class Run:
    """One run of the soak and what happened to it."""

    name: str
    changes: Mapping[str, object]
    """Against the smallest setting."""
    what: str
    flow_run_id: str = ""
    kills: list[Kill] = field(default_factory=list)
    num_tries: int = 1
    seconds: float = 0.0
    state: str = ""
    orphans: list[str] = field(default_factory=list)
    added: Mapping[str, int] = field(default_factory=dict)
    """Bytes on disk by folder."""


def main(argv: Sequence[str]) -> int:
    """Soak, check, print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="decides parameters, moments and victims")
    parser.add_argument("--folder", type=Path, help="a new folder for the clone; a temporary one without it")
    arguments = parser.parse_args(argv)
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="s1-soak-"))
    stages = list(read_pipeline(ROOT / "dvc.yaml"))
    home = create_home(folder / "home", source=ROOT)
    _tell(f"soaking in {home.folder}")
    chance = random.Random(arguments.seed)
    runs = [_plan_run(number, chance) for number in range(1, arguments.runs + 1)]
    try:
        home.up()
        for run in runs:
            soak(home, run, chance, stages=stages)
        wrong = judge(home, runs, stages=stages)
    finally:
        done = home.run("-m", "flows.services", "down", "--force")
        _tell(done.stdout.strip())
    left = wait_for(lambda: not home.processes(), ORPHAN_SECONDS)
    wrong["after `make down` no process is left"] = [] if left is not None else home.extra_processes()
    wrong["equal to an undisturbed run"] = _compare_with_control(home, runs, folder=folder / "control")
    print_page(runs, wrong)
    return 1 if any(wrong.values()) else 0


def _plan_run(number: int, chance: random.Random) -> Run:
    """Odd runs have another seed, so that every stage runs; even ones another learning rate on top."""
    seed = (number + 1) // 2
    name = f"soak-{number:02d}"
    if number % 2:
        return Run(name, {"seed": seed}, what=f"seed {seed}")
    rate = round(chance.uniform(0.0001, 0.001), 6)
    return Run(name, {"seed": seed, "train.learning_rate": rate}, what=f"train.learning_rate {rate}")


def soak(home: Home, run: Run, chance: random.Random, *, stages: Sequence[str]) -> None:
    """Start one run, kill processes while it goes, do what a user would do, until it is Completed or hopeless."""
    before = measure(home.folder)
    started = time.monotonic()
    plan = draw_plan(chance, stages=stages)
    run.flow_run_id = home.start(run.name, run.changes)
    while time.monotonic() - started < MAX_SECONDS:
        run.state = home.state_of(run.flow_run_id)
        if run.state == "COMPLETED":
            break
        if run.state in ENDED:
            if run.num_tries == MAX_TRIES or wait_for(home.is_ready, 300.0) is None:
                break
            run.num_tries += 1
            time.sleep(SECONDS_TO_READ)
            home.retry(run.flow_run_id)
        position = find_position(home, stages) if plan else None
        if plan and position is not None and position >= plan[0].position:
            time.sleep(plan.pop(0).delay_seconds)
            _kill(home, run, chance, stage=_name_position(home, stages))
        time.sleep(_POLL_SECONDS)
    run.seconds = time.monotonic() - started
    if wait_for(lambda: not home.extra_processes(), ORPHAN_SECONDS) is None:
        run.orphans = home.extra_processes()
    after = measure(home.folder)
    run.added = {part: after[part] - before[part] for part in _PARTS}
    kills = ", ".join(str(kill) for kill in run.kills)
    _tell(f"{run.name}: {run.what}; {run.state} after {run.seconds:.0f} s, {run.num_tries} tries; killed {kills}")


def _name_position(home: Home, stages: Sequence[str]) -> str:
    position = find_position(home, stages)
    return "-" if position is None else "start" if position == 0 else stages[position - 1]


def _kill(home: Home, run: Run, chance: random.Random, *, stage: str) -> None:
    kill = kill_one(home, chance, stage=stage)
    if kill is None:
        return
    run.kills.append(kill)
    _tell(f"  {run.name}: killed {kill}: {kill.command[:150]}")
    if kill.kind == "keeper":
        home.up()


def measure(folder: Path) -> dict[str, int]:
    """Bytes on disk of every part; a part inside another one is taken off that one."""
    sizes = {part: _size(folder / part) for part in _PARTS}
    for part in _PARTS:
        for other in _PARTS:
            if Path(part) in Path(other).parents:
                sizes[part] -= sizes[other]
    return sizes


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_blocks * 512
        except FileNotFoundError:  # a server has just removed it
            continue
    return total


def judge(home: Home, runs: Sequence[Run], *, stages: Sequence[str]) -> dict[str, list[str]]:
    """What is wrong, by what should be true; while the servers run."""
    experiments = {run.name: name_experiment(home.folder, run.name, run.flow_run_id) for run in runs}
    names = list(experiments.values())
    ids = {run.name: run.flow_run_id for run in runs}
    wait_for(home.is_ready, 300.0)
    checks: Mapping[str, Callable[[], list[str]]] = {
        "every run Completed in Prefect with all its stages, nothing open": lambda: check_prefect(
            home, ids, stages=stages
        ),
        "every run and stage FINISHED once in MLflow with figures, none RUNNING": lambda: check_mlflow(
            home, ids, experiments, stages=stages
        ),
        "30 s after each run no process but the servers": lambda: [one for run in runs for one in run.orphans],
        "all three servers run, and nothing else": lambda: check_processes(home),
        "every artifact whole: experiments, and md5 of each file in DVC's cache": lambda: check_artifacts(
            home.folder, names, stages=stages
        ),
        "`dvc exp show` has every experiment with every stage's metrics": lambda: check_metrics(
            home, names, stages=stages
        ),
        "every question accounted for in the files": lambda: check_records(home.folder, names),
    }
    found: dict[str, list[str]] = {}
    for what, check in checks.items():
        try:
            found[what] = check()
        except Exception as error:  # a run that left nothing must not hide what else is wrong
            found[what] = [f"could not be checked: {error!r}"]
    return found


def _compare_with_control(home: Home, runs: Sequence[Run], *, folder: Path) -> list[str]:
    """Run the parameters of the most disturbed run of each kind again, without servers and in peace, and compare."""
    wrong = []
    for kind in (0, 1):
        group = runs[kind::2]
        if not group:
            continue
        run = max(group, key=lambda one: (one.num_tries, len(one.kills)))
        lock = read_experiment(home.folder, name_experiment(home.folder, run.name, run.flow_run_id))
        if lock is None:
            wrong.append(f"{run.name} left no experiment")
            continue
        cache = folder.with_name(f"{folder.name}-cache")
        create_workspace(folder, source=home.folder, overrides=run.changes, cache=cache)
        done = home.run("-m", "dvc", "repro", "--quiet", folder=folder)
        if done.returncode != 0:
            raise SoakError(f"the undisturbed run failed:\n{done.stdout}")
        ours = files_of(lock, home.folder / ".dvc/cache")
        control = files_of(_read_lock(folder), cache)
        wrong += [f"{run.name}: {name} differs" for name in compare(ours, control)]
        _tell(f"{run.name} compared with an undisturbed run: {len(control)} files")
    return wrong


def _read_lock(folder: Path) -> Mapping[str, object]:
    import yaml

    content: Mapping[str, object] = yaml.safe_load((folder / "dvc.lock").read_text(encoding="utf-8"))
    return content


def print_page(runs: Sequence[Run], wrong: Mapping[str, list[str]]) -> None:
    """Tables of runs, of disk and of checks."""
    print("| run | changed | killed (during) | tries | seconds | state |")
    print("|---|---|---|---:|---:|---|")
    for run in runs:
        kills = ", ".join(str(kill) for kill in run.kills) or "nobody"
        print(f"| {run.name} | {run.what} | {kills} | {run.num_tries} | {run.seconds:.0f} | {run.state} |")
    print(f"\n| MB added | {' | '.join(_PARTS.values())} | all |")
    print("|---|" + "---:|" * (len(_PARTS) + 1))
    for run in runs:
        _print_disk(run.name, [run])
    _print_disk("median, all stages new", runs[0::2])
    if len(runs) > 1:
        _print_disk("median, from `train` on", runs[1::2])
    print()
    for what, items in wrong.items():
        print(f"- {what}: {'yes' if not items else f'NO ({len(items)})'}")
        for item in items[:20]:
            print(f"  - {item}")


def _print_disk(label: str, runs: Sequence[Run]) -> None:
    parts = [median(run.added.get(part, 0) for run in runs) / 1e6 for part in _PARTS]
    total = median(sum(run.added.values()) for run in runs) / 1e6
    print(f"| {label} | " + " | ".join(f"{value:.1f}" for value in parts) + f" | {total:.1f} |")


def _tell(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
