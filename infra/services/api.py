"""Prefect's REST API, as far as keeping its runs truthful needs it; without importing Prefect, which takes seconds.

Knows requests and answers; does not know when a run counts as dead (``infra.services.sweep`` does).

Example::

    with PrefectApi("http://127.0.0.1:4200/api", credentials=None) as api:
        api.find_flow_runs(states=("RUNNING",))
"""

import time
from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, Self

import httpx
from pydantic import BaseModel, ConfigDict, Field

from infra.services.options import Credentials

StateType = Literal[
    "SCHEDULED", "PENDING", "RUNNING", "CANCELLING", "PAUSED", "COMPLETED", "FAILED", "CRASHED", "CANCELLED"
]
TERMINAL: tuple[StateType, ...] = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
_PAGE = 200
_TIMEOUT_SECONDS = 10.0
_PAUSES_SECONDS = (0.5, 1.0, 2.0)


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class RunState(_Answer):
    """State of a flow run or task run."""

    type: StateType
    name: str
    timestamp: datetime
    """When it came into this state."""


class FlowRun(_Answer):
    """A flow run."""

    id: str
    name: str
    state: RunState | None = None
    parent_task_run_id: str | None = None
    """The task run that stands for it in its parent, where it has one."""
    work_pool_name: str | None = None
    labels: dict[str, Any] = Field(default_factory=dict)


class TaskRun(_Answer):
    """A task run."""

    id: str
    name: str
    flow_run_id: str | None = None


class _Worker(_Answer):
    name: str
    status: str | None = None
    last_heartbeat_time: datetime | None = None


def answers(health_url: str) -> bool:
    """Whether a server says that it is well; both servers say so without credentials."""
    try:
        return httpx.get(health_url, timeout=_TIMEOUT_SECONDS, trust_env=False).status_code == httpx.codes.OK
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


class PrefectApi:
    """One server's API. Every call raises ``httpx.HTTPError`` when the server does not answer or refuses."""

    def __init__(self, url: str, *, credentials: Credentials | None) -> None:
        auth = (credentials.user, credentials.password) if credentials is not None else None
        self._url = url
        self._client = httpx.Client(base_url=url, auth=auth, timeout=_TIMEOUT_SECONDS, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._client.close()

    def answers(self) -> bool:
        """Whether the server is there."""
        return answers(f"{self._url}/health")

    def ensure_work_pool(self, name: str, *, concurrency_limit: int) -> None:
        """See to it that a pool of local processes exists, with this many runs side by side."""
        pool = {"name": name, "type": "process", "concurrency_limit": concurrency_limit}
        answer = self._call("POST", "/work_pools/", json=pool)
        if answer.status_code == httpx.codes.CONFLICT:
            answer = self._call("PATCH", f"/work_pools/{name}", json={"concurrency_limit": concurrency_limit})
        answer.raise_for_status()

    def worker_is_online(self, pool: str, worker: str, *, since: float) -> bool:
        """Whether a worker has been heard of after a moment (seconds since the epoch)."""
        answer = self._call("POST", f"/work_pools/{pool}/workers/filter", json={"limit": _PAGE})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return False
        workers = [_Worker.model_validate(item) for item in answer.raise_for_status().json()]
        return any(
            item.name == worker
            and item.last_heartbeat_time is not None
            and item.last_heartbeat_time.timestamp() > since
            for item in workers
        )

    def find_flow_runs(
        self, *, states: Sequence[StateType], parent_id: str | None = None, pool: str | None = None
    ) -> list[FlowRun]:
        """Flow runs in certain states, on wish only the children of one run, or those of one work pool."""
        wanted: dict[str, Any] = {"state": {"type": {"any_": list(states)}}}
        if parent_id is not None:
            wanted["parent_flow_run_id"] = {"any_": [parent_id]}
        query: dict[str, Any] = {"flow_runs": wanted}
        if pool is not None:
            query["work_pools"] = {"name": {"any_": [pool]}}
        return [FlowRun.model_validate(item) for item in self._pages("/flow_runs/filter", query)]

    def read_flow_run(self, flow_run_id: str) -> FlowRun | None:
        """One flow run; None when there is none of this id."""
        answer = self._call("GET", f"/flow_runs/{flow_run_id}")
        return None if answer.status_code == httpx.codes.NOT_FOUND else FlowRun.model_validate(_json(answer))

    def read_parent(self, run: FlowRun) -> FlowRun | None:
        """The flow run that a run is a child of."""
        if run.parent_task_run_id is None:
            return None
        answer = self._call("GET", f"/task_runs/{run.parent_task_run_id}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        flow_run_id = TaskRun.model_validate(_json(answer)).flow_run_id
        return None if flow_run_id is None else self.read_flow_run(flow_run_id)

    def find_open_task_runs(
        self, *, flow_run_id: str | None = None, ended_before: datetime | None = None
    ) -> list[TaskRun]:
        """Task runs that have not ended: of one flow run, or of all that had ended before a moment."""
        flows: dict[str, Any] = {}
        if flow_run_id is not None:
            flows["id"] = {"any_": [flow_run_id]}
        if ended_before is not None:
            flows |= {"state": {"type": {"any_": list(TERMINAL)}}, "end_time": {"before_": ended_before.isoformat()}}
        tasks = {"state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING", "PAUSED"]}}}
        items = self._pages("/task_runs/filter", {"flow_runs": flows, "task_runs": tasks})
        return [TaskRun.model_validate(item) for item in items]

    def set_state(self, kind: Literal["flow", "task"], run_id: str, state: StateType, *, message: str) -> None:
        """Bring a run into a state, whatever it was in; a run that was deleted meanwhile is left alone."""
        content = {"state": {"type": state, "name": state.capitalize(), "message": message}, "force": True}
        answer = self._call("POST", f"/{kind}_runs/{run_id}/set_state", json=content)
        if answer.status_code != httpx.codes.NOT_FOUND:
            answer.raise_for_status()

    def ask_to_cancel(self, flow_run_id: str) -> None:
        """Have a run cancelled by whoever executes it."""
        content = {"state": {"type": "CANCELLING", "name": "Cancelling", "message": "make down"}}
        self._call("POST", f"/flow_runs/{flow_run_id}/set_state", json=content).raise_for_status()

    def _call(self, method: str, path: str, *, json: object = None) -> httpx.Response:
        """Send a request, again while SQLite is busy: the server then answers 503 after a while of its own."""
        for pause in (*_PAUSES_SECONDS, None):
            answer = self._client.request(method, path, json=json)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or pause is None:
                break
            time.sleep(pause)
        return answer

    def _pages(self, path: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = _json(self._call("POST", path, json={**query, "limit": _PAGE, "offset": len(found)}))
            found.extend(page)
            if len(page) < _PAGE:
                return found


def _json(answer: httpx.Response) -> Any:
    return answer.raise_for_status().json()
