"""Runs without a process get their true state; runs that have one, or need none, are left alone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.locks import describe_self, hold
from infra.services.api import FlowRun, StateType
from infra.services.running import OVERDUE_KILL_SECONDS, OVERDUE_SECONDS, end_overdue, find_running
from infra.services.sweep import (
    ORPHAN_SECONDS,
    SETTLE_SECONDS,
    UNCLAIMED_SECONDS,
    claim_path,
    remove_old_claims,
    sweep,
)
from tests.infra.prefect_fake import NOW, FakePrefect, state


def sweep_once(api: FakePrefect, claims: Path) -> list[str]:
    closed = sweep(api, claims=claims, worker_name="box-s1", work_pool="s1", now=NOW)
    return sorted(f"{item.flow_run_id} {item.state}" for item in closed)


def leave_claim(claims: Path, run_id: str, *, seconds_ago: float = SETTLE_SECONDS + 1) -> None:
    """What a killed process leaves: a claim with its name in it, which nobody holds."""
    path = claim_path(claims, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(describe_self("flow run").model_dump_json())
    moment = NOW.timestamp() - seconds_ago
    os.utime(path, (moment, moment))


def test_a_run_whose_claim_nobody_holds_has_crashed_with_its_children_and_tasks(tmp_path: Path) -> None:
    api = FakePrefect()
    api.add("chain", state("RUNNING"))
    api.add("stage", state("RUNNING"), parent="chain")
    api.add_task("shard", "stage")
    api.add_task("repro", "chain")
    leave_claim(tmp_path, "chain")
    assert sweep_once(api, tmp_path) == ["chain CRASHED", "stage CRASHED"]
    assert (api.tasks["shard"].state, api.tasks["repro"].state) == ("CRASHED", "CRASHED")
    assert api.messages["chain"] == (
        "Its process ended without a word; run it again, or retry it: finished stages are not repeated."
    )


@pytest.mark.parametrize("kind", ["PENDING", "RUNNING", "CANCELLING", "PAUSED"])
def test_a_run_whose_claim_is_held_is_left_alone(tmp_path: Path, kind: StateType) -> None:
    api = FakePrefect()
    api.add("chain", state(kind, seconds_ago=10 * UNCLAIMED_SECONDS))
    with hold(claim_path(tmp_path, "chain"), describe_self("flow run")):
        assert sweep_once(api, tmp_path) == []


def test_a_run_that_has_just_let_go_of_its_claim_may_tell_its_end_itself(tmp_path: Path) -> None:
    api = FakePrefect()
    api.add("chain", state("RUNNING", seconds_ago=1000))
    leave_claim(tmp_path, "chain", seconds_ago=SETTLE_SECONDS - 1)
    assert sweep_once(api, tmp_path) == []


def test_a_cancelled_run_is_cancelled_once_its_process_is_gone(tmp_path: Path) -> None:
    api = FakePrefect()
    api.add("chain", state("CANCELLING"))
    leave_claim(tmp_path, "chain")
    assert sweep_once(api, tmp_path) == ["chain CANCELLED"]
    assert api.messages["chain"] == "It was cancelled."


def test_a_suspended_run_waits_without_a_process(tmp_path: Path) -> None:
    api = FakePrefect()
    api.add("waiting", state("PAUSED", name="Suspended", seconds_ago=1e6))
    leave_claim(tmp_path, "waiting", seconds_ago=1e6)
    assert sweep_once(api, tmp_path) == []


def test_a_paused_run_whose_process_is_gone_has_crashed(tmp_path: Path) -> None:
    api = FakePrefect()
    api.add("waiting", state("PAUSED", seconds_ago=100))
    leave_claim(tmp_path, "waiting", seconds_ago=200)
    assert sweep_once(api, tmp_path) == ["waiting CRASHED"]


@pytest.mark.parametrize("kind", ["PENDING", "RUNNING"])
def test_a_run_that_no_process_claims_has_crashed_after_the_bound(tmp_path: Path, kind: StateType) -> None:
    api = FakePrefect()
    api.add("new", state(kind, seconds_ago=UNCLAIMED_SECONDS - 1))
    api.add("lost", state(kind, seconds_ago=UNCLAIMED_SECONDS + 1))
    assert sweep_once(api, tmp_path) == ["lost CRASHED"]


def test_runs_of_another_checkouts_worker_are_not_judged(tmp_path: Path) -> None:
    api = FakePrefect()
    api.add("elsewhere", state("RUNNING", seconds_ago=1e6), worker="other-s1")
    assert sweep_once(api, tmp_path) == []


@pytest.mark.parametrize("kind", ["SCHEDULED", "COMPLETED", "FAILED", "CRASHED", "CANCELLED"])
def test_waiting_and_ended_runs_are_left_alone(tmp_path: Path, kind: StateType) -> None:
    api = FakePrefect()
    api.add("chain", state(kind, seconds_ago=1e6))
    leave_claim(tmp_path, "chain", seconds_ago=1e6)
    assert sweep_once(api, tmp_path) == []


def test_a_retried_run_is_not_judged_by_the_claim_of_its_former_attempt(tmp_path: Path) -> None:
    api = FakePrefect()
    api.add("again", state("PENDING", seconds_ago=5))
    leave_claim(tmp_path, "again", seconds_ago=60)
    assert sweep_once(api, tmp_path) == []


def test_children_of_an_ended_run_end_after_a_grace(tmp_path: Path) -> None:
    api = FakePrefect()
    api.add("old", state("CRASHED", seconds_ago=ORPHAN_SECONDS + 1))
    api.add("old-stage", state("RUNNING", seconds_ago=100), parent="old")
    api.add("fresh", state("CRASHED", seconds_ago=ORPHAN_SECONDS - 1))
    api.add("fresh-stage", state("RUNNING", seconds_ago=100), parent="fresh")
    api.add_task("old-task", "old")
    api.add_task("fresh-task", "fresh")
    assert sweep_once(api, tmp_path) == ["old-stage CRASHED"]
    assert (api.tasks["old-task"].state, api.tasks["fresh-task"].state) == ("CRASHED", "RUNNING")


def test_a_child_of_a_former_attempt_ends_while_its_parent_runs_again(tmp_path: Path) -> None:
    api = FakePrefect()
    api.add("chain", state("RUNNING", seconds_ago=10))
    api.add("former", state("RUNNING", seconds_ago=50), parent="chain")
    api.add("present", state("RUNNING", seconds_ago=5), parent="chain")
    with hold(claim_path(tmp_path, "chain"), describe_self("flow run")):
        assert sweep_once(api, tmp_path) == ["former CRASHED"]


class EndsMeanwhile(FakePrefect):
    """A server on which a run completes right after it was listed as running."""

    def read_flow_run(self, flow_run_id: str) -> FlowRun | None:
        return self.runs[flow_run_id].model_copy(update={"state": state("COMPLETED", seconds_ago=-1)})


def test_a_run_that_completes_while_it_is_judged_stays_completed(tmp_path: Path) -> None:
    api = EndsMeanwhile()
    api.add("chain", state("RUNNING"))
    leave_claim(tmp_path, "chain")
    assert sweep_once(api, tmp_path) == []
    assert api.messages == {}


def test_claims_that_nobody_held_for_a_week_are_removed(tmp_path: Path) -> None:
    for name, days in (("old", 8), ("held", 8), ("new", 6)):
        leave_claim(tmp_path, name)
        moment = time.time() - days * 24 * 3600
        os.utime(claim_path(tmp_path, name), (moment, moment))
    with claim_path(tmp_path, "held").open("r+b") as file:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)
        remove_old_claims(tmp_path)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["held", "new"]


def test_running_are_those_of_the_pool_and_those_that_hold_a_claim(tmp_path: Path) -> None:
    api = FakePrefect()
    api.add("from-ui", state("RUNNING"))
    api.add("waits-for-a-person", state("PAUSED", name="Suspended"))
    api.add("from-ui-stage", state("RUNNING"), parent="from-ui")
    leave_claim(tmp_path, "dead")
    with hold(claim_path(tmp_path, "from-terminal"), describe_self("make demo")):
        found = find_running(api, claims=tmp_path, work_pool="s1")
        without_server = find_running(None, claims=tmp_path, work_pool="s1")
    assert [run.name for run in found] == ["make demo", "from-ui"]
    assert [run.name for run in without_server] == ["make demo"]


@contextmanager
def claiming_process(claims: Path, run_id: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds a run's claim and has no ear for SIGTERM."""
    program = (
        "import signal, sys, time; from pathlib import Path; from infra.locks import describe_self, hold\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('asked', flush=True))\n"
        "with hold(Path(sys.argv[1]), describe_self('flow run')):\n"
        "    print('held', flush=True)\n"
        "    while True: time.sleep(0.1)\n"
    )
    command = [sys.executable, "-c", program, str(claim_path(claims, run_id))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_a_cancellation_that_nobody_hears_is_told_to_the_process_and_then_enforced(tmp_path: Path) -> None:
    api = FakePrefect()
    with claiming_process(tmp_path, "deaf") as process:
        assert process.stdout is not None
        api.add("deaf", state("CANCELLING", seconds_ago=OVERDUE_SECONDS - 1))
        assert end_overdue(api, claims=tmp_path, now=NOW) == []
        api.add("deaf", state("CANCELLING", seconds_ago=OVERDUE_SECONDS + 1))
        assert [run.name for run in end_overdue(api, claims=tmp_path, now=NOW)] == ["deaf"]
        assert process.stdout.readline() == "asked\n"
        api.add("deaf", state("CANCELLING", seconds_ago=OVERDUE_KILL_SECONDS + 1))
        end_overdue(api, claims=tmp_path, now=NOW)
        assert process.wait(timeout=20) == -signal.SIGKILL
