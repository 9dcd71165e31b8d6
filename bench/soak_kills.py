"""Which processes a soak kills and when: drawn from a seed, so that every stage and every kind of process has its turn.

Knows the kinds of processes by their command lines; does not know what a kill should lead to.

Example::

    plan = draw_plan(random.Random(0), stages=["base", "collect"])
    plan[0]                             # Moment(position=1, delay_seconds=0.8): 0.8 s after `base` has begun
    kill = kill_one(home, random.Random(0), stage="base")
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

from bench.soak_home import Home, command_line

MAX_DELAY_SECONDS = 5.0
"""After a stage has begun; most take about as long, DVC's and Python's start included."""

_KINDS: Mapping[str, str] = {
    "keeper": r" -m infra\.services\.keeper$",
    "Prefect server": r"prefect server start|prefect\.server",
    "MLflow": r"mlflow server|mlflow\.server",
    "worker": r"prefect worker start",
    "flow": r"flows\.engine",
    "stage": r"-m flows\.stage ",
    "dvc": r"-m dvc ",
    "rank": r"-u -m infra\.rank ",
    "launcher": r"torch\.distributed\.run",
}
"""Kind -> what its command line looks like; the flow is also the host of MLflow's recorder."""
_STAGE = re.compile(r"-m dvc repro --single-item (\w+)")


@dataclass(frozen=True, slots=True)
class Moment:
    """When a kill is due."""

    position: int
    """0: as soon as the flow's process lives; n: once the n-th stage has begun."""
    delay_seconds: float


@dataclass(frozen=True, slots=True)
class Kill:
    """A kill that was carried out."""

    kind: str
    command: str
    stage: str
    """The stage that was under way; ``start`` before the first, ``-`` where DVC was not at work."""

    def __str__(self) -> str:
        """``stage (train)``."""
        return f"{self.kind} ({self.stage})"


def draw_plan(chance: random.Random, *, stages: Sequence[str]) -> list[Moment]:
    """One or two moments, in the order of the chain."""
    positions = sorted(chance.sample(range(len(stages) + 1), chance.choice((1, 2))))
    return [Moment(position, chance.uniform(0.0, MAX_DELAY_SECONDS)) for position in positions]


def find_position(home: Home, stages: Sequence[str]) -> int | None:
    """How far the run under way is: 0 before its first stage; None while nothing executes it, or between stages."""
    lines = [command_line(process) for process in home.processes()]
    for line in lines:
        found = _STAGE.search(line)
        if found is not None and found.group(1) in stages:
            return 1 + list(stages).index(found.group(1))
    return 0 if any("flows.engine" in line for line in lines) else None


def kill_one(home: Home, chance: random.Random, *, stage: str) -> Kill | None:
    """Kill one random process: first a kind is drawn (all guards are one), then one of it; None without any process."""
    by_kind: dict[str, list[psutil.Process]] = {}
    for process in home.processes():
        line = command_line(process)
        if line:
            by_kind.setdefault(kind_of(line).split(" of ")[0], []).append(process)
    while by_kind:
        kind = chance.choice(sorted(by_kind))
        victim = chance.choice(sorted(by_kind.pop(kind), key=lambda process: process.pid))
        line = command_line(victim)
        try:
            victim.kill()
        except psutil.NoSuchProcess:  # it has just ended by itself
            continue
        return Kill(kind_of(line), line, stage)
    return None


def kind_of(line: str) -> str:
    """The kind of process that a command line starts."""
    own, guarded = _split_guard(line)
    if guarded is not None:
        return f"guard of {kind_of(guarded)}"
    for kind, pattern in _KINDS.items():
        if re.search(pattern, own):
            return "shell" if re.match(r"\S*sh -c ", own) else kind  # DVC runs a stage's command in one
    return "helper"


def _split_guard(line: str) -> tuple[str, str | None]:
    """What a guard runs: ``python -I -S …/guard.py <lifeline> <seconds> <command>``."""
    found = re.match(r"\S+ -I -S \S*/guard\.py \d+ [\d.]+ (.*)", line)
    return (line, found.group(1)) if found is not None else (line, None)
