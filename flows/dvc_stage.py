"""One stage under the parent flow: ``dvc repro -s <stage>`` in a process group of its own, and what its end means.

Knows DVC's words and exit codes; does not know what stages do, nor which are stale: DVC decides that. A stage that ran
has made itself a child of the flow run (``flows.observed``); one that DVC skipped has not. Importing this module
imports Prefect.

Example::

    run_dvc_stage("curate", parent="0b0e…", watch=watch)        # True: it had to run
"""

import logging
import os
import re
import signal
import sys
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.states import Crashed

from flows.watch import Tell, Watch
from infra.failures import StageFailedError
from infra.figures import flatten_params
from infra.pipeline import read_pipeline
from infra.processes import run_in_group
from infra.settings import INVOCATION, LOGS_FOLDER, PARENT_FLOW_RUN_ID
from infra.spool import Spool
from infra.tracking import RunStatus

logger = logging.getLogger(__name__)

GRACE_SECONDS = 5.0
"""What a cancelled stage has to end itself, its ranks included; then it is killed. Work is saved as it goes."""
_SECONDS_BETWEEN_TRIES = 2.0
_MAX_SECONDS_BETWEEN_TRIES = 15.0
_NUM_LINES_KEPT = 200
_CHATTER = re.compile(
    r"^(Running stage '|> python -m flows\.stage |Updating lock file|Generating lock file|To track the changes with git"
    r"|\tgit add |To enable auto staging|\tdvc config core\.autostage|Use `dvc push`"
    r"|Stage '.*' (didn't change|is cached)"
    r"|\[.*real_accelerator\.py"
    r"|\s*INFO prefect\."
    r"|Data and pipelines are up to date|ERROR: failed to reproduce|Verifying data sources|\s*$)"
)
"""What DVC, DeepSpeed and Prefect say of every stage; failures and the stages' own lines are shown."""
_EXIT = re.compile(r"exited with (-?\d+)")
"""How DVC tells a stage's own exit code; its own is 255 whatever happened."""
_LOCKED = re.compile(r"^ERROR: .*(is busy, it is being blocked by|[Uu]nable to acquire lock)")


def run_dvc_stage(stage: str, *, parent: str, watch: Watch) -> bool:
    """Have DVC bring one stage up to date; return whether it had to run.

    Raises:
        StageFailedError: it could not.
    """
    sections = read_pipeline()[stage].params
    watch.recorder.open_stage(stage, params=flatten_params(watch.params.dump(sections)))
    started = time.monotonic()
    status: RunStatus = "FAILED"
    tags: dict[str, str] = {}
    ran = True
    try:
        _repro(stage, parent, watch)
        status = "FINISHED"
        receipt = Spool(watch.invocation, stage).read_receipt()
        ran = receipt is not None
        if receipt is not None and receipt.flow_run_id is not None:
            tags = {"prefect.flow_run_id": receipt.flow_run_id, **url_tag(watch.ui_url, receipt.flow_run_id)}
    except StageFailedError:
        raise
    except BaseException:  # Ctrl-C, cancelled, or the program's own end
        status = "KILLED"
        raise
    finally:
        watch.recorder.close_stage(stage, status, reused=not ran, tags=tags)
    watch.tell(f"  {f'done in {time.monotonic() - started:.1f} s' if ran else 'up to date'}")
    return ran


def _repro(stage: str, parent: str, watch: Watch) -> None:
    waiting, pause = False, _SECONDS_BETWEEN_TRIES
    while True:
        lines: deque[str] = deque(maxlen=_NUM_LINES_KEPT)
        exit_code = run_in_group(
            [sys.executable, "-m", "dvc", "repro", "--single-item", stage],
            env=stage_environment(parent, watch.invocation),
            on_line=lambda line, lines=lines: _show(line, lines, watch.tell),  # type: ignore[misc]
            grace_seconds=GRACE_SECONDS,
            keep_open=() if watch.lock is None else (watch.lock,),
        )
        if exit_code == 0:
            return
        has_started = any(_EXIT.search(line) for line in lines)
        if has_started or not any(_LOCKED.search(line) for line in lines):
            break
        if not waiting:
            watch.tell(f"Waiting for another `dvc` in this folder ({_blocker(lines)}); stage {stage} comes after it.")
        waiting = True
        time.sleep(pause)
        pause = min(2 * pause, _MAX_SECONDS_BETWEEN_TRIES)
    try:
        _crash_unfinished_children(parent, stage)
    except Exception as error:  # a server that is away must not hide why the stage failed
        logger.warning("Prefect was not told that stage %s ended: %s", stage, error)
    raise StageFailedError(explain_exit(stage, exit_code, lines))


def _blocker(lines: "deque[str]") -> str:
    told = [line.strip() for line in lines if "PID" in line and not line.startswith("If there")]
    return told[0] if told else "its process is not known; without one, remove .dvc/tmp/lock and .dvc/tmp/rwlock"


def stage_environment(parent_flow_run_id: str, invocation: str) -> dict[str, str]:
    """Environment of a stage's command: ``python`` is this one, and the stage knows its parent."""
    paths = [str(Path(sys.executable).parent), *os.environ.get("PATH", "").split(os.pathsep)]
    environment = {
        **os.environ,
        "PATH": os.pathsep.join(paths),
        INVOCATION: invocation,
        PARENT_FLOW_RUN_ID: parent_flow_run_id,
    }
    # Of the parent's own flow run, if a worker started it: a stage is another one.
    return {name: value for name, value in environment.items() if not name.startswith("PREFECT__")}


def explain_exit(stage: str, exit_code: int, lines: "deque[str]") -> str:
    """What a stage's bad end means, from what it printed."""
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
        "Mend the cause and run again: finished stages and shards are not repeated."
    )


def _show(line: str, lines: "deque[str]", tell: Tell) -> None:
    lines.append(line)
    if not _CHATTER.match(line) and not _LOCKED.match(line):
        tell(line)


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


def url_tag(ui_url: str | None, flow_run_id: str) -> Mapping[str, str]:
    """The tag that leads to a flow run's page, in the version of Prefect's pages that its own address opens."""
    return {} if ui_url is None else {"prefect.url": f"{ui_url}/v2/runs/flow-run/{flow_run_id}"}
