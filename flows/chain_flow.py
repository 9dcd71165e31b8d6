"""The parent flow: one Prefect task per DVC stage, in the order of DVC's graph.

Knows how a stage's command is run and what its end means; does not know what stages do, nor which are stale: DVC
decides that, stage by stage, in a process group of its own. A stage that ran has made itself a child of this flow run
(``flows.observed``); one that DVC skipped has not. Importing this module imports Prefect.

Example::

    build_chain(watch, name="s1-20250131-120000", ui_url=None)(stages=["collect", "curate"])
"""

import logging
import os
import re
import signal
import sys
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import Flow, Task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.runtime import flow_run
from prefect.states import Crashed

from infra.failures import StageFailedError
from infra.figures import flatten_params
from infra.pipeline import read_pipeline
from infra.processes import run_in_group
from infra.recorder import Recorder
from infra.settings import INVOCATION, LOGS_FOLDER, PARENT_FLOW_RUN_ID
from infra.spool import Spool
from infra.tracking import RunStatus
from s1.config import Params

logger = logging.getLogger(__name__)

_NUM_LINES_KEPT = 200
_CHATTER = re.compile(
    r"^(Running stage '|> python -m flows\.stage |Updating lock file|Generating lock file|To track the changes with git"
    r"|\tgit add |To enable auto staging|\tdvc config core\.autostage|Use `dvc push`"
    r"|Stage '.*' (didn't change|is cached)"
    r"|Data and pipelines are up to date|ERROR: failed to reproduce|Verifying data sources|\s*$)"
)
"""What DVC says of every stage; failures and the stages' own lines are shown."""
_EXIT = re.compile(r"exited with (-?\d+)")
"""How DVC tells a stage's own exit code; its own is 255 whatever happened."""
_LOCKED = re.compile(r"is busy, it is being blocked by|[Uu]nable to acquire lock|already locked|is locked by")


@dataclass(frozen=True, slots=True)
class Watch:
    """Who follows the chain, and what ties its processes together."""

    invocation: str
    recorder: Recorder
    params: Params


def build_chain(watch: Watch, *, name: str, ui_url: str | None) -> Flow[[list[str]], list[str]]:
    """The parent flow, which returns the stages that ran (the others were up to date)."""

    def chain(stages: list[str]) -> list[str]:
        parent = str(flow_run.id)
        tags = {"prefect.flow_run_id": parent, **_url_tag(ui_url, parent)}
        watch.recorder.open_chain(name, params=flatten_params(watch.params.model_dump(mode="json")), tags=tags)
        ran = []
        for number, stage in enumerate(stages, start=1):
            print(f"[{number}/{len(stages)}] {stage}", flush=True)
            if _as_task(stage, parent, watch, ui_url)():
                ran.append(stage)
        return ran

    return Flow(chain, name="s1", flow_run_name=name, persist_result=False, validate_parameters=False)


def _as_task(stage: str, parent: str, watch: Watch, ui_url: str | None) -> "Task[[], bool]":
    def dvc_repro() -> bool:
        return run_dvc_stage(stage, parent, watch, ui_url)

    label = f"dvc repro {stage}"
    return Task(fn=dvc_repro, name=label, task_run_name=label, cache_policy=NO_CACHE, persist_result=False)


def run_dvc_stage(stage: str, parent: str, watch: Watch, ui_url: str | None) -> bool:
    """Have DVC bring one stage up to date; return whether it had to run.

    Raises:
        StageFailedError: it could not.
    """
    sections = set(read_pipeline()[stage].params)
    watch.recorder.open_stage(stage, params=flatten_params(watch.params.model_dump(mode="json", include=sections)))
    started = time.monotonic()
    lines: deque[str] = deque(maxlen=_NUM_LINES_KEPT)
    status: RunStatus = "FAILED"
    tags: dict[str, str] = {}
    ran = True
    try:
        exit_code = run_in_group(
            [sys.executable, "-m", "dvc", "repro", "--single-item", stage],
            env=stage_environment(parent, watch.invocation),
            on_line=lambda line: _show(line, lines),
        )
        if exit_code != 0:
            try:
                _crash_unfinished_children(parent, stage)
            except Exception as error:  # a server that is away must not hide why the stage failed
                logger.warning("Prefect was not told that stage %s ended: %s", stage, error)
            raise StageFailedError(explain_exit(stage, exit_code, lines))
        status = "FINISHED"
        receipt = Spool(watch.invocation, stage).read_receipt()
        ran = receipt is not None
        if receipt is not None and receipt.flow_run_id is not None:
            tags = {"prefect.flow_run_id": receipt.flow_run_id, **_url_tag(ui_url, receipt.flow_run_id)}
    except (KeyboardInterrupt, SystemExit):
        status = "KILLED"
        raise
    finally:
        watch.recorder.close_stage(stage, status, reused=not ran, tags=tags)
    print(f"  {f'done in {time.monotonic() - started:.1f} s' if ran else 'up to date'}", flush=True)
    return ran


def stage_environment(parent_flow_run_id: str, invocation: str) -> dict[str, str]:
    """Environment of a stage's command: ``python`` is this one, and the stage knows its parent."""
    paths = [str(Path(sys.executable).parent), *os.environ.get("PATH", "").split(os.pathsep)]
    return {
        **os.environ,
        "PATH": os.pathsep.join(paths),
        INVOCATION: invocation,
        PARENT_FLOW_RUN_ID: parent_flow_run_id,
    }


def explain_exit(stage: str, exit_code: int, lines: "deque[str]") -> str:
    """What a stage's bad end means, from what it printed."""
    if any(_LOCKED.search(line) for line in lines):
        return (
            f"Stage {stage} could not start: another `dvc` or `make demo` is using this checkout. Wait for it, or use "
            "a second clone. If nothing runs, remove .dvc/tmp/rwlock and .dvc/tmp/lock and run again."
        )
    if any("not inside of a Git repository" in line or "not a git repository" in line for line in lines):
        return "This folder is no git repository, which DVC needs. Clone the project, or run `git init` here."
    told = [found.group(1) for line in lines if (found := _EXIT.search(line))]
    own_code = int(told[-1]) if told else exit_code
    if own_code < 0 or 128 < own_code <= 128 + signal.NSIG:
        number = -own_code if own_code < 0 else own_code - 128
        cause = f"was ended by signal {number}" + (" (often: out of memory)" if number == signal.SIGKILL else "")
    else:
        cause = f"ended with exit code {own_code}"
    return (
        f"Stage {stage} {cause}. What it said stands above; {LOGS_FOLDER}/{stage}.log holds tracebacks, if any. "
        "Mend the cause and run `make demo` again: finished stages and shards are not repeated."
    )


def _show(line: str, lines: "deque[str]") -> None:
    lines.append(line)
    if not _CHATTER.match(line):
        print(line, flush=True)


def _crash_unfinished_children(parent: str, stage: str) -> None:
    """A stage that was killed could not say so to Prefect: its run would show as running for ever."""
    wanted = FlowRunFilter(
        parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[UUID(parent)]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING])),
    )
    with get_client(sync_client=True) as client:
        for child in client.read_flow_runs(flow_run_filter=wanted):
            state: Any = Crashed(message=f"The process of stage {stage} ended without a word.")
            client.set_flow_run_state(child.id, state, force=True)


def _url_tag(ui_url: str | None, flow_run_id: str) -> Mapping[str, str]:
    return {} if ui_url is None else {"prefect.url": f"{ui_url}/runs/flow-run/{flow_run_id}"}
