"""A Prefect server's runs in memory, behind the calls that the keeper makes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from infra.services.api import TERMINAL, FlowRun, PrefectApi, RunState, StateType, TaskRun

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
WORKER = "box-s1"


def state(kind: StateType, *, name: str | None = None, seconds_ago: float = 0.0) -> RunState:
    return RunState(type=kind, name=name or kind.capitalize(), timestamp=NOW - timedelta(seconds=seconds_ago))


@dataclass
class Task:
    run: TaskRun
    state: StateType


@dataclass
class FakePrefect(PrefectApi):
    """Holds runs, changes states; ``parents`` maps the task run that stands for a child to its parent's id."""

    runs: dict[str, FlowRun] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)

    def add(self, run_id: str, current: RunState, *, parent: str | None = None, worker: str | None = WORKER) -> None:
        stands_for = f"{run_id}-stands-for" if parent is not None else None
        if parent is not None and stands_for is not None:
            self.parents[stands_for] = parent
        self.runs[run_id] = FlowRun(
            id=run_id,
            name=run_id,
            state=current,
            parent_task_run_id=stands_for,
            work_pool_name="s1" if parent is None else None,
            labels={} if worker is None else {"prefect.worker.name": worker},
        )

    def add_task(self, run_id: str, flow_run_id: str) -> None:
        self.tasks[run_id] = Task(TaskRun(id=run_id, name=run_id, flow_run_id=flow_run_id), "RUNNING")

    def state_of(self, run_id: str) -> StateType:
        current = self.runs[run_id].state
        assert current is not None
        return current.type

    def find_flow_runs(
        self, *, states: Sequence[StateType], parent_id: str | None = None, pool: str | None = None
    ) -> list[FlowRun]:
        return [
            run
            for run in self.runs.values()
            if self.state_of(run.id) in states
            and (parent_id is None or self.parents.get(run.parent_task_run_id or "") == parent_id)
            and (pool is None or run.work_pool_name == pool)
        ]

    def read_flow_run(self, flow_run_id: str) -> FlowRun | None:
        return self.runs.get(flow_run_id)

    def read_parent(self, run: FlowRun) -> FlowRun | None:
        return self.runs.get(self.parents.get(run.parent_task_run_id or "", ""))

    def find_open_task_runs(
        self, *, flow_run_id: str | None = None, ended_before: datetime | None = None
    ) -> list[TaskRun]:
        return [
            task.run
            for task in self.tasks.values()
            if task.state not in TERMINAL
            and (flow_run_id is None or task.run.flow_run_id == flow_run_id)
            and (ended_before is None or self._had_ended(task.run.flow_run_id or "", ended_before))
        ]

    def _had_ended(self, flow_run_id: str, moment: datetime) -> bool:
        current = self.runs[flow_run_id].state
        assert current is not None
        return current.type in TERMINAL and current.timestamp < moment

    def set_state(self, kind: Literal["flow", "task"], run_id: str, state: StateType, *, message: str) -> None:
        self.messages[run_id] = message
        if kind == "task":
            self.tasks[run_id].state = state
            return
        changed = RunState(type=state, name=state.capitalize(), timestamp=NOW)
        self.runs[run_id] = self.runs[run_id].model_copy(update={"state": changed})
